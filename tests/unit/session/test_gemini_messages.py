"""What the service says, as events."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from google.genai import errors, types
from google.genai import live as sdk_live
from pydantic import BaseModel

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
    KNOWN,
    MAX_ARGUMENTS_CHARS,
    MAX_HANDLE_CHARS,
    MAX_TOKENS,
    MAX_TRANSCRIPT_CHARS,
    parse,
    parse_duration_s,
)


def events(**message: Any) -> list[ServerEvent]:
    return parse(message)


def audio(data: bytes) -> dict[str, Any]:
    text = base64.b64encode(data).decode()
    return {"parts": [{"inlineData": {"data": text, "mimeType": "audio/pcm;rate=24000"}}]}


def test_every_part_and_flag_of_a_message_counts() -> None:
    content = {
        "modelTurn": audio(b"abcd"),
        "outputTranscription": {"text": "hi"},
        "generationComplete": True,
        "turnComplete": True,
    }
    assert events(serverContent=content, usageMetadata={"promptTokenCount": 3}) == [
        ReplyAudio(b"abcd"),
        Transcript("model", "hi"),
        GenerationComplete(),
        TurnComplete(),
        Usage(3, 0),
    ]


def test_audio_that_comes_with_interrupted_is_void() -> None:
    content = {"modelTurn": audio(b"abcd"), "interrupted": True}
    assert events(serverContent=content) == [ServerInterrupted()]


def test_half_a_sample_is_left_out() -> None:
    assert events(serverContent={"modelTurn": audio(b"abc")}) == [ReplyAudio(b"ab")]


def test_a_turn_that_goes_on_in_the_background_is_not_complete() -> None:
    going_on = {"turnComplete": True, "interactionStatus": "IN_PROGRESS"}
    assert events(serverContent=going_on) == [WorkAnnounced()]
    assert events(serverContent={"interactionStatus": "IDLE"}) == [TurnComplete()]


@pytest.mark.parametrize("status", [None, *types.InteractionStatus])
@pytest.mark.parametrize("complete", [None, True])
def test_a_turn_is_complete_exactly_where_the_sdk_ends_it(
    status: types.InteractionStatus | None, complete: bool | None
) -> None:
    content = types.LiveServerContent(interaction_status=status, turn_complete=complete)
    ended = sdk_live._is_interaction_complete(content)
    message = {"interactionStatus": status.value if status else None, "turnComplete": complete}
    told = [event for event in events(serverContent=message) if event != WorkAnnounced()]
    assert told == ([TurnComplete()] if ended else [])


def test_the_messages_that_are_known_are_those_of_the_sdk() -> None:
    fields = types.LiveServerMessage.model_fields.values()
    assert sorted(KNOWN) == sorted(str(field.alias) for field in fields)


@pytest.mark.parametrize(
    ("part", "names"),
    [
        (types.LiveServerContent, ("modelTurn", "interrupted", "turnComplete", "turnCompleteReason",
                                   "generationComplete", "interactionStatus", "inputTranscription",
                                   "outputTranscription")),
        (types.Content, ("parts",)),
        (types.Part, ("inlineData",)),
        (types.Blob, ("data", "mimeType")),
        (types.Transcription, ("text",)),
        (types.LiveServerToolCall, ("functionCalls",)),
        (types.FunctionCall, ("id", "name", "args")),
        (types.LiveServerToolCallCancellation, ("ids",)),
        (types.LiveServerSessionResumptionUpdate, ("newHandle", "resumable")),
        (types.LiveServerGoAway, ("timeLeft",)),
        (types.UsageMetadata, ("promptTokenCount", "responseTokenCount")),
    ],
)  # fmt: skip
def test_each_field_that_is_read_has_the_name_that_the_sdk_knows(
    part: type[BaseModel], names: tuple[str, ...]
) -> None:
    known = {field.alias for field in part.model_fields.values()}
    assert set(names) <= known


@pytest.mark.parametrize("text", ["-_8=", "-_8", "+/8=", "+/8"])
def test_base64_comes_in_either_alphabet_with_padding_or_without(text: str) -> None:
    parts = [{"inlineData": {"data": text}}]
    assert events(serverContent={"modelTurn": {"parts": parts}}) == [ReplyAudio(b"\xfb\xff")]


def test_what_is_null_is_not_there() -> None:
    assert events(**dict.fromkeys(KNOWN)) == []
    content = dict.fromkeys(("modelTurn", "interrupted", "turnComplete", "outputTranscription"))
    assert events(serverContent=content, goAway=None) == []


@pytest.mark.parametrize(
    "message",
    [
        [],
        "turnComplete",
        {"serverContent": []},
        {"serverContent": {"interrupted": "yes"}},
        {"serverContent": {"interactionStatus": 1}},
        {"serverContent": {"outputTranscription": {"text": 5}}},
        {"serverContent": {"modelTurn": {"parts": [1]}}},
        {"serverContent": {"modelTurn": {"parts": "many"}}},
        {"serverContent": {"modelTurn": {"parts": [{"inlineData": {"data": "a"}}]}}},
        {"serverContent": {"modelTurn": {"parts": [{"inlineData": {"data": "a*bc"}}]}}},
        {"toolCall": {"functionCalls": [{"id": "1", "name": "f", "args": []}]}},
        {"toolCallCancellation": {"ids": [1]}},
        {"sessionResumptionUpdate": {"newHandle": "h", "resumable": 1}},
        {"goAway": {"timeLeft": 50}},
        {"usageMetadata": 7},
    ],
)
def test_nothing_counts_of_a_message_with_a_value_of_another_type(message: object) -> None:
    if isinstance(message, dict):
        message = {**message, "voiceActivity": {}}
    with pytest.raises(ValueError):
        parse(message)


def test_an_error_of_the_service_is_one_of_the_sdk() -> None:
    with pytest.raises(errors.APIError) as caught:
        parse({"code": 429, "message": "quota"})
    assert caught.value.code == 429
    with pytest.raises(TypeError):
        parse({"brandNewThing": {}})


def test_a_reason_is_the_service_s_own_word() -> None:
    content = {"turnComplete": True, "turnCompleteReason": "RESPONSE_REJECTED"}
    assert events(serverContent=content) == [TurnComplete("RESPONSE_REJECTED")]


def test_the_session_s_notices_are_told() -> None:
    assert events(goAway={"timeLeft": "50s"}) == [GoAway(50.0)]
    assert events(goAway={}) == [GoAway(None)]
    update = {"newHandle": "h", "resumable": True}
    assert events(sessionResumptionUpdate=update) == [HandleUpdate("h", True)]
    call = {"functionCalls": [{"id": "1", "name": "f", "args": {"x": 1}}]}
    assert events(toolCall=call) == [ToolCall("1", "f", {"x": 1})]
    assert events(toolCallCancellation={"ids": ["1"]}) == [ToolCallCancelled(("1",))]


@pytest.mark.parametrize(("text", "seconds"), [("50s", 50.0), ("1.5s", 1.5), ("", None), ("soon", None)])
def test_durations(text: str, seconds: float | None) -> None:
    assert parse_duration_s(text) == seconds


def test_only_a_reason_that_names_a_failure_is_one() -> None:
    for reason in types.TurnCompleteReason:
        content = {"turnComplete": True, "turnCompleteReason": reason.value}
        well = ("TURN_COMPLETE_REASON_UNSPECIFIED", "NEED_MORE_INPUT")
        assert events(serverContent=content) == [TurnComplete("" if reason.value in well else reason.value)]


def test_a_reason_of_a_later_version_ends_the_turn_well() -> None:
    content = {"turnComplete": True, "turnCompleteReason": "INPUT_LATER_WORD"}
    assert events(serverContent=content) == [TurnComplete()]


@pytest.mark.parametrize("count", [-1, -100_000, 10**400, MAX_TOKENS + 1])
def test_a_count_out_of_range_is_passed_over(count: int) -> None:
    for field in ("promptTokenCount", "responseTokenCount"):
        [event] = events(usageMetadata={field: count})
        assert isinstance(event, NotUnderstood)


@pytest.mark.parametrize("text", ["-1s", "infs", "nans", "1e400s", "9" * 5000 + "s", "1e9s"])
def test_a_time_out_of_range_is_none(text: str) -> None:
    assert events(goAway={"timeLeft": text}) == [GoAway(None)]


def test_a_long_handle_is_passed_over() -> None:
    update = {"newHandle": "h" * (MAX_HANDLE_CHARS + 1), "resumable": True}
    [event] = events(sessionResumptionUpdate=update)
    assert isinstance(event, NotUnderstood)


def test_a_long_transcript_is_cut() -> None:
    content = {"outputTranscription": {"text": "a" * 1_500_000}}
    assert events(serverContent=content) == [Transcript("model", "a" * MAX_TRANSCRIPT_CHARS)]


def test_half_a_surrogate_pair_is_replaced_wherever_it_stands() -> None:
    half = "\ud800"
    assert events(serverContent={"inputTranscription": {"text": half}}) == [Transcript("user", "?")]
    call = {"id": half, "name": "f", "args": {half: [half]}}
    assert events(toolCall={"functionCalls": [call]}) == [ToolCall("?", "f", {"?": ["?"]})]


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
    [event] = events(toolCall={"functionCalls": [call]})
    assert isinstance(event, NotUnderstood)


def test_numbers_and_depths_of_arguments_are_tamed() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"d": deep}
    arguments = {"huge": 10**400, "nan": float("nan"), "endless": float("-inf"), "good": -1.5, "deep": deep}
    [event] = events(toolCall={"functionCalls": [{"id": "1", "name": "f", "args": arguments}]})
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
    assert events(toolCallCancellation={"ids": ids}) == [ToolCallCancelled(("1",))]
