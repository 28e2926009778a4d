"""What the one module that speaks to the SDK makes of messages and errors."""

from __future__ import annotations

import socket
import ssl
import time
from typing import Any

import pytest
from google.genai import errors, types
from google.genai import live as sdk_live
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, InvalidProxy, InvalidStatus, InvalidURI
from websockets.frames import Close
from websockets.http11 import Response

from daemon.config.models import DEFAULT_MODEL
from daemon.config.secret import Secret
from daemon.config.settings import LiveSettings
from daemon.events import (
    GenerationComplete,
    GoAway,
    HandleUpdate,
    ReplyAudio,
    ServerEvent,
    ServerInterrupted,
    ToolCall,
    ToolCallCancelled,
    Transcript,
    TurnComplete,
    Usage,
)
from daemon.runtime.clock import CLOCK_SET_S
from daemon.session.failures import Kind, Where
from daemon.session.live import connect_config, parse, parse_duration_s, translate

KEY = Secret("s3cret-key")


def events(**message: Any) -> list[ServerEvent]:
    return list(parse(types.LiveServerMessage.model_validate(message)))


def audio(data: bytes) -> dict[str, Any]:
    return {"parts": [{"inline_data": {"data": data, "mime_type": "audio/pcm;rate=24000"}}]}


def test_every_part_and_flag_of_a_message_counts() -> None:
    content = {
        "model_turn": audio(b"abcd"),
        "output_transcription": {"text": "hi"},
        "generation_complete": True,
        "turn_complete": True,
    }
    assert events(server_content=content, usage_metadata={"prompt_token_count": 3}) == [
        ReplyAudio(b"abcd"),
        Transcript("model", "hi"),
        GenerationComplete(),
        TurnComplete(),
        Usage(3, 0),
    ]


def test_audio_that_comes_with_interrupted_is_void() -> None:
    content = {"model_turn": audio(b"abcd"), "interrupted": True}
    assert events(server_content=content) == [ServerInterrupted()]


def test_half_a_sample_is_left_out() -> None:
    assert events(server_content={"model_turn": audio(b"abc")}) == [ReplyAudio(b"ab")]


def test_a_turn_that_goes_on_in_the_background_is_not_complete() -> None:
    going_on = {"turn_complete": True, "interaction_status": "IN_PROGRESS"}
    assert events(server_content=going_on) == []
    assert events(server_content={"interaction_status": "IDLE"}) == [TurnComplete()]


@pytest.mark.parametrize("status", [None, *types.InteractionStatus])
@pytest.mark.parametrize("turn_complete", [None, True])
def test_a_turn_is_complete_exactly_where_the_sdk_ends_it(
    status: types.InteractionStatus | None, turn_complete: bool | None
) -> None:
    content = types.LiveServerContent(interaction_status=status, turn_complete=turn_complete)
    ended = sdk_live._is_interaction_complete(content)
    assert events(server_content=content) == ([TurnComplete()] if ended else [])


def test_a_reason_is_the_service_s_own_word() -> None:
    content = {"turn_complete": True, "turn_complete_reason": "RESPONSE_REJECTED"}
    assert events(server_content=content) == [TurnComplete("RESPONSE_REJECTED")]


def test_the_session_s_notices_are_told() -> None:
    assert events(go_away={"time_left": "50s"}) == [GoAway(50.0)]
    assert events(go_away={}) == [GoAway(None)]
    update = {"new_handle": "h", "resumable": True}
    assert events(session_resumption_update=update) == [HandleUpdate("h", True)]
    call = {"function_calls": [{"id": "1", "name": "f", "args": {"x": 1}}]}
    assert events(tool_call=call) == [ToolCall("1", "f", {"x": 1})]
    assert events(tool_call_cancellation={"ids": ["1"]}) == [ToolCallCancelled(("1",))]


@pytest.mark.parametrize(
    ("text", "seconds"), [("50s", 50.0), ("1.5s", 1.5), ("", None), (None, None), ("soon", None)]
)
def test_durations(text: str | None, seconds: float | None) -> None:
    assert parse_duration_s(text) == seconds


CLOSED = Close(1011, "Internal error encountered.")

ERRORS: list[tuple[Exception, Kind, int]] = [
    (InvalidStatus(Response(403, "Forbidden", Headers(), b"no")), Kind.HTTP, 403),
    (InvalidURI("http://portal.example/login", "scheme isn't ws or wss"), Kind.HTTP, 302),
    (InvalidProxy("http://user:pass@proxy", "bad"), Kind.UNREACHABLE, 0),
    (ImportError("python-socks"), Kind.UNREACHABLE, 0),
    (errors.APIError(1007, "API key not valid"), Kind.CLOSE, 1007),
    (errors.APIError(1006, "abnormal closure [internal]"), Kind.RESET, 1006),
    (ConnectionClosedError(CLOSED, None), Kind.CLOSE, 1011),
    (ConnectionClosedError(None, None), Kind.RESET, 1006),
    (ssl.SSLCertVerificationError("certificate verify failed"), Kind.TLS, 0),
    (socket.gaierror(-3, "Temporary failure in name resolution"), Kind.DNS, 0),
    (ConnectionRefusedError(111, "Connection refused"), Kind.UNREACHABLE, 0),
    (TimeoutError(), Kind.TIMEOUT, 0),
    (TypeError("'<=' not supported"), Kind.MESSAGE, 0),
    (AttributeError("'list' object has no attribute 'get'"), Kind.MESSAGE, 0),
]


@pytest.mark.parametrize(
    ("error", "kind", "code"), ERRORS, ids=[type(error).__name__ for error, *_ in ERRORS]
)
def test_each_foreign_error_is_a_signal(error: Exception, kind: Kind, code: int) -> None:
    signal = translate(error, Where.CONNECT, resuming=False, key=KEY)
    assert (signal.kind, signal.code) == (kind, code)


def test_neither_the_key_nor_a_proxy_s_password_is_repeated() -> None:
    leaked = translate(errors.APIError(1007, f"bad key {KEY.reveal()}"), Where.SETUP, resuming=False, key=KEY)
    assert "s3cret" not in leaked.reason
    assert "bad key" in leaked.reason
    proxy = translate(InvalidProxy("http://user:pass@proxy", "bad"), Where.CONNECT, resuming=False, key=KEY)
    assert "pass" not in proxy.reason


def test_what_is_not_known_is_our_bug_and_raised_again() -> None:
    with pytest.raises(ZeroDivisionError):
        translate(ZeroDivisionError(), Where.RECEIVE, resuming=False, key=KEY)


class TestTheSetUp:
    def test_holds_nothing_that_the_default_model_refuses(self) -> None:
        config = connect_config(LiveSettings(model=DEFAULT_MODEL, temperature=0.5), None)
        assert config.thinking_config is None
        assert config.temperature is None
        assert config.proactivity is None

    def test_gives_a_model_what_it_needs(self) -> None:
        config = connect_config(LiveSettings(model="gemini-3.8-live-extended-thinking"), None)
        assert config.thinking_config is not None

    def test_leaves_turns_to_whom_they_belong(self) -> None:
        for turn_taking, disabled in (("device", True), ("server", False)):
            config = connect_config(LiveSettings(turn_taking=turn_taking), None)
            assert config.realtime_input_config is not None
            detection = config.realtime_input_config.automatic_activity_detection
            assert detection is not None
            assert detection.disabled is disabled

    def test_resumes_with_the_handle(self) -> None:
        config = connect_config(LiveSettings(), "h1")
        assert config.session_resumption is not None
        assert config.session_resumption.handle == "h1"

    def test_is_silent_about_what_is_not_set(self) -> None:
        config = connect_config(LiveSettings(transcribe=False, compression_tokens=0), None)
        assert config.speech_config is None
        assert config.input_audio_transcription is None
        assert config.context_window_compression is None


@pytest.mark.parametrize(("wall_s", "clock_set"), [(CLOCK_SET_S - 1.0, False), (CLOCK_SET_S, True)])
def test_a_clock_counts_as_set_from_when_alarms_ring_by_it(
    monkeypatch: pytest.MonkeyPatch, wall_s: float, clock_set: bool
) -> None:
    monkeypatch.setattr(time, "time", lambda: wall_s)
    signal = translate(ssl.SSLError("no"), Where.CONNECT, resuming=False, key=KEY)
    assert signal.clock_set is clock_set
