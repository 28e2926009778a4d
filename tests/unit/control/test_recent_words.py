"""What a page that opens is told of the conversation before it came."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.control.remote.recent import LINE_CHARS, MAX_LINES, RecentWords


class Room:
    """Words that are remembered, and a clock."""

    def __init__(self, minutes: float = 30.0) -> None:
        self.now_s = 1000.0
        self.recent = RecentWords(minutes, lambda: self.now_s)

    def hear(self, event: str, **fields: Any) -> None:
        self.recent.hear({"event": event, "at": "2026-11-30T22:00:00.000+01:00", **fields})

    def said(self) -> list[tuple[str, str]]:
        return [(line["who"], line["text"]) for line in self.recent.lines()]


@pytest.fixture
def room() -> Room:
    return Room()


def turn(room: Room, *pieces: tuple[str, str]) -> None:
    for who, text in pieces:
        room.hear("transcript", who=who, text=text)
    room.hear("turn", turn=1)


def test_pieces_are_joined_by_side_and_turn(room: Room) -> None:
    turn(
        room,
        ("user", " What"),
        ("user", " time"),
        ("model", "It is"),
        ("user", " is it?"),
        ("model", " late."),
    )
    turn(room, ("user", "Thanks."))
    assert room.said() == [("user", "What time is it?"), ("model", "It is late."), ("user", "Thanks.")]
    assert [(line["key"], line["over"]) for line in room.recent.lines()] == [
        (-1, True),
        (-2, True),
        (-3, True),
    ]
    assert room.recent.lines()[0]["at"].startswith("2026-11-30T22")


def test_a_turn_in_writing_begins_anew(room: Room) -> None:
    room.hear("transcript", who="model", text="It is")
    room.hear("say", text="hello")
    room.hear("transcript", who="model", text="Hello!")
    assert room.said() == [("model", "It is"), ("user", "hello"), ("model", "Hello!")]


def test_what_is_no_word_is_passed_over(room: Room) -> None:
    for event in ("light", "state", "level"):
        room.hear(event, text="no")
    room.hear("transcript", who="user", text=3)
    assert room.said() == []


def test_it_is_forgotten_after_so_many_minutes(room: Room) -> None:
    turn(room, ("user", "early"))
    room.now_s += 15 * 60
    turn(room, ("user", "late"))
    room.now_s += 15 * 60
    assert room.said() == [("user", "late")]
    room.now_s += 15 * 60
    assert room.said() == []


def test_of_zero_minutes_nothing_is_kept_not_even_for_a_moment() -> None:
    room = Room(minutes=0)
    turn(room, ("user", "secret"))
    assert room.said() == []


def test_lines_and_their_lengths_are_bounded(room: Room) -> None:
    for number in range(MAX_LINES + 5):
        turn(room, ("user", f"{number}"))
    assert len(room.said()) == MAX_LINES and room.said()[0] == ("user", "5")
    for _ in range(3):
        room.hear("transcript", who="user", text="x" * LINE_CHARS)
    assert len(room.said()[-1][1]) == LINE_CHARS
