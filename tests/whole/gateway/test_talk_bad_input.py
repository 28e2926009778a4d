"""What bad input gets: a sentence, and the connection stays; or a close code that says why it does not."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import socket

import pytest
from browser_audio import webm_slices_whole
from rig import SENTENCE
from talk_rig import TalkRig, closed_with, gateway, said, said_until, slice_of

from daemon.standin.voices import LongSpeech
from daemon.web.clients import driver

ONE_OBJECT = "a message is one JSON object"

PROXY_CORE = {
    "not json": ("{", ONE_OBJECT),
    "no object": ("[1]", ONE_OBJECT),
    "deep": ("[" * 5000, ONE_OBJECT),
    "not a number": ('{"type":"message","data":NaN}', ONE_OBJECT),
    "a long number": ('{"type":' + "9" * 5000 + "}", ONE_OBJECT),
    "no type": ("{}", "it has no type; there are config, message, text, audio, audio_end, end"),
    "an unknown type": ('{"type":"sing"}', "there is no type 'sing'; there are config"),
    "no text": ('{"type":"message","data":{}}', "the text is missing"),
    "an empty text": ('{"type":"text","text":"  "}', "the text is missing"),
    "a long text": (json.dumps({"type": "text", "text": "x" * 4001}), "the text has 4001 characters"),
    "bad base64": ('{"type":"audio","data":"!!!"}', "Invalid base64 audio payload"),
    "no base64": ('{"type":"audio","data":{"mime_type":"audio/pcm"}}', "Invalid base64 audio payload"),
}


@pytest.fixture
async def rig():  # type: ignore[no-untyped-def] # a generator of a rig, which pytest hands on
    async with gateway() as one:
        yield one


async def test_each_bad_message_gets_a_sentence_and_the_talk_goes_on(rig: TalkRig) -> None:
    rows = list(PROXY_CORE.values())
    for some in (rows[:6], rows[6:]):  # the tenth in a minute would be the last
        async with rig.client("/api/gemini/ws") as websocket:
            await said(websocket)
            for message, words in some:
                await websocket.send(message)
                told = await said(websocket)
                assert told["type"] == "error"
                assert words in told["data"]
                assert told["data"] == told["error"] == told["message"]
            await websocket.send('{"type":"message","data":{"text":"still there?"}}')
            assert (await said_until(websocket, "response"))[-1]["text"]
        await rig.until_nobody_talks()


@pytest.mark.parametrize("path", ["/api/gemini/ws", "/ws/audio-live", "/ws"])
async def test_the_tenth_bad_message_in_a_minute_is_the_last(rig: TalkRig, path: str) -> None:
    async with rig.client(path) as websocket:
        for _ in range(10):
            await websocket.send("nonsense")
        assert await closed_with(websocket) == 1008
    await rig.until_nobody_talks()


@pytest.mark.parametrize("form", ["url alphabet", "no padding", "line breaks"])
async def test_base64_is_taken_in_each_of_its_forms(rig: TalkRig, form: str) -> None:
    data = SENTENCE + b"\xff\xfe"
    text = base64.b64encode(data).decode()
    forms = {
        "url alphabet": base64.urlsafe_b64encode(data).decode(),
        "no padding": text.rstrip("="),
        "line breaks": base64.encodebytes(data).decode(),
    }
    async with rig.client("/ws/audio-live") as websocket:
        await websocket.send(json.dumps({"type": "audio_chunk", "audio": forms[form]}))
        await websocket.send('{"type":"audio_complete"}')
        assert "echo" in (await said_until(websocket, "text"))[-1]["content"]


async def test_binary_frames_are_taken_as_sound(rig: TalkRig) -> None:
    async with rig.client("/ws/audio-live") as websocket:
        await websocket.send(webm_slices_whole())
        await websocket.send('{"type":"audio_complete"}')
        assert "echo" in (await said_until(websocket, "text"))[-1]["content"]


async def test_invalid_utf8_in_a_text_frame_is_1007(rig: TalkRig) -> None:
    async with rig.client("/api/gemini/ws") as websocket:
        await said(websocket)
        await websocket.send(b"\xff\xff", text=True)
        assert await closed_with(websocket) == 1007


async def test_a_recording_without_its_header_is_refused_and_the_next_is_heard(rig: TalkRig) -> None:
    async with rig.client("/ws/audio-live") as websocket:
        await websocket.send(slice_of(webm_slices_whole()[280:]))
        told = await said_until(websocket, "error")
        assert told[-1]["message"] == "the recording does not begin with its header; start again"
        await websocket.send(slice_of(webm_slices_whole()))
        await websocket.send('{"type":"audio_complete"}')
        assert "echo" in (await said_until(websocket, "text"))[-1]["content"]


async def test_rubbish_after_a_good_header_is_told_and_the_talk_stays(rig: TalkRig) -> None:
    async with rig.client("/ws/audio-live") as websocket:
        await websocket.send(slice_of(b"\x1a\x45\xdf\xa3" + b"\x42" * 3000))
        await websocket.send('{"type":"audio_complete"}')
        told = await said_until(websocket, "error")
        assert "cannot be read" in told[-1]["message"]
        await websocket.send(slice_of(SENTENCE))
        await websocket.send('{"type":"audio_complete"}')
        assert "echo" in (await said_until(websocket, "text"))[-1]["content"]


async def test_a_message_over_the_limit_gets_a_sentence_and_1009(rig: TalkRig) -> None:
    async with rig.client("/ws/audio-live") as websocket:
        await websocket.send("x" * (256 * 1024 + 1))
        assert "at most 262144 bytes" in (await said(websocket))["message"]
        assert await closed_with(websocket) == 1009
    assert rig.talks.report()["counts"]["messages_too_long"] == 1


async def test_more_messages_than_anybody_sends_are_1008(
    rig: TalkRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "MESSAGES_HZ", 1e-6)  # a busy machine may be too slow to send so many
    async with rig.client("/ws/audio-live") as websocket:
        with contextlib.suppress(Exception):  # whatever the library raises at a closed connection
            for _ in range(300):
                await websocket.send('{"type":"audio_complete"}')
        assert await closed_with(websocket) == 1008
    assert rig.talks.report()["counts"]["messages_too_many"] == 1


async def test_a_minute_of_sound_in_one_message_waits_for_the_clock_and_not_in_memory(rig: TalkRig) -> None:
    """Whoever leaves meanwhile is noticed at once."""
    minute = SENTENCE * 20
    websocket = await rig.client("/api/gemini/ws")
    await said(websocket)
    await websocket.send(json.dumps({"type": "audio", "data": base64.b64encode(minute).decode()}))
    await rig.until(lambda: rig.standin.record.connections[0].heard_s > 4.0)
    assert rig.standin.record.connections[0].heard_s < 9.0
    websocket.transport.abort()
    await rig.until_nobody_talks(1.5)


async def test_a_client_that_takes_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "SEND_S", 0.3)
    async with gateway(LongSpeech(120.0)) as rig:
        with socket.socket() as client:
            await take_nothing(rig, client)


async def take_nothing(rig: TalkRig, client: socket.socket) -> None:
    """Ask for a long reply, and read none of it."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", rig.port))
    client.sendall(
        b"GET /api/gemini/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    await asyncio.to_thread(client.recv, 100)
    for text in (
        b'{"type":"config","data":{"response_modalities":["AUDIO"]}}',
        b'{"type":"message","data":{"text":"Speak"}}',
    ):
        client.sendall(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)
    await rig.until(lambda: rig.talks.report()["counts"].get("clients_too_slow"), 10.0)
    await rig.until(lambda: not rig.talks.report()["open"], 5.0)
