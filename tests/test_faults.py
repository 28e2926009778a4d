"""The fault matrix over the whole daemon: no word lost, no answer twice, and the device usable afterwards."""

from __future__ import annotations

import pytest

from daemon import scenes
from daemon.failures import POLICIES, FailureKind
from daemon.words import Earcon, Outcome
from fault_cases import CASES
from fault_story import Case, Story, heard_all, play

HEALTHY = [scenes.IDLE, scenes.LISTENING, scenes.SENDING, scenes.THINKING, scenes.SPEAKING]
"""What the lights say in the course of a turn."""

BACK_WITHIN_S = 5.0
"""After the end of a fault."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
async def test_fault(case: Case) -> None:
    story = await play(case)
    problems = list(check(case, story))
    assert not problems, f"{problems}\n{story}"


def check(case, story):
    if story.outcomes != [case.outcome.value, "answered"]:
        yield f"outcomes {story.outcomes}"
    if story.earcons != [["listening", *[tone.value for tone in case.tones]], ["listening"]]:
        yield f"earcons {story.earcons}"
    spoke = case.outcome in (Outcome.ANSWERED, Outcome.SHORT, Outcome.CUT)
    if spoke and [heard_all(t) for t in story.answered[0]] != [True]:
        yield f"answered {[(t.number, heard_all(t)) for t in story.answered[0]]}"
    if [heard_all(t) for t in story.answered[1]] != [True]:
        yield f"second answered {[(t.number, heard_all(t)) for t in story.answered[1]]}"
    expected = (
        []
        if case.warns is None
        else [POLICIES[case.warns].says if isinstance(case.warns, FailureKind) else case.warns]
    )
    if len(story.warnings) != len(expected) or any(e not in w for e, w in zip(expected, story.warnings)):
        yield f"warnings {story.warnings} expected {expected}"
    odd = set(story.scenes) - {s.name for s in HEALTHY}
    if case.shows and case.shows.name not in odd:
        yield f"not shown {case.shows.name}"
    odd -= {case.shows.name if case.shows else ""}
    if odd:
        yield f"odd scenes {odd} in {story.scenes}"
    if story.back_s is not None and story.back_s > 5:
        yield f"back after {story.back_s}"
