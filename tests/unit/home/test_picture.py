"""What is made of the speaker's notes: its state, and what happens."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from daemon.home.picture import (
    SHORT_CHARS,
    WHOLE_CHARS,
    Happening,
    Picture,
    SpokenLines,
    happenings,
    said_words,
)

STATUS: dict[str, Any] = {
    "version": "0.1.0", "board": "generic", "state": "idle", "muted": False, "volume": 70, "light": "ready",
    "link": {"state": "online", "problem": None, "remedy": None},
    "devices": {
        "mic": {"open": True, "problem": None}, "speaker": {"open": True, "problem": None},
        "lights": {"problem": None},
    },
    "timers": {"waiting": 0, "rings": None, "missed": None}, "talks": None,
    "turns": [{"end_to_first_sample_ms": 300.0}, {"end_to_first_sample_ms": None}],
    "usage": {"today": {"sent_s": 60.0, "received_s": 45.0, "prompt_tokens": 7, "response_tokens": 5}},
}  # fmt: skip


@pytest.fixture
def picture() -> Picture:
    picture = Picture()
    picture.hear({"event": "speaker", "speaker": "here"})
    picture.hear({"event": "snapshot", "status": deepcopy(STATUS)})
    return picture


def state_after(picture: Picture, *notes: dict[str, Any]) -> dict[str, Any]:
    for note in notes:
        picture.hear(note)
    return picture.state()


def test_a_speaker_at_rest(picture: Picture) -> None:
    assert picture.known
    assert (picture.board, picture.version) == ("generic", "0.1.0")
    assert picture.state() == {
        "state": "idle",
        "light": "ready",
        "next_timer": None,
        "last_answer_ms": 300.0,
        "minutes_today": 1.8,
        "tokens_today": 12,
        "connected": "ON",
        "problem": "OFF",
        "problem_about": {"problem": "", "remedy": ""},
        "ringing": "OFF",
        "on_phone": "OFF",
        "mute": "OFF",
        "volume": 70,
    }


def test_nothing_is_known_before_the_first_snapshot() -> None:
    picture = Picture()
    picture.hear({"event": "state", "state": "listening"})
    picture.hear({"event": "speaker", "speaker": "here"})
    assert not picture.known
    assert (picture.board, picture.version) == ("", "")
    assert picture.state()["mute"] == "OFF"


def test_a_speaker_that_went_away_is_not_known(picture: Picture) -> None:
    picture.hear({"event": "speaker", "speaker": "away", "problem": "…"})
    assert not picture.known


@pytest.mark.parametrize(
    ("note", "changed"),
    [
        ({"event": "state", "state": "speaking", "was": "idle", "cause": "x"}, {"state": "speaking"}),
        ({"event": "light", "light": "speaking"}, {"light": "speaking"}),
        ({"event": "volume", "volume": 20}, {"volume": 20}),
        ({"event": "timers", "waiting": 1, "rings": ["tea"], "missed": None}, {"ringing": "ON"}),
        (
            {
                "event": "link",
                "state": "backing_off",
                "problem": "no network",
                "remedy": "look at the router",
            },
            {
                "connected": "OFF",
                "problem": "ON",
                "problem_about": {"problem": "no network", "remedy": "look at the router"},
            },
        ),
        (
            {"event": "device", "device": "mic", "open": False, "problem": "unplugged"},
            {"problem": "ON", "problem_about": {"problem": "unplugged", "remedy": ""}},
        ),
        ({"event": "device", "device": "new", "open": True, "problem": None}, {}),
        ({"event": "something new", "state": "odd"}, {}),
        ({"no event": 1}, {}),
    ],
)
def test_a_note_changes_what_it_tells(
    picture: Picture, note: dict[str, Any], changed: dict[str, Any]
) -> None:
    before = picture.state()
    assert state_after(picture, note) == before | changed


def test_it_is_muted_only_when_the_microphone_is_closed(picture: Picture) -> None:
    muted = {"event": "mute", "muted": True}
    closed = {"event": "device", "device": "mic", "open": False, "problem": None}
    assert state_after(picture, muted)["mute"] == "OFF"
    assert state_after(picture, closed)["mute"] == "ON"
    assert state_after(picture, {"event": "mute", "muted": False})["mute"] == "OFF"


def test_who_talks_on_a_phone_is_told(picture: Picture) -> None:
    snapshot = {"event": "snapshot", "status": {**deepcopy(STATUS), "talks": ["Ann's phone"]}}
    assert state_after(picture, snapshot)["on_phone"] == "ON"


def test_the_next_timer_has_a_time_that_does_not_wander(picture: Picture) -> None:
    book = {"waiting": [{"left_s": 90.2}, {"left_s": 60.4}, {"left_s": None}]}
    picture.take_timers(book, 1_800_000_000.0)
    first = picture.state()["next_timer"]
    assert first == "2027-01-15T08:01:00+00:00"
    picture.take_timers({"waiting": [{"left_s": 50.0}]}, 1_800_000_011.5)
    assert picture.state()["next_timer"] == first
    picture.take_timers({"waiting": [{"left_s": 50.0}]}, 1_800_000_100.0)
    assert picture.state()["next_timer"] == "2027-01-15T08:02:30+00:00"
    picture.take_timers({"waiting": []}, 1_800_000_100.0)
    assert picture.state()["next_timer"] is None


def turn(outcome: str) -> dict[str, Any]:
    return {"event": "turn", "outcome": outcome, "trigger": "button"}


@pytest.mark.parametrize(
    ("note", "kind", "event"),
    [
        ({"event": "state", "state": "listening", "was": "idle", "cause": "x"}, "conversation", "begun"),
        (turn("answered"), "conversation", "answered"),
        (turn("cut"), "conversation", "answered"),
        (turn("failed"), "conversation", "failed"),
        (turn("short"), "conversation", "failed"),
        ({"event": "reminder", "what": "rings", "kind": "timer", "id": 1}, "timer", "rang"),
        ({"event": "reminder", "what": "missed", "kind": "alarm", "id": 1}, "timer", "missed"),
        ({"event": "gesture", "gesture": "tapped"}, "button", "tap"),
        ({"event": "gesture", "gesture": "double"}, "button", "double"),
        ({"event": "gesture", "gesture": "held"}, "button", "hold"),
        ({"event": "gesture", "gesture": "long"}, "button", "long"),
    ],
)
def test_what_happens_is_told_once(note: dict[str, Any], kind: str, event: str) -> None:
    told = list(happenings(note))
    assert [(one.kind, one.told["event_type"]) for one in told] == [(kind, event)]


@pytest.mark.parametrize(
    "note",
    [
        {"event": "state", "state": "listening", "was": "follow_up", "cause": "x"},
        {"event": "state", "state": "idle", "was": "idle", "cause": "x"},
        turn("silent"),
        turn("cancelled"),
        {"event": "reminder", "what": "stopped", "kind": "timer", "id": 1},
        {"event": "gesture", "gesture": "pressed"},
        {"event": "light", "light": "ready"},
    ],
)
def test_of_the_rest_there_is_nothing_to_tell(note: dict[str, Any]) -> None:
    assert list(happenings(note)) == []


def test_what_was_said_is_joined_for_each_side() -> None:
    spoken = SpokenLines()
    notes = [
        {"event": "transcript", "who": "user", "text": " What is"},
        {"event": "transcript", "who": "model", "text": "Two"},
        {"event": "transcript", "who": "user", "text": " one and one?"},
        {"event": "transcript", "who": "model", "text": "."},
        {"event": "light", "light": "ready"},
    ]
    assert [list(spoken.hear(note)) for note in notes] == [[]] * len(notes)
    assert list(spoken.hear(turn("answered"))) == [
        Happening(kind="said", told={"who": "you", **said_words("What is one and one?")}),
        Happening(kind="said", told={"who": "it", **said_words("Two.")}),
    ]
    assert list(spoken.hear(turn("answered"))) == []


def test_a_turn_in_writing_is_what_you_said() -> None:
    spoken = SpokenLines()
    assert list(spoken.hear({"event": "say", "text": "Hello"})) == []
    [said] = spoken.hear(turn("failed"))
    assert said.told == {"who": "you", "short": "Hello", "text": "Hello"}


def test_a_long_text_is_cut_for_the_entity_and_bounded_as_a_whole() -> None:
    spoken = SpokenLines()
    for _ in range(50):
        list(spoken.hear({"event": "transcript", "who": "model", "text": "x" * 100}))
    [said] = spoken.hear(turn("answered"))
    assert len(said.told["short"]) == SHORT_CHARS
    assert len(said.told["text"]) == WHOLE_CHARS
