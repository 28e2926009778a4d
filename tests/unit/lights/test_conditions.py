"""What the lights are told of, put together from what the parts know."""

from __future__ import annotations

import pytest

from daemon.dialogue.state import Dialogue
from daemon.lights.conditions import Calls, Reach, RunStage, conditions_of, share_left
from daemon.lights.ladder import Conditions
from daemon.words import Phase


def told(
    state: Dialogue | None = None,
    *,
    stage: RunStage = RunStage.RUNNING,
    reach: Reach | None = None,
    calls: Calls | None = None,
    speaker_ok: bool = True,
    leaving: bool = False,
) -> Conditions:
    return conditions_of(
        state or Dialogue(),
        stage,
        reach or Reach(),
        calls or Calls(),
        speaker_ok=speaker_ok,
        leaving=leaving,
        follow_up_left=0.5,
    )


def test_at_rest_nothing_is_the_matter() -> None:
    assert told() == Conditions(follow_up_left=0.5)


@pytest.mark.parametrize("leaving", [False, True])
@pytest.mark.parametrize("phase", Phase)
def test_audio_that_can_leave_or_is_leaving_is_shown(phase: Phase, leaving: bool) -> None:
    state = Dialogue(phase=phase)
    assert told(state, leaving=leaving).mic_streaming is (state.mic_streaming or leaving)


def test_the_stage_of_the_run_is_shown_at_its_ends() -> None:
    shown = [(told(stage=stage).starting, told(stage=stage).stopping) for stage in RunStage]
    assert shown == [(True, False), (False, False), (False, True)]


@pytest.mark.parametrize("name", ["connecting", "refused", "offline", "quota"])
def test_how_the_service_can_be_reached_is_shown(name: str) -> None:
    assert getattr(told(reach=Reach(**{name: True})), name) is True


@pytest.mark.parametrize("name", ["ringing", "missed", "pairing"])
def test_what_calls_for_the_user_is_shown(name: str) -> None:
    assert getattr(told(calls=Calls(**{name: True})), name) is True


def test_a_speaker_that_failed_is_shown() -> None:
    assert told(speaker_ok=False).speaker_fault


@pytest.mark.parametrize(
    ("left_s", "whole_s", "share"),
    [(3.0, 6.0, 0.5), (-1.0, 6.0, 0.0), (9.0, 6.0, 1.0), (3.0, 0.0, 0.0)],
)
def test_the_share_that_is_left_is_from_none_to_all(left_s: float, whole_s: float, share: float) -> None:
    assert share_left(left_s, whole_s) == share
