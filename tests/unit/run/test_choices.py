"""What `auto` means, and what the configuration makes of both policies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.config.settings import LiveSettings, Settings, TriggerSettings, WakeSettings
from daemon.run.choices import decide

SETTINGS = Settings()


@pytest.mark.parametrize(
    ("word", "has_button", "words", "wanted"),
    [
        ("auto", True, (), False),
        ("auto", False, (), True),
        ("auto", False, ("alexa",), False),
        ("on", True, (), True),
        ("off", False, (), False),
    ],
)
def test_without_a_button_and_a_wake_word_a_voice_begins(
    word: str, has_button: bool, words: tuple[str, ...], wanted: bool
) -> None:
    settings = replace(SETTINGS, trigger=TriggerSettings(voice=word), wake=WakeSettings(words=words))
    assert decide(settings, has_button=has_button, echo_free=False).dialogue.voice_trigger is wanted


@pytest.mark.parametrize(
    ("word", "echo_free", "wanted"),
    [("auto", True, True), ("auto", False, False), ("on", False, True), ("off", True, False)],
)
def test_a_reply_can_be_interrupted_where_the_microphone_does_not_hear_it(
    word: str, echo_free: bool, wanted: bool
) -> None:
    settings = replace(SETTINGS, trigger=TriggerSettings(barge_in=word))
    assert decide(settings, has_button=True, echo_free=echo_free).dialogue.barge_in is wanted


def test_the_link_is_kept_as_the_configuration_says() -> None:
    settings = replace(SETTINGS, live=LiveSettings(idle_close_s=7.0, max_age_s=70.0))
    link = decide(settings, has_button=True, echo_free=True).link
    assert (link.idle_close_s, link.max_age_s) == (7.0, 70.0)
