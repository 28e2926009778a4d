"""A whole conversation between LiveKit's google plugin and the stand-in at CONURE_STANDIN_URL.

Its first reply asks for the function `how_warm`. Run it by scripts/foreign-clients: that installs the plugin.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import Any

import numpy as np
from google.genai import types
from livekit import rtc  # type: ignore[import-not-found]  # scripts/foreign-clients installs it
from livekit.agents import llm  # type: ignore[import-not-found]  # the same
from livekit.plugins import google  # type: ignore[import-not-found]  # the same

STEP_S = 15.0
RATE_HZ = 24_000


def speech(seconds: float, level: float) -> list[Any]:
    """Frames of 20 ms of noise."""
    noise = np.random.default_rng(1).standard_normal(round(seconds * RATE_HZ)) * level
    samples = np.clip(noise, -32768, 32767).astype("<i2")
    return [
        rtc.AudioFrame(samples[start : start + 480].tobytes(), RATE_HZ, 1, 480)
        for start in range(0, len(samples) - 479, 480)
    ]


@llm.function_tool  # type: ignore[untyped-decorator]  # installed there, too
async def how_warm() -> str:
    """How warm it is."""
    return "20"


class Talk:
    """A session of the plugin, and the generations that it tells of."""

    def __init__(self) -> None:
        trust = ssl.create_default_context(cafile=os.environ["CONURE_STANDIN_CA"])
        self.model = google.realtime.RealtimeModel(
            api_key="made-up-key",
            presence_penalty=0.1,
            frequency_penalty=0.1,
            http_options=types.HttpOptions(
                base_url=os.environ["CONURE_STANDIN_URL"],
                api_version="v1beta",
                async_client_args={"ssl": trust},
            ),
        )
        self.session = self.model.session()
        self.generations: asyncio.Queue[Any] = asyncio.Queue()
        self.session.on("generation_created", self.generations.put_nowait)
        self.session.on("error", lambda error: print(f"error: {error}", flush=True))

    async def next_generation(self) -> Any:
        """The next that the model begins."""
        return await asyncio.wait_for(self.generations.get(), STEP_S)

    async def hear(self, generation: Any) -> float:
        """Seconds of sound in it."""
        seconds = 0.0
        async for message in generation.message_stream:
            async for frame in message.audio_stream:
                seconds += frame.duration
        return seconds

    async def answer_call(self, generation: Any) -> None:
        """Answer the first function that it asks for."""
        async for call in generation.function_stream:
            context = self.session.chat_ctx.copy()
            context.items.append(call)
            output = llm.FunctionCallOutput(call_id=call.call_id, name=call.name, output="20", is_error=False)
            context.items.append(output)
            await self.session.update_chat_ctx(context)
            return
        raise AssertionError("no function was asked for")


async def main() -> None:
    """The conversation."""
    talk = Talk()
    await talk.session.update_tools([how_warm])
    await talk.session.update_instructions("Be brief.")
    asking = talk.session.generate_reply(instructions="Say how warm it is.")
    generation = await talk.next_generation()
    await asyncio.wait_for(talk.answer_call(generation), STEP_S)
    heard_s = await asyncio.wait_for(talk.hear(await talk.next_generation()), STEP_S)
    assert heard_s > 0.1
    await asyncio.wait_for(asking, STEP_S)
    print(f"ok a tool call: {heard_s:.2f} s of sound", flush=True)
    for seconds in (1.5, 0.8):
        for frame in [*speech(seconds, 6000.0), *speech(1.2, 0.0)]:
            talk.session.push_audio(frame)
        heard_s = await asyncio.wait_for(talk.hear(await talk.next_generation()), STEP_S)
        assert heard_s > seconds
        print(f"ok speech of {seconds} s: {heard_s:.2f} s of sound", flush=True)
        await asyncio.sleep(heard_s)  # as long as one would listen; sooner would be an interruption
    await talk.session.aclose()
    await talk.model.aclose()


if __name__ == "__main__":
    asyncio.run(main())
