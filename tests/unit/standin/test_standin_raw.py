"""Whole conversations with the messages of public raw-WebSocket samples, as their pages have them.

The shapes are those of Google's guides (get started with WebSockets, ephemeral tokens), of LiveKit's plugin
and of @google/genai for JavaScript; the words are made up.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from standin_support import FAST, KEY, MODEL, PATH, closing_of, raw_client, speech, tell
from websockets.asyncio.client import ClientConnection

from daemon.standin.server import StandIn
from daemon.standin.voices import Echo

OLD = "gemini-3.1-flash-live-preview"
OLDER = "gemini-2.5-flash-native-audio-preview-12-2025"


def chunked(pcm: bytes, chunk_bytes: int = 4096) -> list[str]:
    """The sound as browsers send it: 128 ms each, in base64."""
    return [
        base64.b64encode(pcm[start : start + chunk_bytes]).decode()
        for start in range(0, len(pcm), chunk_bytes)
    ]


async def messages_of(websocket: ClientConnection) -> AsyncIterator[dict[str, Any]]:
    """Each message of the server."""
    async for frame in websocket:
        yield json.loads(frame)


async def answer_to(websocket: ClientConnection) -> bytes:
    """The sound until `turnComplete`."""
    heard = b""
    async for message in messages_of(websocket):
        content = message.get("serverContent", {})
        for part in content.get("modelTurn", {}).get("parts", []):
            heard += base64.b64decode(part["inlineData"]["data"])
        if content.get("turnComplete"):
            return heard
    raise AssertionError(f"the connection ended: {websocket.close_code} {websocket.close_reason}")


async def set_up(websocket: ClientConnection, setup: dict[str, Any]) -> None:
    """The first message, and its answer."""
    await tell(websocket, {"setup": setup})
    assert "setupComplete" in json.loads(await websocket.recv())


def with_key() -> str:
    """The quickstart's address: the key is in it."""
    return f"{PATH}?key={KEY}"


class TestTheQuickstart:
    async def test_media_chunks_are_heard_by_2_5(self) -> None:
        async with StandIn(Echo(), pace=FAST) as standin:
            async with raw_client(standin, with_key(), key="") as websocket:
                await set_up(
                    websocket,
                    {"model": f"models/{OLDER}", "generation_config": {"response_modalities": ["AUDIO"]}},
                )
                for data in chunked(speech(0.8) + bytes(40_000)):
                    chunk = {"data": data, "mime_type": "audio/pcm"}
                    await tell(websocket, {"realtime_input": {"media_chunks": [chunk]}})
                assert await answer_to(websocket)
                assert speech(0.8) in standin.record.turns[0].pcm

    async def test_a_picture_among_the_chunks_is_no_sound(self) -> None:
        chunk = {"data": base64.b64encode(b"\xff\xd8").decode(), "mimeType": "image/jpeg"}
        async with StandIn(pace=FAST) as standin:
            async with raw_client(standin, with_key(), key="") as websocket:
                await set_up(websocket, {"model": f"models/{OLDER}"})
                await tell(websocket, {"realtimeInput": {"mediaChunks": chunk}})
                await standin.wait_for(lambda record: record.connections[0].video)
                assert not standin.record.connections[0].audio

    async def test_media_chunks_close_3_1_with_its_words(self) -> None:
        async with StandIn(pace=FAST) as standin:
            async with raw_client(standin, with_key(), key="") as websocket:
                await set_up(websocket, {"model": f"models/{OLD}"})
                chunk = {"data": "AAAA", "mimeType": "audio/pcm"}
                await tell(websocket, {"realtimeInput": {"mediaChunks": [chunk]}})
                words = "realtime_input.media_chunks is deprecated. Use audio, video, or text instead."
                assert await closing_of(websocket) == (1007, words)

    async def test_media_chunks_are_passed_over_by_3_8(self) -> None:
        async with StandIn(pace=FAST) as standin:
            async with raw_client(standin, with_key(), key="") as websocket:
                await set_up(websocket, {"model": f"models/{MODEL}"})
                await tell(websocket, {"realtimeInput": {"mediaChunks": [{"data": "AAAA"}]}})
                await tell(websocket, {"realtimeInput": {"text": "hello"}})
                assert await answer_to(websocket)
                assert not standin.record.connections[0].audio

    @pytest.mark.parametrize("model", [MODEL, OLD, OLDER])
    async def test_the_newer_page_holds_a_conversation_with_every_model(self, model: str) -> None:
        async with StandIn(Echo(), pace=FAST) as standin:
            async with raw_client(standin, with_key(), key="") as websocket:
                await set_up(
                    websocket,
                    {
                        "model": f"models/{model}",
                        "generationConfig": {"responseModalities": ["AUDIO"]},
                        "systemInstruction": {"parts": [{"text": "Be brief."}]},
                        "tools": {"google_search": {}},
                    },
                )
                for data in chunked(speech(0.8) + bytes(40_000)):
                    audio = {"data": data, "mimeType": "audio/pcm;rate=16000"}
                    await tell(websocket, {"realtimeInput": {"audio": audio}})
                assert await answer_to(websocket)
                await tell(websocket, {"realtimeInput": {"text": "And then?"}})
                assert await answer_to(websocket)


class TestOtherSamples:
    async def test_the_front_end_of_the_token_example_sets_up(self) -> None:
        setup = {
            "model": f"models/{MODEL}",
            "generation_config": {
                "response_modalities": ["AUDIO"],
                "temperature": 1,
                "speech_config": {"voice_config": {"prebuilt_voice_config": {"voice_name": "Puck"}}},
            },
            "system_instruction": {"parts": {"text": "Be brief."}},
            "tools": [{"functionDeclarations": []}],
            "realtime_input_config": {
                "automatic_activity_detection": {"disabled": False, "silence_duration_ms": 300},
                "activity_handling": "ACTIVITY_HANDLING_UNSPECIFIED",
                "turn_coverage": "TURN_INCLUDES_ONLY_ACTIVITY",
            },
            "input_audio_transcription": {},
        }
        async with StandIn(Echo(), pace=FAST) as standin:
            async with raw_client(standin, with_key(), key="") as websocket:
                await set_up(websocket, setup)
                for data in chunked(speech(0.6) + bytes(20_000)):
                    await tell(
                        websocket,
                        {"realtime_input": {"audio": {"data": data, "mime_type": "audio/pcm;rate=16000"}}},
                    )
                assert await answer_to(websocket)

    async def test_livekits_generation_config_is_taken(self) -> None:
        generation = {
            "candidateCount": 1,
            "temperature": 0.8,
            "presencePenalty": 0.1,
            "frequencyPenalty": 0.2,
            "responseModalities": ["AUDIO"],
        }
        async with StandIn(pace=FAST) as standin:
            async with raw_client(standin) as websocket:
                await set_up(websocket, {"model": f"models/{OLDER}", "generationConfig": generation})
                turn = {"role": "user", "parts": {"text": "hello"}}
                await tell(websocket, {"clientContent": {"turns": turn, "turnComplete": True}})
                assert await answer_to(websocket)
