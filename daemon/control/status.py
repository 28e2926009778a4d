"""The running daemon's state as one dictionary: what `conure status` shows. Event loop only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from daemon import __version__


class Reporting(Protocol):
    """A part that tells of itself."""

    def report(self) -> dict[str, Any]:
        """Some of the status, by its keys: plain words, numbers, lists and dictionaries."""
        ...


class Counting(Protocol):
    """A part that counts."""

    def counters(self) -> dict[str, int]:
        """Some of the counters: what was dropped, lost, refused or repeated."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Merges what the parts tell, and changes nothing."""

    reports: Sequence[Reporting]
    counts: Sequence[Counting]
    looks: Sequence[Callable[[], dict[str, Any]]] = ()
    """What gives the part of the snapshot that `watching` compares several times a second."""

    def snapshot(self) -> dict[str, Any]:
        """All of it."""
        told: dict[str, Any] = {"version": __version__}
        for part in self.reports:
            told |= part.report()
        return told | {"counters": self.counters()}

    def look(self) -> dict[str, Any]:
        """What of the snapshot may change without a note: a fifth of its cost."""
        told: dict[str, Any] = {}
        for look in self.looks:
            told |= look()
        return told

    def counters(self) -> dict[str, int]:
        """All that is counted."""
        return {name: number for part in self.counts for name, number in part.counters().items()}
