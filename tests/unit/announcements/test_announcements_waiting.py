"""Which announcement comes next, which goes, and what a request must be like."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.announcements.record import MAX_IDS, content_of, ids_from
from daemon.announcements.requests import announcement_of
from daemon.announcements.waiting import (
    MAX_WAITING,
    Announcement,
    Priority,
    Waiting,
    is_overtaken,
    with_one,
    without_expired,
)
from daemon.errors import ControlError


def one(name: str, priority: Priority = Priority.NORMAL, **fields: Any) -> Announcement:
    return Announcement(
        id=name, text=name, priority=priority, **({"expires_at_s": 100.0, "volume": None} | fields)
    )


def queue(*announcements: Announcement) -> Waiting:
    waiting: Waiting = ()
    for announcement in announcements:
        waiting, dropped = with_one(waiting, announcement)
        assert dropped is None
    return waiting


def names(waiting: Waiting) -> str:
    return " ".join(announcement.id for announcement in waiting)


def test_the_important_come_first_and_equals_as_they_came() -> None:
    low, high = Priority.LOW, Priority.HIGH
    assert names(queue(one("a"), one("b", low), one("c"), one("d", high), one("e", low))) == "d a c b e"


def test_one_whose_turn_had_come_comes_before_its_equals() -> None:
    waiting, dropped = with_one(queue(one("a"), one("b", Priority.HIGH)), one("c"), first=True)
    assert (names(waiting), dropped) == ("b c a", None)


def test_only_a_more_important_one_overtakes() -> None:
    assert not is_overtaken(one("a"), ())
    assert not is_overtaken(one("a"), queue(one("b")))
    assert is_overtaken(one("a"), queue(one("b"), one("c", Priority.HIGH)))


def test_of_too_many_the_newest_of_the_least_important_goes() -> None:
    waiting = queue(*(one(str(number)) for number in range(MAX_WAITING)))
    same, dropped = with_one(waiting, one("more"))
    assert same == waiting and dropped is not None and dropped.id == "more"
    changed, dropped = with_one(waiting, one("fire", Priority.HIGH))
    assert changed[0].id == "fire" and dropped is not None and dropped.id == str(MAX_WAITING - 1)


@given(st.lists(st.tuples(st.sampled_from(Priority), st.booleans()), max_size=2 * MAX_WAITING))
@settings(max_examples=100)
def test_the_queue_is_bounded_in_order_and_loses_none_in_silence(asked: list[tuple[Priority, bool]]) -> None:
    waiting: Waiting = ()
    gone = 0
    for number, (priority, first) in enumerate(asked):
        waiting, dropped = with_one(waiting, one(str(number), priority), first=first)
        gone += dropped is not None
        if dropped is not None:
            assert all(dropped.priority <= other.priority for other in waiting)
    assert len(waiting) + gone == len(asked)
    assert len(waiting) <= MAX_WAITING
    assert [other.priority for other in waiting] == sorted((o.priority for o in waiting), reverse=True)


def test_what_has_expired_is_parted_from_what_has_not() -> None:
    waiting = queue(one("a", expires_at_s=5.0), one("b"), one("c", expires_at_s=4.0))
    good, expired = without_expired(waiting, 5.0)
    assert (names(good), names(expired)) == ("b", "a c")


# --- requests --------------------------------------------------------------------------------------


def asked(**args: Any) -> Announcement:
    return announcement_of(args, now_s=10.0, expires_s=600.0, new_id=lambda: "made-up")


def test_a_text_alone_is_enough() -> None:
    assert asked(text="  Dinner\nis ready. ") == Announcement(
        id="made-up", text="Dinner is ready.", expires_at_s=610.0
    )


def test_all_that_may_be_asked() -> None:
    args = {"text": "x", "volume": 40, "chime": True, "priority": "high", "expires_s": 30, "id": "door-1"}
    assert asked(**args) == Announcement(
        id="door-1",
        text="x",
        expires_at_s=40.0,
        volume=40,
        chime=True,
        priority=Priority.HIGH,
        lasting_id=True,
    )


def test_nothing_is_as_if_it_were_not_given() -> None:
    args = dict.fromkeys(("volume", "chime", "priority", "expires_s", "id"))
    assert asked(text="x", **args) == asked(text="x")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({}, "text must be 1 to 1000 characters"),
        ({"text": " \u202e\n"}, "text must be"),
        ({"text": 7}, "text must be"),
        ({"text": "x" * 1001}, "text must be"),
        ({"text": "x", "volume": 101}, "volume must be a whole number from 0 to 100"),
        ({"text": "x", "volume": True}, "volume must be"),
        ({"text": "x", "chime": 1}, "chime must be true or false"),
        ({"text": "x", "priority": "urgent"}, "priority must be low, normal, high"),
        ({"text": "x", "priority": 2}, "priority must be"),
        ({"text": "x", "expires_s": 0}, "expires_s must be a number from 1 to 86400"),
        ({"text": "x", "id": ""}, "id must be 1 to 64 printable"),
        ({"text": "x", "id": "a\nb"}, "id must be"),
        ({"text": "x", "id": "x" * 65}, "id must be"),
        ({"text": "x", "loud": 1}, "there is no 'loud'"),
    ],
)
def test_a_bad_request_is_told_with_what_would_be_right(args: dict[str, Any], words: str) -> None:
    with pytest.raises(ControlError, match=words):
        asked(**args)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ControlError, match=r"no 'x'; text .*; volume .*; chime "):
        asked(x=1, volume=-1, chime="yes")


# --- the file --------------------------------------------------------------------------------------


def test_ids_are_taken_back_and_the_oldest_of_too_many_are_forgotten() -> None:
    many = [str(number) for number in range(MAX_IDS + 3)]
    assert ids_from(content_of(many)) == tuple(many[3:])


@pytest.mark.parametrize("data", [None, {}, {"said": "x"}, {"said": [1]}, {"said": ["x" * 65]}])
def test_a_file_of_another_form_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match="does not hold"):
        ids_from(data)
