"""The sound check as a picture: when the sound arrives, and its spectrum with distortion and noise. Pure.

The picture is SVG 1.1 with plain shapes, so that a browser, an issue tracker and a mail show it alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import log2

from daemon.doctor.sound.echo_path import PICTURE_S, PICTURE_STEP_S, EchoPath
from daemon.doctor.sound.loopback import told

WIDTH, HEIGHT = 760, 620
LEFT, RIGHT, TOP, PANEL, GAP = 56, 16, 80, 210, 66
FALL_DB = 70
"""How far below its loudest part each panel reaches."""
ROUND_DB = 10
LINE_WORDS = 96
"""Letters of a line below the title."""

INK, QUIET, GRID = "#1a1a1a", "#5c5c5c", "#dcdcdc"
ECHO, OVERTONES, NOISE = "#0b5fa5", "#b3261e", "#6b6b6b"
"""All of them have a contrast of more than 4.5 with white; dashes tell them apart without colour."""


@dataclass(frozen=True, slots=True)
class _Panel:
    """One diagram: places in it from values. Levels in dB, `top_db` above."""

    top: int
    top_db: float
    across: Callable[[float], float]
    """0 at the left edge to 1 at the right one."""

    def x(self, value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * self.across(value)

    def y(self, level_db: float) -> float:
        below = min(max(self.top_db - level_db, 0.0), float(FALL_DB))
        return self.top + PANEL * below / FALL_DB


def draw(path: EchoPath, title: str) -> str:
    """The whole picture; `title` names the box, the devices and the date."""
    parts = [*_head(title, told(path)), *_arrival(path), *_spectrum(path)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif" font-size="12">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _head(title: str, words: str) -> Iterable[str]:
    yield _text(LEFT, 20, title[:LINE_WORDS], INK, "bold")
    cut = words.rfind(", ", 0, LINE_WORDS) + 1 if len(words) > LINE_WORDS else len(words)
    for row, line in enumerate((words[:cut], words[cut:].strip())):
        yield _text(LEFT, 36 + 14 * row, line, QUIET)


def _arrival(path: EchoPath) -> Iterable[str]:
    first_s, last_s = PICTURE_S
    levels = path.curves.arrival_db
    panel = _Panel(TOP, _above(levels), lambda at_s: (at_s - first_s) / (last_s - first_s))
    yield from _frame(panel, "Impulse response, dB, by ms after its arrival")
    for at_ms in range(0, round(last_s * 1000) + 1, 50):
        yield from _upright(panel, at_ms / 1000, str(at_ms))
    points = [(first_s + at * PICTURE_STEP_S, level) for at, level in enumerate(levels)]
    yield _curve(panel, points, ECHO)
    if path.tail_s is not None and path.tail_s < last_s:
        x = panel.x(path.tail_s)
        yield f'<path d="M{x:.1f} {panel.top}v{PANEL}" stroke="{OVERTONES}" stroke-dasharray="4 3"/>'
        yield _text(x + 4, panel.top + 14, f"tail {path.tail_s * 1000:.0f} ms", OVERTONES)


def _spectrum(path: EchoPath) -> Iterable[str]:
    curves = path.curves
    low_hz, high_hz = curves.tones_hz[0], curves.tones_hz[-1]
    octaves = log2(high_hz / low_hz)
    panel = _Panel(TOP + PANEL + GAP, _above(curves.response_db), lambda hz: log2(hz / low_hz) / octaves)
    yield from _frame(panel, "Spectrum, dB, by Hz of the tone that was played")
    for hz in (250, 500, 1000, 2000, 4000):
        yield from _upright(panel, hz, str(hz))
    drawn = (
        ("echo", curves.response_db, ECHO, ""),
        ("its overtones", curves.distortion_db, OVERTONES, "7 3"),
        ("the room's noise", curves.noise_db, NOISE, "2 3"),
    )
    for row, (name, levels, colour, dashes) in enumerate(drawn):
        yield _curve(panel, list(zip(curves.tones_hz, levels, strict=False)), colour, dashes)
        yield _text(LEFT + 8 + 130 * row, panel.top + PANEL + 34, name, colour, "bold")


def _above(levels: Sequence[float]) -> float:
    """The next round level above all of them."""
    return ROUND_DB * (max(levels) // ROUND_DB + 1)


def _frame(panel: _Panel, name: str) -> Iterable[str]:
    yield _text(LEFT, panel.top - 6, name, INK)
    for below_db in range(0, FALL_DB + 1, ROUND_DB):
        y = panel.y(panel.top_db - below_db)
        yield f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{GRID}"/>'
        yield _text(LEFT - 6, y + 4, f"{panel.top_db - below_db:.0f}", QUIET, anchor="end")


def _upright(panel: _Panel, value: float, name: str) -> Iterable[str]:
    x = panel.x(value)
    yield f'<path d="M{x:.1f} {panel.top}v{PANEL}" stroke="{GRID}"/>'
    yield _text(x, panel.top + PANEL + 16, name, QUIET, anchor="middle")


def _curve(panel: _Panel, points: Sequence[tuple[float, float]], colour: str, dashes: str = "") -> str:
    places = " ".join(f"{panel.x(value):.1f},{panel.y(level):.1f}" for value, level in points)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.6"{dashed}/>'


def _text(
    x: float, y: float, words: str, colour: str, weight: str = "normal", *, anchor: str = "start"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-weight="{weight}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )
