"""Clients of the two public projects, as they are documented, over a real socket to the stand-in."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json

from rig import SENTENCE
from talk_rig import closed_with, gateway, of_type, said, said_until, slice_of

from daemon.standin.voices import Tone
from daemon.standin.world import Pace, Transcripts

WORDS = Transcripts(model="One. Two is longer! And the rest")


async def test_a_text_client_hears_system_first_and_is_answered_in_sentences() -> None:
    """As with wscat: no `config` at all, and no sound."""
    async with gateway(transcripts=WORDS) as rig, rig.client("/api/gemini/ws") as websocket:
        assert await said(websocket) == {"type": "system", "data": "Connected to Gemini Live"}
        await websocket.send('{"type":"message","data":{"text":"Hello Gemini!"}}')
        texts = [(await said(websocket))["text"] for _ in range(3)]
        assert texts == ["One.", "Two is longer!", "And the rest"]
        assert rig.standin.record.turns[0].text == "Hello Gemini!"


async def test_each_form_of_a_text_is_a_turn() -> None:
    forms = (
        {"type": "message", "data": {"text": "1"}},
        {"type": "text", "data": {"text": "2"}},
        {"type": "text", "data": "3"},
        {"type": "text", "text": "4"},
    )
    async with gateway() as rig, rig.client("/api/gemini/ws") as websocket:
        await said(websocket)
        for number, form in enumerate(forms, 1):
            await websocket.send(json.dumps(form))
            assert (await said(websocket))["type"] == "response"
            assert rig.standin.record.turns[-1].text == str(number)


async def test_the_demo_page_configures_before_system_and_gets_whole_files_one_after_the_other() -> None:
    config = {
        "model": "gemini-1.5-flash", "voice": "puck",
        "generation_config": {"response_modalities": ["TEXT", "AUDIO"], "max_output_tokens": 1000},
    }  # fmt: skip
    async with gateway(Tone(3.0)) as rig:
        async with rig.client("/api/gemini/ws", origin="null") as websocket:
            await websocket.send(json.dumps({"type": "config", "data": config}))
            assert (await said(websocket))["type"] == "system"
            acknowledged = await said(websocket)
            assert acknowledged["type"] == "config_success"
            assert acknowledged["ignored"] == ["model"]
            assert acknowledged["ip"] == "127.0.0.1"
            await websocket.send('{"type":"message","data":{"text":"Hi"}}')
            loop = asyncio.get_running_loop()
            files: list[bytes] = []
            times: list[float] = []
            while len(files) < 3:
                if (told := await said(websocket))["type"] == "audio":
                    files.append(base64.b64decode(told["data"]))
                    times.append(loop.time())
            assert [file[:4] + file[8:12] for file in files] == [b"RIFFWAVE"] * 3
            assert [round((len(file) - 44) / 48_000, 2) for file in files] == [0.6, 2.0, 0.4]
            assert times[1] - times[0] >= 0.5
            assert times[2] - times[1] >= 1.9
    assert "Puck" in json.dumps(rig.standin.record.connections[0].setup)


async def test_the_python_sample_gets_sound_as_it_comes() -> None:
    async with gateway(Tone(1.0)) as rig, rig.client("/api/gemini/ws") as websocket:
        await websocket.send(
            '{"type":"config","data":{"generation_config":{"response_modalities":["AUDIO"]}}}'
        )
        await websocket.send('{"type":"message","data":{"text":"Hi"}}')
        sound, words = b"", False
        while len(sound) < 48_000 or not words:
            told = await said(websocket)
            words = words or told["type"] == "response"
            if told["type"] == "audio":
                assert (told["format"], told["sampleRate"], "container" in told) == ("pcm16", 24_000, False)
                sound += base64.b64decode(told["data"])
        assert len(sound) == 48_000


async def test_sound_in_one_message_is_heard_and_answered() -> None:
    async with gateway() as rig, rig.client("/api/gemini/ws") as websocket:
        await said(websocket)
        await websocket.send(json.dumps({"type": "audio", "data": base64.b64encode(SENTENCE).decode()}))
        told = await said_until(websocket, "response")
        assert told[-1]["text"].startswith("(echo of")
        heard = rig.standin.record.turns[0].audio_s
        assert heard > 2.0


async def test_the_live_test_program_gets_its_turn() -> None:
    async with gateway() as rig:
        async with rig.client("/ws/audio-live") as websocket:
            for at in range(0, len(SENTENCE), 16_000):
                await websocket.send(slice_of(SENTENCE[at : at + 16_000]))
                await asyncio.sleep(0.1)
            await websocket.send('{"type":"audio_complete"}')
            told = await said_until(websocket, "turn_complete", 5.0)
        assert of_type(told, "processing_complete")
        assert of_type(told, "text")[0]["is_complete"] is False
        assert "echo of" in of_type(told, "text")[0]["content"]
        await rig.until_nobody_talks()


async def test_a_client_that_vanishes_leaves_no_talk() -> None:
    async with gateway() as rig:
        websocket = await rig.client("/ws/audio-live")
        await websocket.send(
            json.dumps({"type": "audio_chunk", "audio": base64.b64encode(SENTENCE).decode()})
        )
        await rig.until(lambda: rig.standin.record.connections and rig.standin.record.connections[0].audio)
        websocket.transport.abort()
        await rig.until_nobody_talks(1.5)
        with contextlib.suppress(Exception):
            await websocket.close()


async def test_without_a_key_the_client_is_told_and_closed() -> None:
    async with gateway(has_key=False) as rig, rig.client("/api/gemini/ws") as websocket:
        told = await said(websocket)
        assert told["type"] == "error"
        assert told["data"] == told["error"] == "No API key configured"
        assert await closed_with(websocket) == 1000


async def test_a_talk_too_many_is_told_to_come_again() -> None:
    async with gateway(max_talks=1, pace=Pace()) as rig, rig.client("/ws/audio-live"):
        await rig.until(lambda: rig.talks.report()["open"])
        async with rig.client("/ws/audio-live") as second:
            assert (await said(second))["code"] == "busy"
            assert await closed_with(second) == 1013


async def test_a_service_out_of_reach_is_told_before_clients_give_up() -> None:
    async with gateway() as rig:
        rig.standin.offline = True
        async with rig.client("/api/gemini/ws") as websocket:
            told = await said(websocket, 5.0)
            assert told["type"] == "error"
            assert "cannot be reached" in told["data"] or "dropped" in told["data"]
            assert await closed_with(websocket) == 1011


async def test_a_config_after_system_changes_the_voice_and_sound_without_a_word_of_it() -> None:
    """As the original's test of contexts does it."""
    async with gateway(Tone(0.2)) as rig, rig.client("/api/gemini/ws") as websocket:
        await said(websocket)
        await websocket.send('{"type":"config","data":{"voice":"Kore","response_modalities":["AUDIO"]}}')
        assert (await said(websocket))["type"] == "config_success"
        await websocket.send('{"type":"message","data":{"text":"Hi"}}')
        assert of_type(await said_until(websocket, "audio"), "error") == []
        assert ["Kore" in json.dumps(one.setup) for one in rig.standin.record.connections] == [False, True]
