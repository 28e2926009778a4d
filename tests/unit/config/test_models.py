"""What is known of each model decides what is sent to it."""

from __future__ import annotations

import pytest

from daemon.config.models import (
    DEFAULT_MODEL,
    TABLE,
    UNKNOWN,
    VOICES,
    Capabilities,
    TextInput,
    Tool,
    capabilities,
    known_models,
)
from daemon.config.settings import LiveSettings

USABLE = [row for row in TABLE if not row.gone]


def name_of(row: Capabilities) -> str:
    return row.pattern


def test_default_model_is_the_one_of_the_settings_and_can_be_used() -> None:
    assert LiveSettings().model == DEFAULT_MODEL
    assert capabilities(DEFAULT_MODEL) in USABLE


def test_default_model_gets_nothing_that_closes_its_session() -> None:
    row = capabilities(DEFAULT_MODEL)
    assert not row.thinking_level
    assert row.thinking_budget is None
    assert not (row.affective_dialog or row.proactivity or row.temperature)


def test_extended_thinking_is_another_row_than_the_plain_model_and_has_a_level() -> None:
    assert capabilities("gemini-3.8-live-extended-thinking").thinking_level in {"LOW", "MEDIUM", "HIGH"}


def test_newest_models_do_not_wait_for_functions_and_older_ones_do() -> None:
    assert not capabilities("gemini-3.8-live").blocking_tools
    assert capabilities("gemini-3.1-flash-live-preview").blocking_tools


@pytest.mark.parametrize(
    ("model", "text_input"),
    [
        ("gemini-3.8-live", TextInput.CLIENT_CONTENT),
        ("gemini-3.1-flash-live-preview", TextInput.REALTIME),
        ("gemini-2.5-flash-native-audio-preview-12-2025", TextInput.CLIENT_CONTENT),
    ],
)
def test_written_turns_take_the_way_that_the_model_accepts(model: str, text_input: TextInput) -> None:
    assert capabilities(model).text_input is text_input


@pytest.mark.parametrize("suffix", ["preview-12-2025", "latest", "preview-01-2027"])
def test_native_audio_models_of_2_5_answer_without_thinking(suffix: str) -> None:
    row = capabilities(f"gemini-2.5-flash-native-audio-{suffix}")
    assert row.thinking_budget == 0
    assert row.deprecated
    assert not row.gone


def test_the_resource_prefix_makes_no_difference() -> None:
    assert capabilities(f"models/{DEFAULT_MODEL}") is capabilities(DEFAULT_MODEL)


@pytest.mark.parametrize("model", ["gemini-9-live", "", "gemini-3.8-livestream", "GEMINI-3.8-LIVE"])
def test_unknown_names_are_asked_for_nothing_optional(model: str) -> None:
    row = capabilities(model)
    assert row is UNKNOWN
    assert (row.thinking_level, row.thinking_budget, row.tools) == ("", None, ())
    assert not (row.max_output_tokens or row.media_resolution)
    assert not (row.affective_dialog or row.proactivity or row.temperature or row.gone or row.deprecated)


@pytest.mark.parametrize(
    "model",
    [
        "gemini-2.0-flash-live-001",
        "gemini-live-2.5-flash-preview",
        "gemini-2.0-flash-exp",
        "gemini-2.5-flash-native-audio-preview-09-2025",
        "gemini-live-2.5-flash-native-audio",
        "gemini-3.5-transcribe-live",
        "gemini-3.5-live-translate-preview",
    ],
)
def test_models_that_cannot_answer_name_their_replacement(model: str) -> None:
    assert DEFAULT_MODEL in capabilities(model).gone


@pytest.mark.parametrize("row", TABLE, ids=name_of)
def test_every_row_has_a_source_and_can_be_reached(row: Capabilities) -> None:
    assert row.source
    assert capabilities(row.pattern.replace("*", "x")) is row


@pytest.mark.parametrize("row", USABLE, ids=name_of)
def test_usable_models_take_functions(row: Capabilities) -> None:
    assert Tool.FUNCTIONS in row.tools
    assert not (row.thinking_level and row.thinking_budget is not None)


def test_suggested_models_can_be_used() -> None:
    assert DEFAULT_MODEL in known_models()
    assert all(not capabilities(name).gone for name in known_models())


def test_the_thirty_voices_are_named_once() -> None:
    assert len(VOICES) == len(set(VOICES)) == 30
