"""The live view's picture: what the daemon tells of itself, laid out as lines for a terminal. Pure.

From top to bottom: who we are, the lights, the state, the link, the microphone, the speaker; then what
`panes.py` has: what was said; the last turns in numbers; what was counted; the log; the keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.console.lines import AMBER, BLUE, BOLD, DIM, GREEN, RED, Note, flow, joined, label
from daemon.console.panes import footer, panes
from daemon.lights.ladder import LADDER
from daemon.runtime.cells import Line, Span, clean, clip, paint
from hw.base import SPEAKER_FORMAT, Colour

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
LOWEST_DBFS = -90.0
"""The left end of the microphone's bar: the floor of 16 bits is at -96."""


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
    first, *rest = joined([name, *map(clean, about)], width)
    return [(Span(name, BOLD), Span(first.removeprefix(name))), *((Span(line),) for line in rest)]


def _lights(light: str, pixels: Sequence[Colour], width: int, *, colour: bool) -> list[Line]:
    scene = SCENES[light]
    block, gap = ("██", " ") if len(pixels) * 3 <= width // 2 else ("█", "")
    line = [label("lights")]
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
    return (label("state"), Span(words, style), Span(f" for {lasting(snapshot['since_s'])}"), *muted)


def _link(link: Mapping[str, Any], width: int) -> list[Line]:
    words, style = LINKS[link["state"]]
    next_try_s = link["next_try_s"]
    after = f" for {lasting(link['since_s'])}" if next_try_s is None else f", in {lasting(next_try_s)}"
    lines: list[Line] = [(label("link"), Span(words, style), Span(after))]
    if link["problem"]:
        since = f"(for {lasting(link['problem_since_s'])})"
        lines += flow([label("")], [Span(clean(link["problem"]), RED), Span(since)], width)
    if link["remedy"]:
        lines += flow([label("")], [Span(clean(link["remedy"]))], width)
    return lines


def _mic(mic: Mapping[str, Any], width: int, *, muted: bool) -> list[Line]:
    if not mic["open"]:
        why = mic["problem"] or ("closed: muted" if muted else "closed")
        return flow([label("mic")], [Span(clean(why), RED)], width)
    level, floor = mic["level_dbfs"], mic["floor_dbfs"]
    words = f"{level:.0f} dBFS, noise floor {floor:.0f}"
    shown = bar(_share(level), _bar_cells(width), mark=_share(floor))
    return flow([label("mic"), *shown], [Span(words)], width)


def _speaker(snapshot: Mapping[str, Any], notes: Sequence[Note], width: int) -> list[Line]:
    speaker, volume = snapshot["devices"]["speaker"], snapshot["volume"]
    if speaker["problem"] or not speaker["open"]:
        return flow([label("speaker")], [Span(clean(speaker["problem"] or "closed"), RED)], width)
    words = f"volume {volume} %"
    if waiting_bytes := snapshot["rings"]["reply"]["level_bytes"]:
        words += f", {SPEAKER_FORMAT.seconds(waiting_bytes):.1f} s to play"
    tones = [note["name"] for note in notes if note["event"] == "earcon"]
    words += f", tone: {tones[-1]}" if tones else ""
    return flow([label("speaker"), *bar(volume / 100, _bar_cells(width))], [Span(words)], width)


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


def lasting(duration_s: float) -> str:
    """Return a duration in whole units, so that it changes no more often than once a second."""
    minutes, seconds = divmod(int(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
