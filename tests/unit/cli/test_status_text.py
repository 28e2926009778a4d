"""A status becomes lines that a person can read, whatever the daemon puts into it."""

from __future__ import annotations

import pytest

from daemon.cli.text.status import TURNS_SHOWN, duration, event_text, pairs_text, size, status_text, turn_text

TURN = {
    "turn": 7,
    "trigger": "button",
    "outcome": "answered",
    "end_to_first_sample_ms": 812.5,
    "connect_hidden": None,
    "said_s": 2.4,
}

STATUS = {
    "version": "0.1.0",
    "state": "speaking",
    "since_s": 3.2,
    "up_s": 93784,
    "muted": False,
    "volume": 70,
    "board": "respeaker-2mic",
    "model": "gemini-3.8-live",
    "link": {
        "state": "backing_off",
        "since_s": 61,
        "problem": "The service cannot be reached. (connecting: dns)",
        "remedy": "Check the Wi-Fi and the internet connection.",
        "next_try_s": 4,
    },
    "devices": {"mic": {"open": True, "level_dbfs": -51.5}, "speaker": {"open": False, "problem": "busy"}},
    "rings": {"reply": {"overflow": "drop_newest", "capacity_bytes": 5_760_000, "lost_bytes": 0}},
    "counters": {"mic_overruns": 2, "speaker_underruns": 0},
    "turns": [TURN],
}


def test_a_whole_status_reads_like_this() -> None:
    assert status_text(STATUS).splitlines() == [
        "conure 0.1.0: speaking for 3.2 s",
        "up          1 d 2 h",
        "muted       no",
        "volume      70 %",
        "board       respeaker-2mic",
        "model       gemini-3.8-live",
        "link        state backing_off, since 1 min 1 s, next try 4 s",
        "            problem: The service cannot be reached. (connecting: dns)",
        "            remedy: Check the Wi-Fi and the internet connection.",
        "mic         open yes, level -51.5 dBFS",
        "speaker     open no, problem busy",
        "reply       overflow drop_newest, capacity 5.8 MB, lost 0 bytes",
        "counters    mic overruns 2",
        "turns       the last 1 of 1, newest last",
        "  #7 button answered: end to first sample 812.5 ms, said 2.4 s",
    ]


def test_a_status_without_anything_is_still_a_line() -> None:
    assert status_text({}).splitlines()[0] == "conure: unknown"


def test_histograms_are_for_programs() -> None:
    assert status_text({"state": "idle", "turn_totals": {"bounds_s": [0.1]}}) == status_text(
        {"state": "idle"}
    )


def test_only_the_newest_turns_are_shown() -> None:
    text = status_text({"state": "idle", "turns": [{"turn": number} for number in range(12)]})
    assert f"the last {TURNS_SHOWN} of 12" in text
    assert "#11 under way" in text
    assert "#6 " not in text


def test_what_is_not_known_here_is_shown_by_the_unit_in_its_name() -> None:
    lines = status_text({"state": "idle", "new_thing_ms": 12, "flag": True, "odd": [1, "b"]}).splitlines()
    assert lines[1:4] == ["new thing   12 ms", "flag        yes", "odd         1, b"]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        ({"event": "state", "state": "listening", "was": "idle"}, "state       listening (was idle)"),
        ({"event": "state", "state": "idle"}, "state       idle"),
        ({"event": "transcript", "who": "user", "text": "Hi"}, "user        Hi"),
        ({"event": "earcon", "name": "done"}, "earcon      name done"),
        ({"event": "turn", **TURN}, f"turn        {turn_text(TURN)}"),
    ],
)
def test_an_event_is_one_line(event: dict[str, object], line: str) -> None:
    assert event_text(event) == line


def test_what_was_said_cannot_command_the_terminal() -> None:
    line = event_text({"event": "transcript", "who": "model", "text": "a\x1b[2Jb\nc\x9b1m"})
    assert all(char.isprintable() for char in line)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.5, "59.5 s"),
        (60, "1 min 0 s"),
        (3599.4, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (2.5e6, "2.5 MB")]
)
def test_a_size_has_a_fitting_unit(count: float, text: str) -> None:
    assert size(count) == text


def test_a_state_is_written_as_words_are() -> None:
    assert status_text({"state": "follow_up", "since_s": 2}).startswith("conure: follow-up for 2 s\n")


def test_what_pauses_gained_and_cost_is_told_in_words_and_only_where_it_is_something() -> None:
    usage = {"refused": 0, "eager_ends": 3, "eager_wasted": 1, "eager_wasted_s": 2.0, "gained_ms": 300.0}
    told = "refused 0, asked at a pause 3, asked in vain 1, sent or made in vain 2 s, sooner by 300 ms"
    assert pairs_text(usage) == told
    assert pairs_text(dict.fromkeys(usage, 0)) == "refused 0"
