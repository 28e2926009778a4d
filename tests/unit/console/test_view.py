"""The live view's picture: everything in its place, at every size, on every terminal."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.settings import Settings
from daemon.console.lines import Note
from daemon.console.panes import TURN_HEADING, Pane, said, share_rows
from daemon.console.view import LINKS, STATES, bar, lasting, pixel_style, render_view
from daemon.run.assembly import build
from daemon.runtime.cells import cells
from daemon.session.link import LinkPhase
from daemon.words import Phase
from hw.base import Colour
from hw.simulated.board import SimulatedBoard

TURN = {
    "turn": 7,
    "trigger": "button",
    "outcome": "answered",
    "trigger_to_first_sent_ms": 12.3,
    "end_to_all_sent_ms": 5.0,
    "end_to_first_reply_ms": 340.0,
    "end_to_first_sample_ms": 362.4,
    "connect_hidden": None,
    "said_s": 2.1,
    "reply_s": 3.04,
    "lasted_ms": 8000.0,
}

SNAPSHOT: dict[str, Any] = {
    "version": "1.2.3",
    "state": "listening",
    "since_s": 2.3,
    "up_s": 65.0,
    "muted": False,
    "volume": 70,
    "light": "listening",
    "board": "simulated",
    "model": "gemini-live",
    "service": "stand-in",
    "turn_taking": "device",
    "barge_in": True,
    "link": {
        "state": "online",
        "since_s": 12.0,
        "problem": None,
        "problem_since_s": None,
        "remedy": None,
        "next_try_s": None,
        "connects": 1,
        "failures": 0,
    },
    "devices": {
        "mic": {"open": True, "problem": None, "level_dbfs": -34.4, "floor_dbfs": -60.0},
        "speaker": {"open": True, "problem": None},
        "lights": {"problem": None},
    },
    "rings": {
        "uplink": {"level_bytes": 640, "lost_bytes": 0},
        "reply": {"level_bytes": 0, "lost_bytes": 0},
    },
    "counters": {"mic_overruns": 0, "tokens_prompt": 15},
    "turns": [TURN],
}

BLUE = Colour(blue=255)


def snapshot(**changed: Any) -> dict[str, Any]:
    """The sample with changed parts; `link__state="offline"` changes a part of a part."""
    made = copy.deepcopy(SNAPSHOT)
    for path, value in changed.items():
        part = made
        *above, name = path.split("__")
        for key in above:
            part = part[key]
        part[name] = value
    return made


def picture(
    shown: dict[str, Any] | None = None,
    notes: Sequence[Note] = (),
    pixels: Sequence[Colour] = (BLUE,),
    *,
    width: int = 80,
    height: int = 24,
    colour: bool = False,
    can_speak: bool = True,
) -> list[str]:
    """The plain picture of the sample, or of something like it."""
    shown = SNAPSHOT if shown is None else shown
    return render_view(shown, notes, pixels, width, height, colour, True, can_speak=can_speak)


def row(lines: Sequence[str], label: str) -> str:
    """The one line that begins with `label`, without it."""
    (line,) = [line for line in lines if line.startswith(label)]
    return line.removeprefix(label).strip()


def single_spaced(line: str) -> str:
    """The line's words."""
    return " ".join(line.split())


def transcript(who: str, text: str) -> Note:
    """A piece of speech."""
    return {"event": "transcript", "who": who, "text": text}


# --- each part


def test_the_title_tells_board_service_and_model() -> None:
    title = picture()[0]
    assert title == "Conure 1.2.3 · simulated board · stand-in · gemini-live · up 1 min 5 s"
    assert "· Gemini ·" in picture(snapshot(service="gemini"))[0]


def test_the_lights_are_blocks_in_the_pixels_own_colours() -> None:
    pixels = (Colour(red=255), Colour(green=255), Colour(blue=255), Colour())
    lights = picture(pixels=pixels, colour=True)[1]
    blocks = [f"\x1b[38;5;{number}m██\x1b[0m" for number in (196, 46, 21, 236)]
    assert " ".join(blocks) in lights


def test_without_colour_the_lights_are_told_in_words() -> None:
    lights = row(picture(pixels=(BLUE, Colour()), width=120), "lights")
    assert lights == "● ○   listening (blue, steady): What the microphone hears leaves the device."


def test_a_dim_light_is_not_black_on_the_screen() -> None:
    assert pixel_style(Colour(red=36)) == f"38;5;{16 + 36 * 1}"


def test_many_pixels_are_narrower_so_that_words_have_room() -> None:
    lights = row(picture(pixels=[BLUE] * 24, colour=True, width=60), "\x1b[2mlights    \x1b[0m")
    assert lights.count("█") == 24
    assert "listening" in lights


def test_the_state_is_told_with_its_time_and_mute() -> None:
    assert row(picture(), "state") == "listening for 2 s"
    assert row(picture(snapshot(state="idle", muted=True)), "state") == "idle for 2 s · muted"


def test_a_link_in_trouble_tells_problem_remedy_and_next_try() -> None:
    trouble = {
        "state": "backing_off", "problem": "no network (dns)", "problem_since_s": 61.0,
        "remedy": "check the cable", "next_try_s": 3.9,
    }  # fmt: skip
    lines = picture(snapshot(**{f"link__{name}": value for name, value in trouble.items()}))
    at = next(index for index, line in enumerate(lines) if line.startswith("link"))
    assert [line.strip() for line in lines[at : at + 3]] == [
        "link      waiting before the next try, in 3 s",
        "no network (dns) (for 1 min 1 s)",
        "check the cable",
    ]


def test_the_microphones_bar_shows_level_and_noise_floor() -> None:
    mic = row(picture(width=90), "mic")
    drawn, words = mic.split(" ", 1)
    assert words == "-34 dBFS, noise floor -60"
    assert len(drawn) == 30
    assert drawn.index("│") == 10, "the floor, at a third from -90 to 0 dBFS"
    assert drawn.rindex("█") == 18, "the level, at some 62 %"


def test_a_closed_microphone_tells_why() -> None:
    assert row(picture(snapshot(devices__mic__open=False, muted=True)), "mic") == "closed: muted"
    broken = snapshot(devices__mic__open=False, devices__mic__problem="USB: gone")
    assert row(picture(broken), "mic") == "USB: gone"


def test_the_speaker_tells_volume_reply_and_tone() -> None:
    speaker = row(
        picture(snapshot(rings__reply__level_bytes=48_000), [{"event": "earcon", "name": "done"}]), "speaker"
    )
    assert speaker.endswith(" volume 70 %, 1.0 s to play, tone: done")


def test_a_turn_is_a_row_of_named_numbers() -> None:
    lines = picture()
    at = next(index for index, line in enumerate(lines) if line.startswith("turn by"))
    assert single_spaced(lines[at + 2]) == "7 button 12 ms 340 ms 362 ms 2.1 s 3.0 s answered"
    ends = [lines[at + 1].index(name) + len(name) for name in ("first sent", "first reply", "first sample")]
    assert ends == [lines[at + 2].index(ms) + len(ms) for ms in ("12 ms", "340 ms", "362 ms")]


def test_what_a_turn_has_not_reached_is_a_dash() -> None:
    waiting = {**TURN, "outcome": None, "end_to_first_reply_ms": None, "end_to_first_sample_ms": None}
    lines = picture(snapshot(turns=[waiting]))
    assert "7 button 12 ms – – 2.1 s 3.0 s …" in map(single_spaced, lines)


def test_only_counters_that_are_not_zero_are_shown() -> None:
    lines = picture(snapshot(link__failures=2, rings__reply__lost_bytes=9), width=120)
    assert row(lines, "counted") == (
        "connections 1 · connections that failed 2 · bytes of replies lost 9 · tokens sent 15"
    )


def test_the_keys_are_always_there_and_tell_what_they_would_do() -> None:
    assert "q: leave" in picture(height=3)[-1]
    assert "m: mute" in picture()[-1]
    assert "m: unmute" in picture(snapshot(muted=True))[-1]


def test_the_sentence_is_offered_only_where_a_microphone_can_be_made_to_speak() -> None:
    assert any("press the button and speak the sentence" in line for line in picture())
    assert any("s: speak the sentence again" in line for line in picture())
    assert not any("speak the sentence" in line or "s: " in line for line in picture(can_speak=False))


@pytest.mark.parametrize("width", [80, 60, 40])
def test_a_sentence_is_never_cut_but_goes_on_below(width: int) -> None:
    trouble = {
        "problem": "the service refused the key (API key not valid. Please pass a valid API key.)",
        "problem_since_s": 61.0,
        "remedy": "make a new key at aistudio.google.com and write it where the old one is",
    }
    broken = snapshot(
        **{f"link__{name}": value for name, value in trouble.items()},
        devices__mic__problem="USB: is busy or gone: another program may have it (fuser -v /dev/snd/*)",
        devices__mic__open=False,
    )
    long_log: Note = {"event": "log", "text": "WARNING " + "word " * 20 + "the end"}
    shown = single_spaced(" ".join(picture(broken, [long_log], width=width, height=60)))
    for sentence in (
        "What the microphone hears leaves the device.", str(trouble["problem"]) + " (for 1 min 1 s)",
        str(trouble["remedy"]), "(fuser -v /dev/snd/*)", "word word the end",
    ):  # fmt: skip
        assert sentence in shown


def test_on_a_narrow_terminal_a_turn_tells_how_it_ended_and_when_it_was_heard() -> None:
    lines = picture(width=40, height=40)
    at = next(index for index, line in enumerate(lines) if line.startswith("turn by"))
    assert lines[at : at + 2] == [
        "turn by       outcome     first sound",
        "   7 button   answered         362 ms",
    ]


def test_marks_that_tell_a_user_nothing_are_left_out() -> None:
    assert not any("high water" in line for line in picture(snapshot(counters={"events_high_water": 2})))


# --- what was said


def test_what_was_typed_is_shown_as_what_the_user_said() -> None:
    notes: list[Note] = [{"event": "say", "text": "good morning"}, transcript("model", "Hello.")]
    assert said(notes) == [("user", "good morning"), ("model", "Hello.")]


def test_the_pieces_of_each_side_are_joined_though_they_interleave() -> None:
    notes = [
        transcript("user", "what is"),
        transcript("model", "It is "),
        transcript("user", " the time"),
        transcript("model", "noon."),
        {"event": "state", "state": "idle"},
        {"event": "turn", "turn": 1},
        transcript("user", "thanks"),
    ]
    assert said(notes) == [("user", "what is the time"), ("model", "It is noon."), ("user", "thanks")]


def test_long_speech_shows_its_end() -> None:
    words = " ".join(f"word{number}" for number in range(400))
    lines = picture(notes=[transcript("model", words)])
    assert any("word399" in line for line in lines)
    assert not any("word0 " in line for line in lines)


def test_a_transcript_cannot_command_the_terminal() -> None:
    lines = picture(notes=[transcript("model", "a\x1b[2Jb\r\nc")], colour=True)
    assert any("a [2Jb c" in line for line in lines)


def test_the_newest_log_lines_are_shown() -> None:
    notes: list[Note] = [{"event": "log", "text": f"line {number}"} for number in range(9)]
    lines = picture(notes=notes, height=40)
    assert [line for line in lines if line.startswith("line ")] == [f"line {n}" for n in range(4, 9)]


# --- the layout


def pane(least: int, most: int) -> Pane:
    """A pane that wants some rows."""
    return Pane((), [], least, most)


@pytest.mark.parametrize(
    ("height", "counts"), [(2, [2, 0, 0]), (6, [3, 2, 1]), (9, [3, 3, 3]), (20, [12, 5, 3])]
)
def test_each_pane_gets_its_least_then_the_last_come_first(height: int, counts: list[int]) -> None:
    assert share_rows(height, [pane(3, 99), pane(2, 5), pane(1, 3)]) == counts


NOTES = st.lists(
    st.one_of(
        st.builds(transcript, st.sampled_from(["user", "model"]), st.text(max_size=60)),
        st.builds(lambda text: {"event": "log", "text": text}, st.text(max_size=60)),
        st.just({"event": "turn", "turn": 1}),
        st.just({"event": "earcon", "name": "done"}),
    ),
    max_size=12,
)


@given(NOTES, st.integers(1, 130), st.integers(1, 40), st.booleans())
def test_the_picture_fits_every_size(notes: list[Note], width: int, height: int, unicode: bool) -> None:
    lines = render_view(SNAPSHOT, notes, (BLUE,) * 3, width, height, False, unicode)
    assert len(lines) == height
    assert all(cells(line) <= width for line in lines)
    assert all(char.isprintable() for line in lines for char in line if ord(char) < 256)
    assert unicode or all(line.isascii() for line in lines)


def test_colour_changes_nothing_but_colour() -> None:
    plain, painted = picture(pixels=(), width=120), picture(pixels=(), colour=True, width=120)
    assert plain[2:] == [strip(line) for line in painted][2:]
    assert painted != plain


def strip(line: str) -> str:
    """The line without its SGR sequences."""
    first, *rest = line.split("\x1b[")
    return first + "".join(piece.split("m", 1)[1] for piece in rest)


def test_the_turns_heading_fits_a_terminal_of_80_cells() -> None:
    assert all(cells(span.text) <= 80 for line in TURN_HEADING for span in line)


# --- small parts


@pytest.mark.parametrize(
    ("share", "mark", "text"),
    [(0.0, None, "░░░░"), (0.5, None, "██░░"), (1.0, None, "████"), (1.0, 0.5, "██│█"), (0.0, 1.0, "░░░│")],
)
def test_a_bar_is_filled_up_to_its_share(share: float, mark: float | None, text: str) -> None:
    assert "".join(span.text for span in bar(share, 4, mark=mark)) == text


@pytest.mark.parametrize(
    ("duration_s", "words"), [(0.9, "0 s"), (59.9, "59 s"), (61, "1 min 1 s"), (3 * 3600 + 125, "3 h 2 min")]
)
def test_a_duration_is_told_in_whole_units(duration_s: float, words: str) -> None:
    assert lasting(duration_s) == words


def test_every_state_of_the_dialogue_and_the_link_has_words() -> None:
    assert set(STATES) == {phase.value for phase in Phase}
    assert set(LINKS) == {phase.value for phase in LinkPhase}


async def test_what_the_daemon_reports_can_be_shown() -> None:
    conure = build(Settings(), SimulatedBoard(), stand_in=True)
    lines = picture(conure.reporter.snapshot())
    assert row(lines, "state").startswith("idle for")
