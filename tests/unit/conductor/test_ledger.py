"""What each turn cost in time."""

from __future__ import annotations

import pytest

from daemon.conductor.ledger import HISTORY_TURNS, Ledger, Mark, Turn
from daemon.events import Trigger
from daemon.words import Outcome
from hw.base import MIC_FORMAT, SPEAKER_FORMAT


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def line(ledger: Ledger, turn: int = 1) -> Turn:
    found = ledger.find(turn)
    assert found is not None
    return found


def test_a_turn_is_told_in_words_and_milliseconds(ledger: Ledger) -> None:
    ledger.open(1, Trigger.BUTTON, 10.0, online=True)
    for mark, at_s in (
        (Mark.FIRST_SENT, 10.02),
        (Mark.SPEECH_ENDED, 12.0),
        (Mark.ALL_SENT, 12.01),
        (Mark.FIRST_REPLY, 12.6),
        (Mark.FIRST_SAMPLE, 12.65),
    ):
        ledger.mark(1, mark, at_s)
    line(ledger).sent_bytes = MIC_FORMAT.bytes(2.5)
    line(ledger).reply_bytes = SPEAKER_FORMAT.bytes(4.0)
    closed = ledger.close(1, Outcome.ANSWERED, 17.0)
    assert closed is not None
    assert closed.as_dict() == {
        "turn": 1,
        "trigger": "button",
        "outcome": "answered",
        "trigger_to_first_sent_ms": 20.0,
        "trigger_to_end_ms": 2000.0,
        "end_to_all_sent_ms": 10.0,
        "end_to_first_reply_ms": 600.0,
        "end_to_first_sample_ms": 650.0,
        "eager_ends": 0,
        "eager_wasted": 0,
        "gained_ms": 0.0,
        "connect_hidden": None,
        "said_s": 2.5,
        "reply_s": 4.0,
        "lasted_ms": 7000.0,
    }


def test_what_did_not_happen_has_no_duration(ledger: Ledger) -> None:
    ledger.open(1, Trigger.VOICE, 10.0, online=True)
    told = line(ledger).as_dict()
    assert told["outcome"] is None
    assert told["end_to_first_reply_ms"] is None
    assert told["lasted_ms"] is None


def test_the_first_of_a_kind_counts(ledger: Ledger) -> None:
    ledger.open(1, Trigger.BUTTON, 10.0, online=True)
    ledger.mark(1, Mark.FIRST_SENT, 11.0)
    ledger.mark(1, Mark.FIRST_SENT, 12.0)
    assert line(ledger).between_ms(Mark.TRIGGERED, Mark.FIRST_SENT) == 1000.0


def test_of_the_ends_of_sending_the_last_counts(ledger: Ledger) -> None:
    ledger.open(1, Trigger.BUTTON, 10.0, online=True)
    ledger.mark(1, Mark.ALL_SENT, 11.0)
    ledger.mark(1, Mark.ALL_SENT, 12.0)
    assert line(ledger).between_ms(Mark.TRIGGERED, Mark.ALL_SENT) == 2000.0


@pytest.mark.parametrize(
    ("online", "up_s", "ended_s", "hidden"),
    [
        (True, None, 12.0, None),
        (False, 11.0, 12.0, True),
        (False, 12.0, 12.0, True),
        (False, 12.5, 12.0, False),
        (False, None, 12.0, False),
        (False, 11.0, None, True),
    ],
)
def test_a_connection_is_hidden_if_it_is_up_before_the_user_has_finished(
    ledger: Ledger, online: bool, up_s: float | None, ended_s: float | None, hidden: bool | None
) -> None:
    ledger.open(1, Trigger.BUTTON, 10.0, online=online)
    for mark, at_s in ((Mark.LINK_UP, up_s), (Mark.SPEECH_ENDED, ended_s)):
        if at_s is not None:
            ledger.mark(1, mark, at_s)
    assert line(ledger).connect_hidden is hidden


def test_an_early_answer_gained_the_time_from_the_last_pause_to_it(ledger: Ledger) -> None:
    ledger.open(1, Trigger.BUTTON, 10.0, online=True)
    ledger.close_eagerly(1, 12.0)
    ledger.reopen(1)
    ledger.close_eagerly(1, 14.0)
    ledger.mark(1, Mark.ALL_SENT, 14.1)
    ledger.mark(1, Mark.SPEECH_ENDED, 14.3)
    ledger.confirm(1, 14.25)
    told = line(ledger).as_dict()
    assert (told["eager_ends"], told["eager_wasted"], told["gained_ms"]) == (2, 1, 250.0)
    assert told["end_to_all_sent_ms"] == 0.0


def test_old_turns_are_forgotten_and_passed_over(ledger: Ledger) -> None:
    for turn in range(HISTORY_TURNS + 1):
        ledger.open(turn, Trigger.TEXT, float(turn), online=True)
    assert len(ledger.turns) == HISTORY_TURNS
    assert ledger.find(0) is None
    ledger.mark(0, Mark.FIRST_REPLY, 1.0)
    assert ledger.close(0, Outcome.CUT, 2.0) is None
    assert all(Mark.OVER not in turn.marks for turn in ledger.turns)
