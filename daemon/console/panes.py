"""The lower part of the live view: what was said, the last turns, the counters, the log, the keys. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.console.lines import AMBER, BOLD, DIM, GREEN, LABEL_CELLS, RED, Note, joined, label
from daemon.runtime.cells import Line, Span, clean, wrap

NAMES = {"user": "you", "model": "it"}

LOG_LINES = 5
TURN_LINES = 4
COUNTER_LINES = 2


@dataclass(frozen=True, slots=True)
class Pane:
    """Lines that need at least `least` rows to be worth showing, and use `most`."""

    heading: tuple[Line, ...]
    lines: list[Line]
    least: int
    most: int

    def rows(self, count: int) -> list[Line]:
        """`count` rows: the heading and the newest lines, blank below."""
        room = max(0, count - len(self.heading))
        shown = [*self.heading, *(self.lines[-room:] if room else [])][:count]
        return [*shown, *(((),) * (count - len(shown)))]


def panes(snapshot: Mapping[str, Any], notes: Sequence[Note], width: int, height: int) -> list[Line]:
    """Exactly `height` lines: what was said gets the rows that the others leave."""
    heading, row = (TURN_HEADING, _turn) if width >= WIDE_CELLS else (NARROW_HEADING, _narrow_turn)
    order = [
        _pane((_rule("said", width),), talk_lines(said(notes)[-height:], width), least=3, most=height),
        _pane(heading, [row(turn) for turn in snapshot["turns"][-TURN_LINES:]], least=3),
        _pane((), counter_lines(snapshot, width)[:COUNTER_LINES], least=1),
        _pane((_rule("log", width),), _log_lines(notes, width)[-LOG_LINES:], least=3),
    ]
    counts = share_rows(height, order)
    return [line for pane, count in zip(order, counts, strict=True) for line in pane.rows(count)]


def _log_lines(notes: Sequence[Note], width: int) -> list[Line]:
    texts = (clean(str(note["text"])) for note in notes if note["event"] == "log")
    return [(Span(part),) for text in texts for part in wrap(text, max(2, width))]


def _pane(heading: tuple[Line, ...], lines: list[Line], *, least: int, most: int | None = None) -> Pane:
    """A pane that wants no more than it can fill, or `most` rows."""
    full = len(heading) + len(lines) if lines else 0
    return Pane(heading, lines, min(least, full) if most is None else least, full if most is None else most)


def share_rows(height: int, order: Sequence[Pane]) -> list[int]:
    """Return how many rows each pane gets of `height`.

    First each its least, in this order; then the last panes what they want, and the first one the rest.
    """
    counts = [0] * len(order)
    least = [(index, pane.least) for index, pane in enumerate(order)]
    most = [(index, pane.most) for index, pane in enumerate(order)]
    for index, wanted in [*least, *reversed(most)]:
        more = max(0, min(wanted - counts[index], height))
        counts[index] += more
        height -= more
    return counts


def _rule(name: str, width: int) -> Line:
    return (Span(f"─ {name} ".ljust(width, "─"), DIM),)


def talk_lines(sides: Iterable[tuple[str, str]], width: int) -> list[Line]:
    """Return what was said, as `said` gives it, broken into lines."""
    lines: list[Line] = []
    for who, text in sides:
        begin = Span(f"{NAMES[who]:<{LABEL_CELLS}}", BOLD if who == "user" else GREEN)
        for part in wrap(clean(text), max(2, width - LABEL_CELLS)):
            lines.append((begin, Span(part)))
            begin = label("")
    return lines


def said(notes: Iterable[Note]) -> list[tuple[str, str]]:
    """Return who said what: the pieces of each side of a turn joined, for the two sides may interleave."""
    turns: list[dict[str, str]] = [{}]
    for note in notes:
        if note["event"] == "turn":
            turns.append({})
        elif note["event"] == "say":
            turns[-1]["user"] = str(note["text"])
        elif note["event"] == "transcript":
            who = str(note["who"])
            turns[-1][who] = turns[-1].get(who, "") + str(note["text"])
    return [side for turn in turns for side in turn.items()]


TURN_HEADING: tuple[Line, ...] = (
    (Span("turn by         trigger →       end of speech →         said    reply outcome", DIM),),
    (Span("               first sent  first reply first sample", DIM),),
)


def _turn(turn: Mapping[str, Any]) -> Line:
    first_sent, first_reply, first_sample = (
        _ms(turn[f"{name}_ms"])
        for name in ("trigger_to_first_sent", "end_to_first_reply", "end_to_first_sample")
    )
    seconds = f"{turn['said_s']:6.1f} s {turn['reply_s']:6.1f} s"
    times = f"{first_sent:>11} {first_reply:>12} {first_sample:>12}"
    outcome = turn["outcome"] or "…"
    begin = f"{turn['turn']:>4} {turn['trigger']:<8}"
    return (Span(f"{begin} {times} {seconds} "), Span(outcome, _shade(outcome)))


WIDE_CELLS = 80
"""What a turn in full needs."""

NARROW_HEADING: tuple[Line, ...] = ((Span("turn by       outcome     first sound", DIM),),)


def _narrow_turn(turn: Mapping[str, Any]) -> Line:
    outcome = turn["outcome"] or "…"
    begin = f"{turn['turn']:>4} {turn['trigger']:<8}"
    first_sound = _ms(turn["end_to_first_sample_ms"])
    return (Span(f"{begin} "), Span(f"{outcome:<11}", _shade(outcome)), Span(f"{first_sound:>12}"))


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} ms"


def _shade(outcome: str) -> str:
    return {"answered": GREEN, "failed": RED, "short": AMBER}.get(outcome, "")


def counter_lines(snapshot: Mapping[str, Any], width: int) -> list[Line]:
    """Return the counters that are not zero, with those of the link and the rings, as running text."""
    link, rings = snapshot["link"], snapshot["rings"]
    counters = {
        "connects": link["connects"],
        "link_failures": link["failures"],
        **{f"{name}_ring_lost_bytes": ring["lost_bytes"] for name, ring in rings.items()},
        **snapshot["counters"],
    }
    words = [f"{_counted(name)} {value}" for name, value in counters.items() if value and name not in OMITTED]
    texts = joined(words, max(2, width - LABEL_CELLS))
    return [(label("" if index else "counted"), Span(text)) for index, text in enumerate(texts)]


OMITTED = ("events_high_water", "tool_threads_running", "control_clients_lost", "watch_notes_dropped")
"""Marks for who looks into the program itself: `conure status` has them."""

COUNTED = {
    "connects": "connections",
    "link_failures": "connections that failed",
    "uplink_ring_lost_bytes": "bytes of speech lost",
    "reply_ring_lost_bytes": "bytes of replies lost",
    "mic_overruns": "gaps in what was heard",
    "mic_losses": "microphone gone",
    "mic_silences": "microphone silent",
    "music_ignored": "music ignored",
    "speaker_underruns": "gaps in what was played",
    "speaker_losses": "speaker gone",
    "reply_starved": "replies that paused",
    "reply_bytes_refused": "bytes of too long replies",
    "reply_bytes_of_cut_turns": "bytes of stopped replies",
    "replies_near_silent": "replies that were silent",
    "earcons_dropped": "tones left out",
    "resent_bytes": "bytes sent again",
    "uplink_ahead_bytes": "bytes of sound ahead of the clock",
    "unanswered_lost_bytes": "bytes of speech that waited for too long",
    "renewed_no_answer": "sessions left for no answer",
    "renewed_stalled": "sessions left for a stall",
    "renewed_bad_replies": "sessions left for bad replies",
    "tokens_prompt": "tokens sent",
    "tokens_response": "tokens received",
}
"""Words for counters; others are told by their own names."""


def _counted(name: str) -> str:
    return COUNTED.get(name, name.replace("_", " "))


def footer(width: int, *, muted: bool, can_speak: bool) -> list[Line]:
    """Return the keys, on as many lines as they need."""
    keys = [
        *(
            ["space: press the button and speak the sentence", "s: speak the sentence again"]
            if can_speak
            else ["space: press the button"]
        ),
        "m: unmute" if muted else "m: mute",
        "+/-: volume",
        "x: stop",
        "q: leave",
    ]
    return [(Span(text, DIM),) for text in joined(keys, width)]
