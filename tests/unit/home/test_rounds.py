"""Which of several speakers answers a wake word: one, however the messages run."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from daemon.home.rounds import (
    ID_CHARS,
    LATE_S,
    MAX_CLAIMS,
    STALE_S,
    WakeClaim,
    WakeClose,
    WakeRounds,
    WakeVerdict,
    message_of,
)

HOUSE = ("attic", "bath", "cellar")


def told(rounds: WakeRounds, *messages: WakeClaim | WakeClose, at_s: float = 0.0) -> list[WakeVerdict]:
    return [verdict for message in messages for verdict in rounds.hear(message, at_s)]


def test_who_is_alone_answers_when_the_round_is_closed() -> None:
    rounds = WakeRounds("attic")
    assert told(rounds, WakeClaim("attic", 1, 10.0)) == []
    assert rounds.opened(1)
    assert told(rounds, WakeClose("attic", 1)) == [WakeVerdict(1, answers=True)]
    assert not rounds.opened(1)


@pytest.mark.parametrize(("own", "answers"), [("attic", False), ("bath", True), ("cellar", False)])
def test_the_loudest_answers_and_all_see_the_same(own: str, answers: bool) -> None:
    rounds = WakeRounds(own)
    claims = [WakeClaim("attic", 1, 10.0), WakeClaim("bath", 7, 12.0), WakeClaim("cellar", 3, 11.9)]
    [verdict] = told(rounds, *claims, WakeClose("attic", 1))
    assert verdict.answers is answers
    assert not rounds.opened(7)


@pytest.mark.parametrize(("own", "answers"), [("attic", False), ("bath", True)])
def test_of_two_that_are_equally_loud_one_answers(own: str, answers: bool) -> None:
    claims = [WakeClaim("attic", 1, 10.0), WakeClaim("bath", 7, 10.0)]
    [verdict] = told(WakeRounds(own), *claims, WakeClose("attic", 1))
    assert verdict.answers is answers


def test_a_close_of_somebody_else_closes_nothing() -> None:
    rounds = WakeRounds("attic")
    told(rounds, WakeClaim("attic", 1, 10.0))
    assert told(rounds, WakeClose("bath", 1), WakeClose("attic", 2)) == []
    assert rounds.opened(1)
    assert told(WakeRounds("attic"), WakeClose("attic", 1)) == []


def test_who_is_late_yields_and_who_speaks_again_later_does_not() -> None:
    rounds = WakeRounds("bath")
    assert told(rounds, WakeClaim("attic", 1, 10.0), WakeClose("attic", 1)) == []
    assert told(rounds, WakeClaim("cellar", 1, 50.0), at_s=LATE_S / 2) == []
    assert told(rounds, WakeClaim("bath", 1, 50.0), at_s=LATE_S / 2) == [WakeVerdict(1, answers=False)]
    assert told(rounds, WakeClaim("bath", 2, 5.0), at_s=LATE_S + 0.1) == []
    assert rounds.opened(2)


def test_a_round_that_nobody_closed_does_not_count() -> None:
    rounds = WakeRounds("bath")
    told(rounds, WakeClaim("attic", 1, 90.0))
    later_s = STALE_S + 0.1
    told(rounds, WakeClaim("bath", 1, 10.0), at_s=later_s)
    assert told(rounds, WakeClose("bath", 1), at_s=later_s) == [WakeVerdict(1, answers=True)]


def test_a_claim_made_twice_counts_once_and_too_many_do_not_count() -> None:
    rounds = WakeRounds("own")
    told(rounds, *(WakeClaim(f"s{number:02}", 1, 1.0) for number in range(MAX_CLAIMS)))
    told(rounds, WakeClaim("s00", 2, 100.0), WakeClaim("own", 1, 100.0))
    assert told(rounds, WakeClose("s00", 1)) == []


@pytest.mark.parametrize(
    "message",
    [
        [], {}, {"id": "a"}, {"id": "a", "word": 1}, {"id": "", "word": 1, "close": True},
        {"id": "a" * (ID_CHARS + 1), "word": 1, "close": True}, {"id": "ä", "word": 1, "close": True},
        {"id": "a", "word": -1, "close": True}, {"id": "a", "word": 1, "close": False},
        {"id": "a", "word": 1, "score_db": 1e9}, {"id": "a", "word": 1, "score_db": "x"},
        {"id": "a", "word": 1, "score_db": 1, "close": True}, {"id": 5, "word": 1, "close": True},
    ],
)  # fmt: skip
def test_what_is_neither_claim_nor_close_is_refused(message: object) -> None:
    with pytest.raises(ValueError, match=r"must be|is no claim"):
        message_of(json.dumps(message).encode())


def test_a_claim_and_a_close_are_read() -> None:
    assert message_of(b'{"id":"a","word":3,"score_db":12.5}') == WakeClaim("a", 3, 12.5)
    assert message_of(b'{"id":"a","word":3,"close":true}') == WakeClose("a", 3)


def test_of_two_hundred_words_heard_by_two_or_three_each_is_answered_once() -> None:
    """However late each hears it, and wherever the close falls among the claims that the broker orders."""
    dice = random.Random(5)
    house = {name: WakeRounds(name) for name in HOUSE}
    answers: Counter[int] = Counter()
    for word in range(200):
        who = dice.sample(HOUSE, dice.choice((2, 3)))
        claims = [WakeClaim(name, word, dice.uniform(3.0, 30.0)) for name in who]
        messages: list[WakeClaim | WakeClose] = [*claims]
        messages.insert(dice.randint(1, len(claims)), WakeClose(claims[0].speaker, word))
        at_s = word * 2.0
        for message in messages:
            at_s += dice.uniform(0.0, 0.1)
            for rounds in house.values():
                answers[word] += sum(
                    verdict.answers for verdict in rounds.hear(message, at_s + dice.uniform(0, 0.03))
                )
    assert [answers[word] for word in range(200)] == [1] * 200


def test_a_message_that_is_no_text_is_refused() -> None:
    with pytest.raises(ValueError, match="utf-8"):
        message_of(b"\xff")


def test_who_heard_nothing_has_no_verdict() -> None:
    claims = [WakeClaim("attic", 1, 10.0), WakeClaim("bath", 7, 12.0)]
    assert told(WakeRounds("cellar"), *claims, WakeClose("attic", 1)) == []
