"""What the running daemon tells of itself, in words for a terminal. Pure.

Names carry their units (`since_s`, `level_bytes`), so that a value which this file has never heard of is
still shown properly: the daemon may be newer than the command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from daemon.runtime.cells import clean

LABEL_WIDTH = 12
TURNS_SHOWN = 5
SENTENCE = 40
"""Longer texts get a line of their own."""


PAUSES = {
    "eager_ends": "asked at a pause",
    "eager_wasted": "asked in vain",
    "eager_wasted_s": "sent or made in vain",
    "gained_ms": "sooner by",
}
"""What came of closing an utterance at a pause: its names are those of the code, and would tell nobody."""


def status_text(status: Mapping[str, Any]) -> str:
    """The answer to `status` as lines: first the state, then everything in the daemon's order."""
    return "\n".join(_lines(status)) + "\n"


def _lines(status: Mapping[str, Any]) -> Iterator[str]:
    yield _headline(status)
    for name, value in status.items():
        if name not in (*_SHOWN_ELSEWHERE, *_FOR_PROGRAMS):
            yield from _entry(name, value)
    counted = {name: count for name, count in status.get("counters", {}).items() if count}
    yield from _entry("counters", counted or "all zero")
    turns = status.get("turns", [])
    shown = turns[-TURNS_SHOWN:]
    yield _labelled("turns", f"the last {len(shown)} of {len(turns)}, newest last" if shown else "none yet")
    yield from (f"  {turn_text(turn)}" for turn in shown)


_SHOWN_ELSEWHERE = ("version", "state", "since_s", "counters", "turns")
_FOR_PROGRAMS = ("turn_totals",)
"""Histograms: `conure status --json` has them."""


def _headline(status: Mapping[str, Any]) -> str:
    since = status.get("since_s")
    lasting = f" for {duration(since)}" if since is not None else ""
    return (
        f"conure {status.get('version', '')}".rstrip()
        + f": {_plain(status.get('state', 'unknown')).replace('_', '-')}{lasting}"
    )


def _entry(name: str, value: Any) -> Iterator[str]:
    """One key of the status: a line, or several for what has parts or sentences."""
    if not isinstance(value, Mapping):
        if value is not None:
            yield _labelled(_label(name), _worded(name, value))
        return
    if any(isinstance(part, Mapping) for part in value.values()):
        for part_name, part in value.items():
            yield from _entry(part_name, part)
        return
    short = {key: part for key, part in value.items() if not _is_sentence(part)}
    yield _labelled(_label(name), pairs_text(short))
    for key, part in value.items():
        if _is_sentence(part):
            yield _labelled("", f"{_label(key)}: {_plain(part)}")


def _is_sentence(value: Any) -> bool:
    return isinstance(value, str) and len(value) > SENTENCE


def pairs_text(values: Mapping[str, Any]) -> str:
    """`name value` pairs, without those that are unknown (None), and what pauses did where it is nothing."""
    known = (
        (name, value) for name, value in values.items() if value is not None and (value or name not in PAUSES)
    )
    return ", ".join(f"{_label(name)} {_worded(name, value)}" for name, value in known)


_HEAD_OF_TURN = ("event", "v", "at", "turn", "trigger", "outcome")


def turn_text(turn: Mapping[str, Any]) -> str:
    """One line of the ledger."""
    rest = {name: value for name, value in turn.items() if name not in _HEAD_OF_TURN}
    head = f"#{turn.get('turn', '?')} {turn.get('trigger') or ''} {turn.get('outcome') or 'under way'}"
    return f"{_plain(' '.join(head.split()))}: {pairs_text(rest)}"


def event_text(event: Mapping[str, Any]) -> str:
    """One line for one event of `conure status --watch`."""
    kind = _plain(event.get("event", "event"))
    if kind == "turn":
        return _labelled("turn", turn_text(event))
    if kind == "say":
        return _labelled("typed", _plain(event.get("text", "")))
    if kind == "transcript":
        return _labelled(_plain(event.get("who", "")), _plain(event.get("text", "")))
    if kind == "snapshot":
        return _headline(event.get("status", {}))
    values = {name: value for name, value in event.items() if name not in ("event", "v", "at")}
    if kind in values:  # {"event": "state", "state": "idle", ...}
        main = _plain(values.pop(kind))
        rest = pairs_text(values)
        return _labelled(kind, f"{main} ({rest})" if rest else main)
    return _labelled(kind, pairs_text(values))


# --- words for values ------------------------------------------------------------------------------


def _labelled(label: str, text: str) -> str:
    return f"{label:<{LABEL_WIDTH}}{text}".rstrip()


def _label(name: str) -> str:
    """A name without its unit."""
    if name in PAUSES:
        return PAUSES[name]
    unit = _unit(name)
    return _plain(name.removesuffix(unit).replace("_", " "))


def _unit(name: str) -> str:
    return next((unit for unit in UNITS if name.endswith(unit)), "")


def _worded(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "volume":
        return f"{value} %"
    if isinstance(value, int | float):
        return UNITS.get(_unit(name), str)(value)
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    return _plain(value)


def _plain(value: Any) -> str:
    """Text that commands no terminal: transcripts are what others said."""
    return clean(str(value))


def duration(seconds: float) -> str:
    """A length of time in its two largest units."""
    if seconds < 60:
        return f"{seconds:g} s"
    minutes, rest_s = divmod(round(seconds), 60)
    hours, rest_min = divmod(minutes, 60)
    days, rest_h = divmod(hours, 24)
    if days:
        return f"{days} d {rest_h} h"
    return f"{hours} h {rest_min} min" if hours else f"{minutes} min {rest_s} s"


def size(count: float) -> str:
    """A number of bytes."""
    if count < 1000:
        return f"{count:g} bytes"
    return f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"


UNITS: dict[str, Callable[[float], str]] = {
    "_ms": lambda value: f"{value:g} ms",
    "_s": duration,
    "_bytes": size,
    "_dbfs": lambda value: f"{value:g} dBFS",
    "_db": lambda value: f"{value:g} dB",
}
"""How a number is written, by the end of its name; the first that fits decides."""
