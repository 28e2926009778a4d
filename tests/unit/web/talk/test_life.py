"""When a talk ends by itself, and with which words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.session.failures import TREATMENTS, Failure, FailureKind
from daemon.web.talk.life import Due, Patience, Vitals, due, ending, trouble_of

PATIENCE = Patience()
CALM = Vitals(began_s=0.0, moved_s=0.0, down_since_s=None, ever_up=True)


@pytest.mark.parametrize(
    ("vitals", "now_s", "expected"),
    [
        (CALM, 59.9, None),
        (CALM, 60.0, Due.IDLE),
        (replace(CALM, moved_s=890.0), 900.0, Due.LONG),
        (replace(CALM, moved_s=50.0, down_since_s=40.0), 44.9, None),
        (replace(CALM, moved_s=50.0, down_since_s=40.0), 45.0, Due.NOTICE),
        (replace(CALM, moved_s=50.0, down_since_s=40.0, noticed=True), 45.0, None),
        (replace(CALM, moved_s=50.0, down_since_s=40.0, noticed=True), 70.0, Due.GAVE_UP),
        (replace(CALM, down_since_s=0.0, ever_up=False), 11.9, None),
        (replace(CALM, down_since_s=0.0, ever_up=False), 12.0, Due.NEVER_CONNECTED),
        (replace(CALM, asked_at_s=1.0), 16.0, Due.UNANSWERED),
        (replace(CALM, asked_at_s=1.0, down_since_s=14.0), 16.0, None),
    ],
)
def test_what_is_due(vitals: Vitals, now_s: float, expected: Due | None) -> None:
    assert due(vitals, PATIENCE, now_s) is expected


def test_a_reply_that_is_heard_until_later_counts_as_movement_until_then() -> None:
    vitals = replace(CALM)
    vitals.move(100.0)
    vitals.move(50.0)
    assert due(vitals, PATIENCE, 159.0) is None


@pytest.mark.parametrize("kind", FailureKind)
def test_each_failure_has_its_sentence_its_remedy_and_a_code(kind: FailureKind) -> None:
    trouble = trouble_of(Failure(kind, "as planned"))
    assert trouble.sentence == TREATMENTS[kind].says
    assert trouble.remedy == TREATMENTS[kind].remedy
    assert trouble.code == kind.value
    assert trouble.close_code == (1013 if kind is FailureKind.QUOTA else 1011)


@pytest.mark.parametrize("what", Due)
def test_only_some_of_it_ends_a_talk(what: Due) -> None:
    assert (ending(what, None) is None) == (what in (Due.NOTICE, Due.UNANSWERED))
