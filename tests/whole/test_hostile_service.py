"""The whole daemon against a service that says anything: it lives, the light is true, memory is bounded."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from raw_service import RawService, raw_service
from rig import WIRE_TOLERANCE_S, Rig, running_rig, with_keys
from websockets.exceptions import ConnectionClosed

from daemon.config.settings import Settings
from daemon.words import Phase

pytestmark = pytest.mark.filterwarnings("ignore:.*is not a valid")  # the SDK's, at an unknown word

SOUND = base64.b64encode(bytes(range(1, 241)) * 40).decode()
"""0.2 s at 24 kHz."""

AUDIO = {
    "serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": SOUND}}]}}
}
END = {"serverContent": {"turnComplete": True}}
WHOLE = {"serverContent": {"generationComplete": True}}
WORKING = {"serverContent": {"interactionStatus": "IN_PROGRESS"}}
IDLE = {"serverContent": {"interactionStatus": "IDLE", "turnComplete": True}}


class Hostile:
    """A rig that talks to a raw service, and the service."""

    def __init__(self, rig: Rig, service: RawService) -> None:
        self.rig = rig
        self.service = service
        self.audio_at_s: list[float] = []
        self.ends = 0
        self._ended = asyncio.Event()
        service.said_to = self._note

    def _note(self, message: dict[str, Any]) -> None:
        said = message.get("realtimeInput", {})
        if "audio" in said:
            self.audio_at_s.append(time.monotonic())
        if "activityEnd" in said:
            self.ends += 1
            self._ended.set()

    async def ask(self) -> None:
        """Ask a question, until the server has all of it."""
        self._ended.clear()
        await self.rig.ask_aloud()
        await self.rig.until(self._ended.is_set)

    def assert_light_promise(self) -> None:
        """Audio arrived only while the light was blue."""
        spans = self.rig.blue_spans()
        for at_s in self.audio_at_s:
            assert any(since_s <= at_s <= until_s + WIRE_TOLERANCE_S for since_s, until_s in spans)


@contextlib.asynccontextmanager
async def hostile(settings: Settings, **rig_keys: Any) -> AsyncIterator[Hostile]:
    async with (
        raw_service() as service,
        running_rig(
            settings,
            base_url=service.base_url,
            trust=service.authority.client_context(),
            jitter=0.0,
            **rig_keys,
        ) as rig,
    ):
        await service.arrived.wait()
        world = Hostile(rig, service)
        yield world
        world.assert_light_promise()


@pytest.fixture
def settings() -> Settings:
    return with_keys(
        Settings(),
        vad={"silence_ms": 300},
        trigger={"follow_up_s": 0.3, "voice": "off"},
        live={"answer_timeout_s": 5.0},
        button={"double": "none"},  # two taps of two questions are none
    )


# --- one fault each


async def test_an_end_that_is_told_twice_leaves_the_next_answer_whole(settings: Settings) -> None:
    async with hostile(settings) as world:
        await world.ask()
        await world.service.say(AUDIO, WHOLE, END)
        await world.rig.until_turns_over(1)
        await world.ask()
        await world.service.say(END)
        await asyncio.sleep(0.6)  # an answer begins later than half a second after its question
        await world.service.say(AUDIO, WHOLE, END)
        await world.rig.until_turns_over(2)
        assert [turn["outcome"] for turn in world.rig.turns_over()] == ["answered", "answered"]


@pytest.mark.parametrize("whole_first", [True, False])
async def test_announced_work_is_thought_and_its_answer_is_heard(
    settings: Settings, *, whole_first: bool
) -> None:
    policy = {"stall_timeout_s": 0.3, "end_timeout_s": 0.3, "answer_timeout_s": 0.5}
    async with hostile(settings, policy=policy) as world:
        await world.ask()
        await world.service.say(AUDIO, WORKING, *([WHOLE] if whole_first else []))
        await world.rig.until(lambda: world.rig.states[-2:] == ["speaking", "thinking"])
        await asyncio.sleep(1.2)  # longer than each of the watchdogs
        await world.service.say(AUDIO, WHOLE, IDLE)
        await world.rig.until_turns_over()
        [turn] = world.rig.turns_over()
        assert turn["outcome"] == "answered"
        assert "error" not in world.rig.earcons
        assert len(world.service.connections) == 1


async def test_a_service_that_speaks_or_calls_unasked_opens_no_ears(settings: Settings) -> None:
    call = {"toolCall": {"functionCalls": [{"id": "1", "name": "get_time", "args": {}}]}}
    async with hostile(settings) as world:
        await world.rig.until_online()
        await world.service.say(AUDIO, END, call)
        await world.rig.until(lambda: any("tool_response" in said for said in world.service.heard))
        await world.service.say(AUDIO, WHOLE, END)
        await world.rig.until_state("speaking")
        await world.rig.until(lambda: world.rig.conure.controller.state.phase is Phase.IDLE)
        assert "follow_up" not in world.rig.states
        assert "listening" not in world.rig.states


async def test_a_word_for_the_end_that_is_not_known_is_no_failure(settings: Settings) -> None:
    async with hostile(settings) as world:
        for word in ("NEED_MORE_INPUT", "A_LATER_WORD"):
            await world.ask()
            reason = {"turnComplete": True, "turnCompleteReason": word}
            await world.service.say(AUDIO, WHOLE, {"serverContent": reason})
            await world.rig.until_turns_over(world.ends)
        assert [turn["outcome"] for turn in world.rig.turns_over()] == ["answered", "answered"]
        assert "error" not in world.rig.earcons


# --- all of them together

SEED = 20261130
MESSAGES = 1000
MEMORY_BYTES = 48 * 2**20
"""Growth of the process over all of it; 16 messages of 2 MiB that wait to be read are as much."""


def anything(dice: random.Random, depth: int = 0) -> Any:
    """A value of JSON of any type, mostly small, now and then absurd."""
    makers: list[Callable[[], Any]] = [
        lambda: None,
        lambda: dice.choice([True, False]),
        lambda: dice.choice([0, -1, 1, 2**31, -(2**63), 10**400, 1e308, float("inf"), float("nan")]),
        lambda: dice.choice(["", "x", "IDLE", "50s", "-9s", "\ud800", "\x1b[2J\x9b\u202e", "é", SOUND]),
        lambda: "y" * dice.choice([10, 5000, 100_000]),
        lambda: [anything(dice, depth + 1) for _ in range(dice.randrange(4))] if depth < 4 else [],
        lambda: (
            {word(dice): anything(dice, depth + 1) for _ in range(dice.randrange(4))} if depth < 4 else {}
        ),
    ]
    return dice.choice(makers)()


WORDS = (
    "serverContent", "modelTurn", "parts", "inlineData", "data", "mimeType", "text", "thought",
    "turnComplete", "turnCompleteReason", "interrupted", "generationComplete", "interactionStatus",
    "inputTranscription", "outputTranscription", "groundingMetadata", "toolCall", "functionCalls", "id",
    "name", "args", "toolCallCancellation", "ids", "goAway", "timeLeft", "sessionResumptionUpdate",
    "newHandle", "resumable", "usageMetadata", "promptTokenCount", "responseTokenCount", "setupComplete",
    "voiceActivity", "error", "code", "brandNewThing",
)  # fmt: skip


def word(dice: random.Random) -> str:
    return dice.choice(WORDS)


def well_formed(dice: random.Random) -> dict[str, Any]:
    """A message as the service says it, of any kind."""
    calls = [{"id": str(dice.randrange(5)), "name": dice.choice(["get_time", "nothing"]), "args": {}}]
    return dice.choice(
        [
            AUDIO,
            END,
            WHOLE,
            WORKING,
            IDLE,
            {"serverContent": {"interrupted": True}},
            {"serverContent": {"inputTranscription": {"text": "hello"}}},
            {"toolCall": {"functionCalls": calls}},
            {"toolCallCancellation": {"ids": ["1", "2"]}},
            {"sessionResumptionUpdate": {"newHandle": "handle", "resumable": True}},
            {"usageMetadata": {"promptTokenCount": 10, "responseTokenCount": 20}},
            {"goAway": {"timeLeft": "60s"}},
        ]
    )


def mistyped(dice: random.Random) -> dict[str, Any]:
    """A well-formed message in which one value somewhere is anything."""
    message: dict[str, Any] = json.loads(json.dumps(well_formed(dice)))
    place: Any = message
    while True:
        key = dice.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if not isinstance(place[key], dict | list) or not place[key] or dice.random() < 0.4:
            place[key] = anything(dice)
            return message
        place = place[key]


def absurd(dice: random.Random) -> str | bytes:
    """What is no message at all, or far too much of one."""
    choices: list[str | bytes] = [
        "[" * 2000,
        '{"a":' * 3000,
        "",
        "{",
        "null",
        b"\xff\xfe",
        '{"usageMetadata": {"promptTokenCount": ' + "9" * 5000 + "}}",
        json.dumps({"sessionResumptionUpdate": {"newHandle": "h" * 1_000_000, "resumable": True}}),
        json.dumps({"serverContent": {"outputTranscription": {"text": "t" * 1_000_000}}}),
        json.dumps({"serverContent": {"modelTurn": {"parts": [{"text": "a"}] * 5000}}}),
        json.dumps({"toolCall": {"functionCalls": [{"id": "1", "name": "x"}] * 5000}}),
        json.dumps({"toolCall": {"functionCalls": [{"id": str(n), "name": "x"} for n in range(900)]}}),
    ]
    return dice.choice(choices)


def messages(dice: random.Random) -> Iterator[str | bytes]:
    """For ever: a third of them good, a third with one thing wrong, and the rest anything."""
    while True:
        chance = dice.random()
        if chance < 0.4:
            yield json.dumps(well_formed(dice))
        elif chance < 0.8:
            yield json.dumps(mistyped(dice))
        elif chance < 0.95:
            yield json.dumps({word(dice): anything(dice)})
        else:
            yield absurd(dice)


async def bombard(world: Hostile, dice: random.Random) -> None:
    """Say all of it, in bursts; a connection that is left is followed by the next."""
    source = messages(dice)
    said = 0
    while said < MESSAGES:
        try:
            for _ in range(dice.randrange(1, 40)):
                await world.service.newest.send(next(source))
                said += 1
            await asyncio.sleep(0.005)
        except ConnectionClosed:
            world.rig.conure.parts.connection.ask()
            await asyncio.sleep(0.02)


async def live_on(world: Hostile, dice: random.Random) -> None:
    """Meanwhile the user does what users do, so that every phase is met."""
    spoken_until_s = 0.0
    while True:
        if time.monotonic() > spoken_until_s:  # else more and more waits to be said
            world.rig.say()
            spoken_until_s = time.monotonic() + 2.0
        dice.choice([world.rig.tap, world.rig.tap, world.rig.press, world.rig.release])()
        await world.rig.command(dice.choice(["status", "status", "status", "mute", "unmute", "stop"]))
        await asyncio.sleep(dice.choice([0.05, 0.3, 1.0]))


def resident_bytes() -> int:
    """Of this process (proc(5))."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def test_whatever_the_service_says_the_daemon_lives_and_answers_again(settings: Settings) -> None:
    dice = random.Random(SEED)
    link = {"longest_back_off_s": 0.2, "longest_busy_back_off_s": 0.2, "ask_pause_s": 0.1}
    link |= {"slow_back_off_s": 0.1, "longest_slow_back_off_s": 0.2}
    async with hostile(settings, link=link) as world:
        before_bytes = resident_bytes()
        user = asyncio.create_task(live_on(world, random.Random(SEED + 1)))
        await bombard(world, dice)
        user.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await user
        assert resident_bytes() - before_bytes < MEMORY_BYTES
        world.rig.release()
        await world.rig.command("unmute")
        await world.rig.command("stop")
        counters = (await world.rig.command("status"))["counters"]
        assert counters["messages_not_understood"] > 50
        await assert_answered(world)


async def assert_answered(world: Hostile) -> None:
    """A question is answered again, on whatever connection there is."""
    before = len(world.rig.turns_over())
    for _ in range(5):
        await world.ask()
        await world.service.say(AUDIO, WHOLE, END)
        await world.rig.until_turns_over(before + 1)
        before = len(world.rig.turns_over())
        if world.rig.turns_over()[-1]["outcome"] == "answered":
            return
    pytest.fail(f"no answer was heard: {world.rig.turns_over()[-5:]}")
