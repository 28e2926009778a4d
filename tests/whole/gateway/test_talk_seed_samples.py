"""The seeds' own words: the documented sample run word for word, curl, wscat where npm has brought it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from browser_audio import cut, mp4, ogg, wav, webm_slices_whole, webm_whole
from rig import SENTENCE
from talk_rig import TalkRig, gateway, of_type, said_until, slice_of

from daemon.standin.voices import Tone
from daemon.standin.world import Pace, Transcripts

SAMPLE = """
import asyncio
import json
import websockets
import base64

async def gemini_client():
    uri = "ws://localhost:8000/api/gemini/ws"
    
    async with websockets.connect(uri) as websocket:
        print("Connected to Gemini Live")
        
        # Send configuration
        config = {
            "type": "config",
            "data": {
                "model": "gemini-2.0-flash-exp",
                "generation_config": {
                    "temperature": 0.7,
                    "response_modalities": ["TEXT", "AUDIO"]
                }
            }
        }
        await websocket.send(json.dumps(config))
        
        # Handle responses
        async def receive_messages():
            async for message in websocket:
                data = json.loads(message)
                
                if data["type"] == "response":
                    print(f"Gemini: {data['text']}")
                    
                elif data["type"] == "audio":
                    # Save or play audio
                    audio_data = base64.b64decode(data["data"])
                    print(f"Received {len(audio_data)} bytes of audio")
                    # Note: When audio is enabled, you get BOTH audio and text
                    
                elif data["type"] == "error":
                    print(f"Error: {data['data']}")
        
        # Send messages
        async def send_messages():
            while True:
                text = input("You: ")
                if text.lower() == 'quit':
                    break
                    
                message = {
                    "type": "message",
                    "data": {"text": text}
                }
                await websocket.send(json.dumps(message))
        
        # Run both tasks
        receive_task = asyncio.create_task(receive_messages())
        send_task = asyncio.create_task(send_messages())
        
        await asyncio.gather(receive_task, send_task)

# Run the client
asyncio.run(gemini_client())
"""  # noqa: W293 - the documentation's own, to the letter
"""The Python client of ai-proxy-core's documentation of `/api/gemini/ws` (v0.3.3)."""


async def test_the_documented_python_client_gets_text_and_sound() -> None:
    """Its `input` is fed a question and `quit`; while it asks, its loop stands still."""
    async with gateway(Tone(1.0)) as rig:
        program = SAMPLE.replace("localhost:8000", f"localhost:{rig.port}")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-u", "-c", program,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"Hello, how are you?\nquit\n")
        heard = ""
        async with asyncio.timeout(15):
            while "Gemini: (echo" not in heard or "bytes of audio" not in heard:
                line = await process.stdout.readline()
                assert line, heard
                heard += line.decode()
        process.terminate()
        await process.wait()
        assert "Connected to Gemini Live" in heard
        assert "Error" not in heard
        await rig.until_nobody_talks()


async def curl(rig: TalkRig, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "curl", "-sN", "--max-time", "20", *arguments, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return output.decode()


def events_of(output: str) -> list[dict[str, object]]:
    """What the app parses: lines that begin with `data: `."""
    return [json.loads(line[6:]) for line in output.split("\n") if line.startswith("data: ")]


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not there")


@needs_curl
@pytest.mark.parametrize(
    "recording",
    [webm_slices_whole, webm_whole, ogg, mp4, wav, lambda: mp4(fragmented=False), lambda: SENTENCE],
)
async def test_curl_uploads_a_recording_of_each_kind(recording: Callable[[], bytes], tmp_path: Path) -> None:
    file = tmp_path / "recording.webm"
    file.write_bytes(recording())
    async with gateway() as rig:
        output = await curl(
            rig, "-F", f"audio=@{file};type=audio/webm", rig.http("/audio-stream?model=gemini-flash")
        )
        told = events_of(output)
        assert told[0] == {"start": True, "model": "gemini-flash"}
        assert "".join(str(one["chunk"]) for one in told if "chunk" in one) in (
            "(echo of 3.0 s)",
            "(echo of 2.9 s)",
        )
        assert told[-2:] == [{"turn_complete": True}, {"done": True}]
        assert rig.standin.record.turns[0].opened_by == "activity"
        await rig.until_nobody_talks()


@needs_curl
async def test_uploads_that_hold_no_recording_are_answered_in_words(tmp_path: Path) -> None:
    file = tmp_path / "recording.webm"
    file.write_bytes(b"")
    async with gateway() as rig:
        empty = events_of(await curl(rig, "-F", f"audio=@{file}", rig.http("/audio-stream")))
        assert empty[1:] == [{"error": "there is nothing to hear"}, {"done": True}]
        missing = await curl(rig, "-F", "other=1", "-w", "%{http_code}", rig.http("/audio-stream"))
        assert missing == '{"detail":"the field `audio` is missing"}422'
        plain = await curl(rig, "-d", "x", "-w", "%{http_code}", rig.http("/audio-stream"))
        assert plain.endswith("422")
        file.write_bytes(bytes(10 * 2**20 + 100_000))
        long = await curl(rig, "-F", f"audio=@{file}", "-w", "%{http_code}", rig.http("/audio-stream"))
        assert long.endswith("413")
        mock = events_of(await curl(rig, "-F", f"audio=@{__file__}", rig.http("/audio-stream?model=mock")))
        assert f"{os.path.getsize(__file__)} bytes" in str(mock[1]["chunk"])  # noqa: PTH202 - one number
        await rig.until_nobody_talks()


@needs_curl
async def test_each_event_comes_in_a_read_of_its_own() -> None:
    """The app takes each read for whole lines."""
    words = " ".join(["Schön, dass wir reden können."] * 40)
    async with gateway(transcripts=Transcripts(model=words)) as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(b"GET /stream/Wie%20geht%20es%3F?model=gemini-flash HTTP/1.1\r\nHost: localhost\r\n\r\n")
        reads: list[bytes] = []
        while not reads or b'"done"' not in reads[-1]:
            reads.append(await asyncio.wait_for(reader.read(65536), 5))
        writer.close()
        bodies = [read for read in reads if b"data: " in read]
        assert len(bodies) > 8
        for body in bodies:
            assert body.count(b"data: ") == 1
            assert len(body) < 1100
            assert body.isascii()
        assert json.loads(re.findall(rb"data: (.*)\n\n", bodies[-1])[0]).keys() == {
            "done", "total_tokens", "total_time", "avg_tokens_per_sec",
        }  # fmt: skip
        assert rig.standin.record.turns[0].text == "Wie geht es?"


@needs_curl
async def test_a_recording_is_transcribed(tmp_path: Path) -> None:
    file = tmp_path / "speech.wav"
    file.write_bytes(wav())
    async with gateway() as rig:
        answer = json.loads(await curl(rig, "-F", f"audio=@{file}", rig.http("/transcribe")))
        assert answer == {"status": "success", "text": "(3.0 s of speech)"}


@needs_curl
async def test_the_app_can_draw_itself_from_another_origin() -> None:
    async with gateway() as rig:
        origin = ("-H", "Origin: http://localhost:3000")
        start = json.loads(await curl(rig, *origin, rig.http("/")))
        assert "/audio-stream" in start["config"]["available_endpoints"]
        page = await curl(rig, "-H", "Accept: text/html,*/*;q=0.8", rig.http("/"))
        assert page.startswith("<!doctype html>")
        models = json.loads(await curl(rig, *origin, rig.http("/models")))
        assert models.keys() == {"text_models", "audio_models"}
        asked = await curl(
            rig, *origin, "-i", "-X", "OPTIONS", "-H", "Access-Control-Request-Headers: content-type",
            rig.http("/audio-stream"),
        )  # fmt: skip
        assert "access-control-allow-origin: http://localhost:3000" in asked.lower()
        assert "access-control-allow-headers: content-type" in asked.lower()


async def test_a_recorder_is_answered_while_it_records_and_stop_leaves_no_talk() -> None:
    """Slices cut inside an element, in real time; at *Stop* the socket closes without a word."""
    recording = list(cut(webm_slices_whole(), 263))
    async with gateway(pace=Pace(speed=50.0)) as rig:
        websocket = await rig.client("/ws/audio-live", origin="http://localhost:3000")

        async def record() -> None:
            for piece in recording:
                await websocket.send(slice_of(piece))
                await asyncio.sleep(0.12)

        recorder = asyncio.create_task(record())
        told = await said_until(websocket, "text", 8.0)
        assert of_type(told, "error") == []
        recorder.cancel()
        await websocket.close()
        await rig.until_nobody_talks(1.5)


WSCAT = os.environ.get("CONURE_WSCAT", "") or shutil.which("wscat")


@pytest.mark.skipif(not WSCAT, reason="wscat is not there; CONURE_WSCAT names it")
async def test_wscat_is_answered_and_leaves_no_talk() -> None:
    async with gateway() as rig:
        assert WSCAT
        process = await asyncio.create_subprocess_exec(
            WSCAT, "--no-color", "-w", "3", "-c", f"ws://127.0.0.1:{rig.port}/api/gemini/ws",
            "-x", '{"type":"message","data":{"text":"Hello Gemini!"}}',
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        heard = b""
        async with asyncio.timeout(15):
            while b'"response"' not in heard:
                more = await process.stdout.read(4096)
                assert more, heard
                heard += more
        assert heard.index(b"Connected to Gemini Live") < heard.index(b'"response"')
        process.kill()
        await process.wait()
        await rig.until_nobody_talks(2.0)
