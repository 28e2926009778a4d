"""A speaker with a book of timers, where clocks are set, the power fails, and time zones change.

`true_s` is the time that really is, in seconds since the epoch. What happens is noted in it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from daemon.reminders.advance import advance, next_due_s
from daemon.reminders.book import Book, Ending, Rules, silence
from daemon.reminders.local_time import Moment
from daemon.reminders.record import book_from, content_of

SATURDAY_S = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()

NAP_S = 30.0
"""As `daemon.reminders.service` naps."""


@dataclass(frozen=True, slots=True)
class Zone:
    """An `OffsetAt` of a zone by name."""

    name: str

    def __call__(self, at_s: float) -> float:
        offset = datetime.fromtimestamp(at_s, UTC).astimezone(ZoneInfo(self.name)).utcoffset()
        assert offset is not None
        return offset.total_seconds()


def utc(_at_s: float) -> float:
    """The zone without an offset."""
    return 0.0


@dataclass(slots=True)
class World:
    """A speaker that is on. Whoever is there silences at once what rings, unless `answered` is false."""

    offset: Zone | type(utc) = utc  # type: ignore[valid-type]  # both are called alike
    true_s: float = SATURDAY_S
    rules: Rules = field(default_factory=Rules)
    book: Book = field(default_factory=Book)
    wall_error_s: float = 0.0
    answered: bool = True
    rings: list[tuple[str, float]] = field(default_factory=list)
    """Name and true time of each ringing, in order."""
    _boot: int = 1
    _booted_s: float = SATURDAY_S - 100.0
    _unset: bool = False

    @property
    def now(self) -> Moment:
        """What the clocks say."""
        steady_s = self.true_s - self._booted_s
        wall_s = steady_s if self._unset else self.true_s + self.wall_error_s
        return Moment(wall_s, steady_s, f"boot {self._boot}")

    def look(self) -> None:
        """What the speaker does when it wakes."""
        was = self.book
        self.book = advance(was, self.now, self.offset, self.rules)
        self.rings += [(one.name, self.true_s) for one in self.book.ringing if one not in was.ringing]
        if self.answered:
            self.book = silence(self.book, self.now)

    def run(self, seconds: float) -> None:
        """Let time pass while the speaker is on and sleeps until something is due."""
        end_s = self.true_s + seconds
        self.look()
        while True:
            due_s = next_due_s(self.book, self.now, self.offset, self.rules)
            if due_s is None or self.true_s + due_s > end_s:
                break
            self.true_s += max(due_s, 1e-6)  # the clocks have steps too
            self.look()
        self.true_s = end_s
        self.look()

    def set_clock(self, error_s: float) -> None:
        """The wall clock is now off by this; the speaker notices at the end of its nap."""
        self.wall_error_s, self._unset = error_s, False
        self.true_s += NAP_S
        self.look()

    def restart(self, off_s: float = 1.0) -> None:
        """The program ends, or is killed, and begins again after a while."""
        text = json.dumps(content_of(self.book, self.now))
        self.true_s += off_s
        self.book = book_from(json.loads(text), self.now)
        self.look()

    def power_cut(self, off_s: float, *, clock_known: bool = True, behind_s: float = 0.0) -> None:
        """The machine loses power; its clock then is right, or behind by this, or not set."""
        text = json.dumps(content_of(self.book, self.now))
        self.true_s += off_s
        self._boot, self._booted_s = self._boot + 1, self.true_s - 20.0
        self._unset = not clock_known
        self.wall_error_s = -behind_s
        self.book = book_from(json.loads(text), self.now)
        self.look()

    def missed(self) -> list[str]:
        """What counts as missed."""
        return [past.name for past in self.book.past if past.fate is Ending.MISSED]

    def local(self, true_s: float) -> datetime:
        """The true local time."""
        return datetime(1970, 1, 1) + timedelta(seconds=true_s + self.offset(true_s))  # noqa: DTZ001 - local
