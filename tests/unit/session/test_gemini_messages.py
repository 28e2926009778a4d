"""What the service says, as events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.genai import live as sdk_live
from google.genai import types

from daemon.outside import OUT_OF_RANGE, TOO_DEEP
from daemon.server_events import (
    GenerationComplete,
    GoAway,
    HandleUpdate,
    NotUnderstood,
    ReplyAudio,
    ServerEvent,
    ServerInterrupted,
    ToolCall,
    ToolCallCancelled,
    Transcript,
    TurnComplete,
    Usage,
    WorkAnnounced,
)
from daemon.session.gemini.messages import (
    MAX_ARGUMENTS_CHARS,
    MAX_HANDLE_CHARS,
    MAX_TOKENS,
    MAX_TRANSCRIPT_CHARS,
    parse,
    parse_duration_s,
)


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
    assert events(server_content=going_on) == [WorkAnnounced()]
    assert events(server_content={"interaction_status": "IDLE"}) == [TurnComplete()]


@pytest.mark.parametrize("status", [None, *types.InteractionStatus])
@pytest.mark.parametrize("turn_complete", [None, True])
def test_a_turn_is_complete_exactly_where_the_sdk_ends_it(
    status: types.InteractionStatus | None, turn_complete: bool | None
) -> None:
    content = types.LiveServerContent(interaction_status=status, turn_complete=turn_complete)
    ended = sdk_live._is_interaction_complete(content)
    told = [event for event in events(server_content=content) if event != WorkAnnounced()]
    assert told == ([TurnComplete()] if ended else [])


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


def test_only_a_reason_that_names_a_failure_is_one() -> None:
    for reason in types.TurnCompleteReason:
        content = {"turn_complete": True, "turn_complete_reason": reason}
        well = ("TURN_COMPLETE_REASON_UNSPECIFIED", "NEED_MORE_INPUT")
        assert events(server_content=content) == [TurnComplete("" if reason.value in well else reason.value)]


@pytest.mark.filterwarnings("ignore:.*is not a valid TurnCompleteReason")
def test_a_reason_of_a_later_version_ends_the_turn_well() -> None:
    content = {"turn_complete": True, "turn_complete_reason": "INPUT_LATER_WORD"}
    assert events(server_content=content) == [TurnComplete()]


@pytest.mark.parametrize("count", [-1, -100_000, 10**400, MAX_TOKENS + 1])
def test_a_count_out_of_range_is_passed_over(count: int) -> None:
    for field in ("prompt_token_count", "response_token_count"):
        [event] = events(usage_metadata={field: count})
        assert isinstance(event, NotUnderstood)


@pytest.mark.parametrize("text", ["-1s", "infs", "nans", "1e400s", "9" * 5000 + "s", "1e9s"])
def test_a_time_out_of_range_is_none(text: str) -> None:
    assert events(go_away={"time_left": text}) == [GoAway(None)]


def test_a_long_handle_is_passed_over() -> None:
    update = {"new_handle": "h" * (MAX_HANDLE_CHARS + 1), "resumable": True}
    [event] = events(session_resumption_update=update)
    assert isinstance(event, NotUnderstood)


def test_a_long_transcript_is_cut() -> None:
    content = {"output_transcription": {"text": "a" * 1_500_000}}
    assert events(server_content=content) == [Transcript("model", "a" * MAX_TRANSCRIPT_CHARS)]


def test_half_a_surrogate_pair_is_replaced_wherever_it_stands() -> None:
    half = "\ud800"
    assert events(server_content={"input_transcription": {"text": half}}) == [Transcript("user", "?")]
    call = {"id": half, "name": "f", "args": {half: [half]}}
    assert events(tool_call={"function_calls": [call]}) == [ToolCall("?", "f", {"?": ["?"]})]


@pytest.mark.parametrize(
    "call",
    [
        {"name": "f"},
        {"id": "1"},
        {"id": "1" * 257, "name": "f"},
        {"id": "1", "name": "f" * 257},
        {"id": "1", "name": "f", "args": {"text": "a" * MAX_ARGUMENTS_CHARS}},
    ],
)
def test_a_call_that_cannot_be_answered_or_is_too_long_is_passed_over(call: dict[str, Any]) -> None:
    [event] = events(tool_call={"function_calls": [call]})
    assert isinstance(event, NotUnderstood)


def test_numbers_and_depths_of_arguments_are_tamed() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"d": deep}
    arguments = {"huge": 10**400, "nan": float("nan"), "endless": float("-inf"), "good": -1.5, "deep": deep}
    [event] = events(tool_call={"function_calls": [{"id": "1", "name": "f", "args": arguments}]})
    assert isinstance(event, ToolCall)
    assert event.arguments | {"deep": None} == {
        "huge": OUT_OF_RANGE,
        "nan": OUT_OF_RANGE,
        "endless": OUT_OF_RANGE,
        "good": -1.5,
        "deep": None,
    }
    assert TOO_DEEP in json.dumps(event.arguments, allow_nan=False)


def test_a_long_number_of_a_cancelled_call_is_left_out() -> None:
    ids = ["1", "2" * 257]
    assert events(tool_call_cancellation={"ids": ids}) == [ToolCallCancelled(("1",))]
