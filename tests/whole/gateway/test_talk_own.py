"""`conure.talk.1`, as the speaker's page speaks it, over a real socket to the stand-in."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from pictures import jpeg, segment
from rig import SENTENCE
from talk_rig import TalkRig, closed_with, gateway, of_type, said, said_until
from websockets.asyncio.client import ClientConnection, connect

from daemon.errors import ControlError
from daemon.standin.voices import LongSpeech, Tone
from daemon.standin.world import Pace
from daemon.web.talk.beside_speaker import BesideSpeaker
from daemon.web.talk.life import Patience

SUBPROTOCOL = "conure.talk.1"
FRAME = 1280


def page(rig: TalkRig, key: str = "device:ab12") -> connect:
    return rig.client("/ws/talk", subprotocols=[SUBPROTOCOL], additional_headers={"x-visitor": key})


async def start(websocket: ClientConnection, **wishes: Any) -> list[Any]:
    await websocket.send(json.dumps({"type": "start", **wishes}))
    return await said_until(websocket, "ready")


async def speak(websocket: ClientConnection, pcm: bytes, *, pause_s: float = 0.0) -> None:
    for at in range(0, len(pcm), FRAME):
        await websocket.send(struct.pack("<BBH", 1, 0, 0) + pcm[at : at + FRAME])
        await asyncio.sleep(pause_s)


def sound_of(told: list[Any]) -> bytes:
    return b"".join(one[4:] for one in told if isinstance(one, bytes))


async def test_a_talk_by_an_open_microphone() -> None:
    async with gateway() as rig, page(rig) as websocket:
        assert websocket.subprotocol == SUBPROTOCOL
        ready = (await start(websocket, voice="Kore"))[-1]
        assert ready["limits"] == {"idle_s": 60.0, "longest_s": 900.0}
        await speak(websocket, SENTENCE + bytes(32_000))
        told = await said_until(websocket, "turn_complete")
        assert {one["who"] for one in of_type(told, "transcript")} == {"user", "model"}
        assert [one["state"] for one in of_type(told, "state")][-1] == "speaking"
        turn = told[-1]["turn"]
        frames = [one for one in told if isinstance(one, bytes)]
        assert {struct.unpack("<BBH", one[:4]) for one in frames} == {(1, 0, turn)}
        heard = rig.standin.record.turns[0].pcm
        assert len(sound_of(told)) == len(heard) * 3 // 2
        assert "Kore" in json.dumps(rig.standin.record.connections[0].setup)
        await websocket.send('{"type":"end"}')
        assert await closed_with(websocket) == 1000
        await rig.until_nobody_talks()
        traffic = rig.talks.report()["traffic"]
        assert traffic["messages"]["received"]["own"] == 2 + len(range(0, len(SENTENCE) + 32_000, FRAME))
        assert traffic["messages"]["sent"]["own"] >= len(told)
        assert traffic["decoded_s"]["own"] == pytest.approx((len(SENTENCE) + 32_000) / 32_000)
        assert sum(traffic["relay"]["counts"]) > 0
        assert traffic["dropped_bytes"] == {"own": 0}


async def test_a_talk_by_presses() -> None:
    """What is said between them is one utterance, whole; what is said outside them does not leave."""
    async with gateway() as rig, page(rig) as websocket:
        await start(websocket, push_to_talk=True)
        await speak(websocket, b"\1\0" * 16_000)
        for number in (1, 2):
            await websocket.send('{"type":"press"}')
            await speak(websocket, SENTENCE[:32_000])
            await websocket.send('{"type":"release"}')
            told = await said_until(websocket, "turn_complete")
            assert len(sound_of(told)) == 48_000
            assert rig.standin.record.turns[number - 1].pcm == SENTENCE[:32_000]


async def test_speaking_over_a_reply_cuts_it_and_its_sound_is_void() -> None:
    async with gateway(LongSpeech(20.0), pace=Pace(thinking_s=0.02, speed=4.0)) as rig:
        async with page(rig) as websocket:
            await start(websocket)
            await speak(websocket, SENTENCE + bytes(32_000))
            async with asyncio.timeout(5):
                while not isinstance(first := await said(websocket), bytes):
                    pass
            old = struct.unpack("<BBH", first[:4])[2]
            rig.standin.voice = Tone(0.5)
            await speak(websocket, SENTENCE + bytes(32_000))
            told = await said_until(websocket, "interrupted")
            assert told[-1]["turn"] == old
            after = await said_until(websocket, "turn_complete")
            assert all(struct.unpack("<BBH", one[:4])[2] > old for one in after if isinstance(one, bytes))
            assert len(sound_of(after)) == 24_000


async def test_stop_is_quiet_at_once_and_the_next_question_is_answered() -> None:
    async with gateway(LongSpeech(20.0), pace=Pace(thinking_s=0.02, speed=4.0)) as rig:
        async with page(rig) as websocket:
            await start(websocket)
            await websocket.send('{"type":"text","text":"Tell me a story"}')
            while not isinstance(await said(websocket), bytes):
                pass
            await websocket.send('{"type":"stop"}')
            await said_until(websocket, "interrupted")
            rig.standin.voice = Tone(0.5)
            await websocket.send('{"type":"text","text":"And now?"}')
            told = await said_until(websocket, "turn_complete")
            assert len(sound_of(told)) == 24_000


async def test_texts_are_answered_one_after_the_other_and_none_is_lost() -> None:
    async with gateway(Tone(0.1)) as rig, page(rig) as websocket:
        await websocket.send('{"type":"start"}')
        for number in range(3):
            await websocket.send(json.dumps({"type": "text", "text": f"question {number}"}))
        await rig.standin.wait_for(lambda record: len(record.turns) == 3)
        assert [turn.text for turn in rig.standin.record.turns] == [f"question {n}" for n in range(3)]


async def test_words_are_not_lost_when_the_connection_breaks_in_a_turn() -> None:
    """The utterance goes again on the next connection, whole, and its client hears nothing of it."""
    async with gateway(pace=Pace(thinking_s=0.4, speed=50.0, playout=0.0)) as rig, page(rig) as websocket:
        await start(websocket, push_to_talk=True)
        await websocket.send('{"type":"press"}')
        await speak(websocket, SENTENCE[:48_000])
        await rig.standin.wait_for(lambda record: record.turns and record.turns[0].audio_s > 1.0)
        await rig.standin.drop()
        await speak(websocket, SENTENCE[48_000:64_000])
        await websocket.send('{"type":"release"}')
        told = await said_until(websocket, "turn_complete", 10.0)
        assert rig.standin.record.turns[-1].pcm == SENTENCE[:64_000]
        assert len(sound_of(told)) == 96_000
        assert of_type(told, "error") == []


async def test_a_stream_that_had_ended_is_said_again_on_another_connection() -> None:
    async with gateway(pace=Pace(thinking_s=0.6, speed=50.0, playout=0.0)) as rig, page(rig) as websocket:
        await start(websocket)
        await speak(websocket, SENTENCE)
        await websocket.send('{"type":"release"}')
        await rig.standin.wait_for(lambda record: record.turns and record.turns[0].ended_by)
        await rig.standin.drop()
        told = await said_until(websocket, "turn_complete", 10.0)
        assert len(sound_of(told)) > 1.9 * 48_000
        assert of_type(told, "error") == []


async def test_one_talk_for_each_device_which_can_be_taken_over() -> None:
    async with gateway() as rig, page(rig) as first:
        await start(first)
        async with page(rig) as second:
            await second.send('{"type":"start"}')
            assert (await said(second))["code"] == "twice"
            assert await closed_with(second) == 1013
        async with page(rig) as third:
            await start(third, take_over=True)
            assert (await said_until(first, "ended"))[-1]["reason"] == "taken_over"
            assert len(rig.talks.report()["open"]) == 1


async def test_a_talk_in_which_nobody_speaks_ends() -> None:
    async with gateway(patience=Patience(idle_s=0.6)) as rig, page(rig) as websocket:
        await start(websocket)
        await speak(websocket, bytes(64_000))
        told = await said_until(websocket, "ended")
        assert told[-1]["reason"] == "idle"
        assert await closed_with(websocket) == 1000


async def test_a_service_out_of_reach_is_told_with_what_helps() -> None:
    async with gateway(patience=Patience(connect_s=1.0)) as rig:
        rig.standin.offline = True
        async with page(rig) as websocket:
            await websocket.send('{"type":"start"}')
            error = of_type(await said_until(websocket, "ended"), "error")[0]
            assert error["message"]
            assert error["remedy"]
            assert await closed_with(websocket) == 1011


async def test_who_does_not_start_is_left() -> None:
    async with gateway() as rig, page(rig) as websocket:
        await websocket.send("{}")
        await websocket.send(b"\1\0\0\0" + bytes(640))
        assert (await said(websocket))["type"] == "error"
        await websocket.send('{"type":"of the next version"}')
        await websocket.send('{"type":"start"}')
        await said_until(websocket, "ready")


class Kitchen:
    """A speaker that has one tool, and writes down what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.away = False
        self.used_up = False
        self.told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def ask(self, command: str, **args: Any) -> Any:
        if self.away:
            raise ControlError("the speaker is away")
        self.asked.append((command, args))
        if command == "equipment":
            names = (
                ("set_timer", "built in"),
                ("end_conversation", "built in"),
                ("open_door", "garage.toml"),
            )
            declared = {"description": "does it", "parameters": {}, "behavior": "BLOCKING"}
            declarations = [declared | {"name": name, "source": source} for name, source in names]
            return {"instruction": "You are the kitchen.", "declarations": declarations}
        if command == "account":
            return {"used_up": self.used_up, "budget": None}
        return {"status": "ok", "message": "set", "retryable": False}

    async def notes(self) -> AsyncIterator[dict[str, Any]]:
        while True:
            yield await self.told.get()


async def test_tools_act_on_the_speaker_and_the_model_knows_of_the_phone() -> None:
    from standin_support import plan

    kitchen = Kitchen()
    async with gateway(Tone(0.1), speaker=kitchen) as rig, page(rig) as websocket:
        rig.standin.follow(plan('when = "reply_start"\ndo = { action = "call_tool", name = "set_timer" }'))
        await start(websocket)
        await websocket.send('{"type":"text","text":"Five minutes"}')
        told = await said_until(websocket, "turn_complete")
        assert of_type(told, "tool")[0]["name"] == "set_timer"
        assert ("tool", {"name": "set_timer", "arguments": {}}) in kitchen.asked
        setup = json.dumps(rig.standin.record.connections[0].setup)
        assert "You are the kitchen." in setup
        assert "through Firefox on Android" in setup
        assert ("open_door" in setup, "end_conversation" in setup) == (False, False)


async def test_without_the_speaker_a_talk_goes_on() -> None:
    kitchen = Kitchen()
    kitchen.away = True
    async with gateway(Tone(0.1), speaker=kitchen) as rig, page(rig) as websocket:
        await start(websocket)
        await websocket.send('{"type":"text","text":"Hello"}')
        await said_until(websocket, "turn_complete")


async def test_the_speaker_is_told_what_talks_cost_and_comes_first() -> None:
    kitchen = Kitchen()
    async with gateway(Tone(0.5), speaker=kitchen) as rig, page(rig) as websocket:
        beside = BesideSpeaker(rig.talks, kitchen)
        task = asyncio.create_task(beside.run())
        await start(websocket)
        await websocket.send('{"type":"text","text":"Hello"}')
        await said_until(websocket, "turn_complete")
        await beside.tell()
        await beside.tell()
        costs = [args for command, args in kitchen.asked if command == "account"]
        assert [cost["received_s"] for cost in costs] == [0.5, 0.0]
        assert ("talk_notes", {"talks": ["Firefox on Android"]}) in kitchen.asked
        await kitchen.told.put({"event": "link", "problem": "The quota or the credit is used up. (429)"})
        assert of_type(await said_until(websocket, "ended"), "error")[0]["code"] == "speaker_first"
        assert await closed_with(websocket) == 1013
        task.cancel()
        await asyncio.wait([task])


async def test_a_used_up_budget_ends_talks_and_refuses_more() -> None:
    kitchen = Kitchen()
    async with gateway(Tone(0.5), speaker=kitchen) as rig:
        async with page(rig) as websocket:
            beside = BesideSpeaker(rig.talks, kitchen)
            await start(websocket)
            kitchen.used_up = True
            await beside.tell()
            assert of_type(await said_until(websocket, "ended"), "error")[0]["code"] == "budget"
        async with page(rig) as websocket:
            await websocket.send('{"type":"start"}')
            assert (await said(websocket))["code"] == "budget"
        kitchen.used_up = False
        await beside.tell()
        async with page(rig) as websocket:
            await start(websocket)


async def test_pictures_reach_the_service_only_while_the_user_is_listened_to() -> None:
    picture = b"\2\0\0\0" + jpeg(segment(0xE1, b"Exif"))
    async with (
        gateway(LongSpeech(20.0), pace=Pace(thinking_s=0.02, speed=50.0)) as rig,
        page(rig) as websocket,
    ):
        await start(websocket)
        await websocket.send(picture)
        await speak(websocket, SENTENCE[:32_000])
        await websocket.send(picture)
        await said_until(websocket, "image_taken")
        connection = rig.standin.record.connections[0]
        assert connection.setup is not None
        assert connection.setup["generationConfig"]["mediaResolution"] == "MEDIA_RESOLUTION_LOW"
        shown = connection.video
        assert [(one.data, one.mime_type) for one in shown] == [(jpeg(), "image/jpeg")]
        await speak(websocket, bytes(32_000))
        while not isinstance(await said(websocket), bytes):
            pass
        await websocket.send(picture)
        await websocket.send(b"\2\0\0\0no picture")
        await websocket.send('{"type":"end"}')
        await closed_with(websocket)
        assert len(shown) == 1


def test_the_sentence_is_loud_enough_to_count_as_speech() -> None:
    from daemon.web.talk.level import is_loud

    assert is_loud(SENTENCE)
    assert not is_loud(np.zeros(640, "<i2").tobytes())
    assert not is_loud(b"")
