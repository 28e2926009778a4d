"""How the microphone is listened to, in each phase of the conversation."""

from __future__ import annotations

import pytest

from daemon.config.settings import VadSettings
from daemon.hearing.ears import ears_for
from daemon.words import Phase

VAD = VadSettings(min_speech_ms=100, barge_in_speech_ms=300)


@pytest.mark.parametrize("phase", Phase)
def test_speech_must_be_longer_to_interrupt_than_to_begin(phase: Phase) -> None:
    over_reply = phase in (Phase.SENDING, Phase.THINKING, Phase.SPEAKING)
    assert ears_for(phase, VAD).min_speech_ms == (300 if over_reply else 100)


@pytest.mark.parametrize("phase", Phase)
def test_a_whisper_is_speech_where_it_is_waited_for(phase: Phase) -> None:
    assert ears_for(phase, VAD).expected is (phase is Phase.LISTENING)


def test_what_the_uplink_wants_and_what_is_forgotten_is_handed_on() -> None:
    ears = ears_for(Phase.IDLE, VAD, hungry=True, forgotten=3)
    assert (ears.hungry, ears.forgotten) == (True, 3)
