"""The live view's picture: what the daemon tells of itself, laid out as lines for a terminal. Pure.

From top to bottom: who we are, the lights, the state, the link, the microphone, the speaker; what was said;
the last turns in numbers; what was counted; the log; the keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.lights.ladder import LADDER
from daemon.runtime.cells import Line, Span, cells, clean, clip, paint, wrap
from hw.base import SPEAKER_FORMAT, Colour

Note = Mapping[str, object]
"""A note of `daemon.runtime.feed`, or `{"event": "log", "text": one line}`."""

BOLD, DIM, GREEN, AMBER, RED, BLUE = "1", "2", "32", "33", "31", "1;34"
"""SGR parameters: the terminal's own colours, which its user chose to be readable."""

SCENES = {rung.scene.name: rung.scene for rung in LADDER}

STATES = {
    "idle": ("idle", ""),
    "listening": ("listening", BLUE),
    "sending": ("sending the rest", BLUE),
    "thinking": ("thinking", GREEN),
    "speaking": ("speaking", GREEN),
    "follow_up": ("waiting for a follow-up", GREEN),
}
LINKS = {
    "offline": ("offline, not needed now", DIM),
    "connecting": ("connecting", AMBER),
    "online": ("online", GREEN),
    "rotating": ("changing to a new connection", AMBER),
    "backing_off": ("waiting before the next try", AMBER),
    "refused": ("refused", RED),
}
NAMES = {"user": "you", "model": "it"}

LOWEST_DBFS = -90.0
"""The left end of the microphone's bar: the floor of 16 bits is at -96."""

LABEL_CELLS = 10
LOG_LINES = 5
TURN_LINES = 4
COUNTER_LINES = 2


def render_view(
    snapshot: Mapping[str, Any],
    notes: Sequence[Note],
    pixels: Sequence[Colour],
    width: int,
    height: int,
    colour: bool,
    unicode: bool,
    *,
    can_speak: bool = True,
) -> list[str]:
    """Return exactly `height` lines of at most `width` cells (both at least 1), what matters most first.

    `snapshot` is `daemon.control.status.Reporter.snapshot()`; `notes` come oldest first; `can_speak` tells
    whether there is a simulated microphone. Without `colour` no line holds an escape sequence, without
    `unicode` every line is ASCII.
    """
    foot = footer(width, muted=snapshot["muted"], can_speak=can_speak)[-max(1, height // 4) :]
    lines = [*head(snapshot, notes, pixels, width, colour=colour)]
    lines += panes(snapshot, notes, width, max(0, height - len(lines) - len(foot)))
    lines = [*lines[: height - len(foot)], *foot]
    return [paint(clip(line, width), colour=colour, unicode=unicode) for line in lines]


# --- the head: how it is now


def head(
    snapshot: Mapping[str, Any], notes: Sequence[Note], pixels: Sequence[Colour], width: int, *, colour: bool
) -> list[Line]:
    """How it is now, one line for each part, and more for what is wrong."""
    return [
        *_title(snapshot, width),
        *_lights(snapshot["light"], pixels, width, colour=colour),
        _state(snapshot),
        *_link(snapshot["link"], width),
        *_mic(snapshot["devices"]["mic"], width, muted=snapshot["muted"]),
        *_speaker(snapshot, notes, width),
    ]


def _title(snapshot: Mapping[str, Any], width: int) -> list[Line]:
    service = "stand-in" if snapshot["service"] == "stand-in" else "Gemini"
    name = f"Conure {snapshot['version']}"
    about = [f"{snapshot['board']} board", service, snapshot["model"], f"up {lasting(snapshot['up_s'])}"]
    first, *rest = _joined([name, *map(clean, about)], width)
    return [(Span(name, BOLD), Span(first.removeprefix(name))), *((Span(line),) for line in rest)]


def flow(start: Sequence[Span], words: Iterable[Span], width: int) -> list[Line]:
    """Return `start` and the words after it, broken between words; what follows stands beside the labels."""
    lines = [list(start)]
    for span in words:
        for word in span.text.split():
            used = sum(cells(part.text) for part in lines[-1])
            if used > LABEL_CELLS and used + 1 + cells(word) > width:
                lines.append([_label("")])
            _add_word(lines[-1], word, span.style)
    return [tuple(line) for line in lines]


def _add_word(line: list[Span], word: str, style: str) -> None:
    last = line[-1]
    gap = "" if last.text.endswith(" ") else " "
    if last.style == style:
        line[-1] = Span(f"{last.text}{gap}{word}", style)
    else:
        line += [Span(gap), Span(word, style)] if gap else [Span(word, style)]


def _lights(light: str, pixels: Sequence[Colour], width: int, *, colour: bool) -> list[Line]:
    scene = SCENES[light]
    block, gap = ("██", " ") if len(pixels) * 3 <= width // 2 else ("█", "")
    line = [_label("lights")]
    for pixel in pixels:
        line.append(Span(block, pixel_style(pixel)) if colour else Span("●" if pixel.brightest else "○"))
        line.append(Span(gap))
    looks = "" if colour else f" ({scene.looks})"
    return flow([*line, Span("  ")], [Span(f"{scene.name}{looks}: {scene.meaning}")], width)


def pixel_style(pixel: Colour) -> str:
    """Return the SGR parameters that look like a pixel; a dark one is grey, so that one sees where it is.

    A light is linear and a screen is not, hence the power (sRGB's is about 2.2). Of xterm's 256 colours, not
    of 16 million, for not every terminal that one reaches a Pi from knows those.
    """
    if not pixel.brightest:
        return "38;5;236"
    red, green, blue = (_cube_step(channel) for channel in (pixel.red, pixel.green, pixel.blue))
    return f"38;5;{16 + 36 * red + 6 * green + blue}"


_CUBE = (0, 95, 135, 175, 215, 255)
"""The levels of xterm's 6 × 6 × 6 colours (256colres.pl of xterm)."""


def _cube_step(channel: int) -> int:
    wanted = 255 * (channel / 255) ** (1 / 2.2)
    return min(range(6), key=lambda step: abs(_CUBE[step] - wanted))


def _state(snapshot: Mapping[str, Any]) -> Line:
    words, style = STATES[snapshot["state"]]
    muted = [Span(" · "), Span("muted", RED)] if snapshot["muted"] else []
    return (_label("state"), Span(words, style), Span(f" for {lasting(snapshot['since_s'])}"), *muted)


def _link(link: Mapping[str, Any], width: int) -> list[Line]:
    words, style = LINKS[link["state"]]
    next_try_s = link["next_try_s"]
    after = f" for {lasting(link['since_s'])}" if next_try_s is None else f", in {lasting(next_try_s)}"
    lines: list[Line] = [(_label("link"), Span(words, style), Span(after))]
    if link["problem"]:
        since = f"(for {lasting(link['problem_since_s'])})"
        lines += flow([_label("")], [Span(clean(link["problem"]), RED), Span(since)], width)
    if link["remedy"]:
        lines += flow([_label("")], [Span(clean(link["remedy"]))], width)
    return lines


def _mic(mic: Mapping[str, Any], width: int, *, muted: bool) -> list[Line]:
    if not mic["open"]:
        why = mic["problem"] or ("closed: muted" if muted else "closed")
        return flow([_label("mic")], [Span(clean(why), RED)], width)
    level, floor = mic["level_dbfs"], mic["floor_dbfs"]
    words = f"{level:.0f} dBFS, noise floor {floor:.0f}"
    shown = bar(_share(level), _bar_cells(width), mark=_share(floor))
    return flow([_label("mic"), *shown], [Span(words)], width)


def _speaker(snapshot: Mapping[str, Any], notes: Sequence[Note], width: int) -> list[Line]:
    speaker, volume = snapshot["devices"]["speaker"], snapshot["volume"]
    if speaker["problem"] or not speaker["open"]:
        return flow([_label("speaker")], [Span(clean(speaker["problem"] or "closed"), RED)], width)
    words = f"volume {volume} %"
    if waiting_bytes := snapshot["rings"]["reply"]["level_bytes"]:
        words += f", {SPEAKER_FORMAT.seconds(waiting_bytes):.1f} s to play"
    tones = [note["name"] for note in notes if note["event"] == "earcon"]
    words += f", tone: {tones[-1]}" if tones else ""
    return flow([_label("speaker"), *bar(volume / 100, _bar_cells(width))], [Span(words)], width)


def bar(share: float, width: int, *, mark: float | None = None) -> Line:
    """Return a bar of `width` cells, filled up to `share`, with a line at `mark` (shares of 0 to 1)."""
    full = round(share * width)
    text = "█" * full + "░" * (width - full)
    if mark is None:
        return (Span(text[:full], GREEN), Span(text[full:], DIM))
    at = min(width - 1, round(mark * width))
    under, over = text[:at], text[at + 1 :]
    lit = max(0, full - at - 1)
    return (Span(under, DIM), Span("│", AMBER), Span(over[:lit], GREEN), Span(over[lit:], DIM))


def _bar_cells(width: int) -> int:
    return max(4, min(30, width // 3))


def _share(level_dbfs: float) -> float:
    return min(1.0, max(0.0, 1.0 - level_dbfs / LOWEST_DBFS))


def _label(name: str) -> Span:
    return Span(f"{name:<{LABEL_CELLS}}", DIM)


def lasting(duration_s: float) -> str:
    """Return a duration in whole units, so that it changes no more often than once a second."""
    minutes, seconds = divmod(int(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


# --- the panes: what has happened


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
        label = Span(f"{NAMES[who]:<{LABEL_CELLS}}", BOLD if who == "user" else GREEN)
        for part in wrap(clean(text), max(2, width - LABEL_CELLS)):
            lines.append((label, Span(part)))
            label = _label("")
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
    texts = _joined(words, max(2, width - LABEL_CELLS))
    return [(_label("" if index else "counted"), Span(text)) for index, text in enumerate(texts)]


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
    return [(Span(text, DIM),) for text in _joined(keys, width)]


def _joined(words: Iterable[str], width: int) -> list[str]:
    """The words with dots between them, on lines that are not broken within one."""
    lines: list[str] = []
    for word in words:
        if lines and cells(f"{lines[-1]} · {word}") <= width:
            lines[-1] += f" · {word}"
        else:
            lines.append(word)
    return lines
