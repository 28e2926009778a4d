"""Reads one TOML table key by key, and collects every mistake in it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

WHOLE = "a whole number from {} to {}"

SHOWN_CHARS = 60
"""Longest value that is repeated in a message."""


class TomlReader:
    """The keys of one table. Each is taken once; `finish` tells those that nobody asked for.

    A key that is missing or wrong adds a line to `problems`, which names `place`, and reads as its default.
    """

    def __init__(self, table: Mapping[str, Any], place: str, problems: list[str]) -> None:
        """`place` is put before each key: the file, and the table where there is one."""
        self._left = dict(table)
        self._known: list[str] = []
        self._place = place
        self._problems = problems

    def text(self, key: str, default: str | None = None, choices: Sequence[str] = ()) -> str:
        """A text, one of `choices` if there are any; a key without a default must be given."""
        told = f"one of {', '.join(choices)}" if choices else "text in quotes"
        value = self._take(key, default, told, lambda found: _is_text(found, choices))
        return str(value or "")

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number within both limits."""
        value = self._take(key, default, WHOLE.format(low, high), lambda found: _is_whole(found, low, high))
        return low if value is None else int(value)

    def flag(self, key: str) -> bool:
        """True or false; must be given."""
        return bool(self._take(key, None, "true or false", lambda found: isinstance(found, bool)))

    def texts(self, key: str, default: tuple[str, ...] | None = (), *, least: int = 0) -> tuple[str, ...]:
        """A list of at least so many texts."""
        told = "a list of texts" + (f", at least {least}" if least else "")
        value = self._take(key, default, told, lambda found: _is_list(found, _is_text, least))
        return tuple(value or ())

    def wholes(self, key: str, low: int, high: int) -> tuple[int, ...]:
        """A list of whole numbers, each within both limits and none twice; may be left out."""
        told = f"a list of different numbers, each {WHOLE.format(low, high)}"

        def fits(found: object) -> bool:
            return _is_list(found, lambda item: _is_whole(item, low, high), 0) and _differ(found)

        return tuple(self._take(key, (), told, fits))

    def table(self, key: str) -> Mapping[str, Any] | None:
        """A table; None where it is not there."""
        value = self._take(key, {}, f"a table: [{key}]", lambda found: isinstance(found, dict))
        return value or None

    def tables(self, key: str) -> tuple[Mapping[str, Any], ...]:
        """A list of tables; may be left out."""
        told = f"a list of tables: [[{key}]]"

        def fits(found: object) -> bool:
            return _is_list(found, lambda item: isinstance(item, dict), 0)

        return tuple(self._take(key, (), told, fits))

    def finish(self) -> None:
        """Tell every key that is left: nobody knows it."""
        for key in self._left:
            close = get_close_matches(key, self._known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(self._known)}"
            self._problems.append(f"{self._place}{key}: there is no such key; {hint}")

    def _take(self, key: str, default: Any, told: str, fits: Callable[[object], bool]) -> Any:
        self._known.append(key)
        if key not in self._left:
            if default is None:
                self._problems.append(f"{self._place}{key}: is missing; it must be {told}")
            return default
        value = self._left.pop(key)
        if fits(value):
            return value
        self._problems.append(f"{self._place}{key} = {shown(value)}: must be {told}")
        return default


def shown(value: object) -> str:
    """A value as messages show it."""
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[: SHOWN_CHARS - 1]}…"


def _is_text(value: object, choices: Sequence[str] = ()) -> bool:
    return isinstance(value, str) and value.strip() == value != "" and (not choices or value in choices)


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_list(value: object, fits: Callable[[object], bool], least: int) -> bool:
    return isinstance(value, list) and len(value) >= least and all(fits(item) for item in value)


def _differ(values: Any) -> bool:
    return len(set(values)) == len(values)
