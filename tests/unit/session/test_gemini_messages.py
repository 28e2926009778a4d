"""What the service says, as events."""

from __future__ import annotations

from typing import Any

import pytest
from google.genai import live as sdk_live
from google.genai import types

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
from daemon.session.gemini.messages import parse, parse_duration_s


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
