"""`generateContent` at the stand-in: what it takes, what it refuses in which words, and what it answers."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import wave
from http import HTTPStatus
from typing import Any

import pytest
from google import genai
from google.genai import types
from standin_support import FAST, client, plan, speech

from daemon.session.gemini.content import wav_of
from daemon.standin.door.content_desk import status_of
from daemon.standin.door.credentials import ApiKeys, ContentPath, content_path
from daemon.standin.grammar.content import CHARACTERS_PER_TOKEN, INPUT_TOKENS, check_content
from daemon.standin.grammar.protocol import NOT_FOUND, POLICY, Refusal, invalid
from daemon.standin.plan import Plan
from daemon.standin.server import StandIn
from daemon.standin.voices import HEARD_HZ, read_aloud

SPEAKER = "gemini-3.8-flash-lite-tts"
ANSWERER = "gemini-3.5-flash-lite"
SAYS = {"contents": [{"parts": [{"text": "Hello"}]}]}
AUDIO = {"generationConfig": {"responseModalities": ["AUDIO"]}}
WAV = base64.b64encode(wav_of(speech(0.1))).decode()


def sound(data: str = WAV, kind: str = "audio/wav") -> dict[str, Any]:
    return {"inlineData": {"mimeType": kind, "data": data}}


def contents(*said: tuple[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {"contents": [{"role": role, "parts": parts} for role, parts in said]}


def function(name: str, **fields: Any) -> dict[str, Any]:
    return {"tools": [{"functionDeclarations": [{"name": name, "description": "d", **fields}]}]}


def call(call_id: str, **fields: Any) -> dict[str, Any]:
    return {"functionCall": {"id": call_id, "name": "f", "args": {}}, **fields}


def result(call_id: str) -> dict[str, Any]:
    return {"functionResponse": {"id": call_id, "name": "f", "response": {"output": "x"}}}


SIGNED = {"thoughtSignature": "c2ln"}
ASKS = ("user", [sound()])


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (
            "/v1beta/models/gemini-3.8-flash:generateContent",
            ContentPath("v1beta", "gemini-3.8-flash", streams=False, as_events=False),
        ),
        (
            "//v1/models/m:streamGenerateContent?alt=sse&key=k",
            ContentPath("v1", "m", streams=True, as_events=True),
        ),
        ("/v1beta/models/m:countTokens", None),
        ("/v1beta/auth_tokens", None),
    ],
)
def test_the_path_says_what_is_asked(target: str, path: ContentPath | None) -> None:
    assert content_path(target) == path


TAKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "a text to speak": (SPEAKER, SAYS | AUDIO),
    "its voice by the newer name": (
        SPEAKER,
        SAYS
        | {
            "generationConfig": {
                "responseModalities": ["AUDIO"],
                "speechConfig": {"voiceConfig": {"voice": "Kore"}, "languageCode": "pt-BR"},
            }
        },
    ),
    "an utterance": (ANSWERER, contents(ASKS)),
    "a written question": (ANSWERER, SAYS),
    "an answered call": (
        ANSWERER,
        contents(ASKS, ("model", [call("1", **SIGNED), call("2")]), ("user", [result("2"), result("1")])),
    ),
    "functions": (ANSWERER, contents(ASKS) | function("f")),
    "search": (ANSWERER, contents(ASKS) | {"tools": [{"googleSearch": {}}]}),
}


@pytest.mark.parametrize(("model", "body"), TAKEN.values(), ids=TAKEN)
def test_what_it_takes(model: str, body: dict[str, Any]) -> None:
    request, asked = check_content(json.dumps(body).encode(), model, "v1beta")
    assert request["contents"] and asked.model == model


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "nothing": (ANSWERER, {}, "contents is not specified"),
    "a content without parts": (ANSWERER, {"contents": [{"role": "user"}]}, "contents is not specified"),
    "an unknown role": (ANSWERER, contents(("system", [{"text": "x"}])), "valid role"),
    "an unknown field": (ANSWERER, SAYS | {"moreover": 1}, "Cannot find field"),
    "speech that is not asked for as sound": (SPEAKER, SAYS, "response modalities"),
    "sampling of speech": (
        SPEAKER,
        SAYS | {"generationConfig": {"responseModalities": ["AUDIO"], "temperature": 1.0}},
        "invalid argument",
    ),
    "an instruction to who speaks": (
        SPEAKER,
        SAYS | AUDIO | {"systemInstruction": {"parts": [{"text": "x"}]}},
        "Developer instruction",
    ),
    "tools of who speaks": (SPEAKER, SAYS | AUDIO | {"tools": [{"googleSearch": {}}]}, "Tool use"),
    "sound to speak": (SPEAKER, contents(ASKS) | AUDIO, "only accepts text"),
    "an empty text": (SPEAKER, contents(("user", [{"text": " "}])) | AUDIO, "invalid argument"),
    "too long a text": (
        SPEAKER,
        contents(("user", [{"text": "x" * (INPUT_TOKENS * CHARACTERS_PER_TOKEN + 1)}])) | AUDIO,
        "invalid argument",
    ),
    "no language": (
        SPEAKER,
        SAYS
        | {
            "generationConfig": {"responseModalities": ["AUDIO"], "speechConfig": {"languageCode": "German!"}}
        },
        "Unsupported language code",
    ),
    "no voice": (
        SPEAKER,
        SAYS
        | {
            "generationConfig": {
                "responseModalities": ["AUDIO"],
                "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Nobody"}}},
            }
        },
        "not available",
    ),
    "sound of who writes": (ANSWERER, SAYS | AUDIO, "response modalities"),
    "a model's last word": (ANSWERER, contents(("model", [{"text": "x"}])), "end with a user role"),
    "a picture of nothing": (ANSWERER, contents(("user", [sound(kind="audio/pcm")])), "Unsupported MIME"),
    "a broken file": (ANSWERER, contents(("user", [sound(data="AAAA")])), "invalid audio file"),
    "an empty file": (
        ANSWERER,
        contents(("user", [sound(base64.b64encode(wav_of(b"")).decode())])),
        "invalid audio file",
    ),
    "a call without a signature": (
        ANSWERER,
        contents(ASKS, ("model", [call("1")]), ("user", [result("1")])),
        "thought_signature",
    ),
    "a call without a result": (
        ANSWERER,
        contents(ASKS, ("model", [call("1", **SIGNED)]), ("user", [{"text": "x"}])),
        "number of function response",
    ),
    "a call in the last word": (ANSWERER, contents(("user", [call("1", **SIGNED)])), "is answered"),
    "a result without a call": (ANSWERER, contents(("user", [result("1")])), "number of function response"),
    "the Live API's behavior": (
        ANSWERER,
        SAYS | function("f", behavior="NON_BLOCKING"),
        "only supported by BidiGenerateContent",
    ),
    "a function without a name": (ANSWERER, SAYS | function("1 f"), "Invalid function name"),
    "a function twice": (
        ANSWERER,
        SAYS | {"tools": [*function("f")["tools"], *function("f")["tools"]]},
        "Duplicate",
    ),
    "functions and search": (
        ANSWERER,
        SAYS | {"tools": [*function("f")["tools"], {"googleSearch": {}}]},
        "cannot be combined",
    ),
}


@pytest.mark.parametrize(("model", "body", "words"), REFUSED.values(), ids=REFUSED)
def test_what_it_refuses(model: str, body: dict[str, Any], words: str) -> None:
    with pytest.raises(Refusal, match=words) as caught:
        check_content(json.dumps(body).encode(), model, "v1")
    assert status_of(caught.value) is HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize(("model", "version"), [("gemini-3.8-live", "v1"), (SPEAKER, "v1alpha")])
def test_a_model_or_version_that_is_not_served(model: str, version: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_content(b"{}", model, version)
    assert status_of(caught.value) is HTTPStatus.NOT_FOUND


def test_each_refusal_has_its_status() -> None:
    assert status_of(Refusal(POLICY, "")) is HTTPStatus.FORBIDDEN
    assert status_of(Refusal(NOT_FOUND, "")) is HTTPStatus.NOT_FOUND
    assert status_of(invalid()) is HTTPStatus.BAD_REQUEST


def test_another_rate_is_heard_as_well() -> None:
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(48_000)
        wav.writeframes(bytes(2 * 48_000))
    body = contents(("user", [sound(base64.b64encode(file.getvalue()).decode(), "audio/x-wav")]))
    _, asked = check_content(json.dumps(body).encode(), ANSWERER, "v1")
    assert len(asked.heard) == 2 * HEARD_HZ


def test_the_made_up_sound_is_as_long_as_the_text_and_always_the_same() -> None:
    short, long = read_aloud("Hello"), read_aloud("Hello, is anybody there at all?")
    assert 0 < len(short) < len(long)
    assert short == read_aloud("Hello") != read_aloud("Hello", "Kore")
    assert read_aloud("") == b""


# --- over the wire ---------------------------------------------------------------------------------


def http_client(standin: StandIn, **options: Any) -> genai.Client:
    return client(standin, verify=standin.client_ssl_context(), **options)


class TestInOnePiece:
    async def test_a_speech_is_a_file(self) -> None:
        async with StandIn(pace=FAST) as standin:
            config = types.GenerateContentConfig(response_modalities=["AUDIO"])
            answer = await http_client(standin).aio.models.generate_content(
                model=SPEAKER, contents="Hello", config=config
            )
        assert answer.candidates and answer.candidates[0].content and answer.candidates[0].content.parts
        blob = answer.candidates[0].content.parts[0].inline_data
        assert blob is not None and blob.mime_type == "audio/wav" and blob.data is not None
        with wave.open(io.BytesIO(blob.data)) as wav:
            assert (wav.getframerate(), wav.readframes(10**6)) == (24_000, read_aloud("Hello"))

    async def test_an_answer_is_whole(self) -> None:
        text = "One two three four five six seven."
        async with StandIn(
            plan=plan(f'when = "content"\ndo = {{ action = "write", text = "{text}" }}'), pace=FAST
        ) as standin:
            answer = await http_client(standin).aio.models.generate_content(model=ANSWERER, contents="Hello")
            asked = standin.record.contents[-1]
        assert answer.text == text == asked.answer and asked.text == "Hello"
        assert answer.usage_metadata is not None and answer.usage_metadata.total_token_count

    async def test_calls_are_in_it(self) -> None:
        calling = plan('when = "content"\ndo = { action = "call_tool", name = "f" }')
        async with StandIn(plan=calling, pace=FAST) as standin:
            answer = await http_client(standin).aio.models.generate_content(model=ANSWERER, contents="Hello")
        assert answer.function_calls and answer.function_calls[0].name == "f"

    async def test_a_refusal_is_without_content(self) -> None:
        rejecting = plan('when = "content"\ndo = { action = "reject", reason = "SAFETY" }')
        async with StandIn(plan=rejecting, pace=FAST) as standin:
            answer = await http_client(standin).aio.models.generate_content(model=ANSWERER, contents="Hello")
        assert answer.candidates and answer.candidates[0].finish_reason is types.FinishReason.SAFETY


async def refusal_of(standin: StandIn, method: str = "streamGenerateContent?alt=sse", key: str = "k") -> str:
    """The status and words with which a plain request is refused."""
    body = json.dumps(SAYS).encode()
    reader, writer = await asyncio.open_connection(
        "localhost", standin.port, ssl=standin.client_ssl_context()
    )
    head = f"POST /v1/models/{ANSWERER}:{method} HTTP/1.1\r\nContent-Length: {len(body)}\r\n"
    writer.write(head.encode() + (f"x-goog-api-key: {key}\r\n".encode() if key else b"") + b"\r\n" + body)
    answer = await asyncio.wait_for(reader.read(), 5.0)
    writer.close()
    return answer.decode()


class TestAtTheDoor:
    async def test_a_stream_is_of_events(self) -> None:
        async with StandIn(pace=FAST) as standin:
            assert "Only alt=sse" in await refusal_of(standin, "streamGenerateContent")

    async def test_who_has_no_key_is_refused(self) -> None:
        async with StandIn(pace=FAST) as standin:
            assert " 403 " in await refusal_of(standin, key="")

    async def test_a_wrong_key_is_refused(self) -> None:
        async with StandIn(pace=FAST, keys=ApiKeys(bad=frozenset(["k"]))) as standin:
            assert " 400 " in await refusal_of(standin)

    async def test_a_used_up_quota_is_429(self) -> None:
        async with StandIn(plan=Plan.from_toml("[service]\nquota_tokens = 1"), pace=FAST) as standin:
            assert "[DONE]" not in await refusal_of(standin)
            assert " 429 " in await refusal_of(standin)

    async def test_an_error_of_its_own_is_counted_and_the_next_is_served(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with StandIn(pace=FAST) as standin:
            with monkeypatch.context() as patch:
                patch.setattr(standin.record, "content_asked", None)
                assert await refusal_of(standin) == ""
            assert standin.record.failures == 1
            assert " 200 " in await refusal_of(standin)

    async def test_it_stops_while_an_answer_is_under_way(self) -> None:
        stalling = plan('when = "content"\ndo = { action = "stall", seconds = 50 }')
        async with StandIn(plan=stalling, pace=FAST) as standin:
            asking = asyncio.create_task(refusal_of(standin))
            await standin.wait_for(lambda record: record.contents)
        with pytest.raises(ConnectionResetError):
            await asking
