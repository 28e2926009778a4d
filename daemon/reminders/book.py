"""The book of all that waits, rings, or has rung, and how its user changes it. Pure.

What the passing of time does to it is in `advance.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time
from enum import Enum
from math import inf

from daemon.reminders.local_time import Moment, OffsetAt, days_from, instant, local

MAX_ENTRIES = 200
"""Timers, alarms and reminders that wait or ring; policy for one more: refuse it, in words."""

MAX_PAST = 20
"""What has rung or was missed and is still told; policy: forget the oldest."""

MAX_NAME = 100
"""Characters of a name or of a reminder's text; policy: refuse a longer one, in words."""

MAX_TIMER_S = 7 * 86_400.0
MAX_AHEAD_DAYS = 731

SNOOZE_AFTER_S = 600.0
"""So long after it was silenced a thing can still be snoozed: the press that makes it quiet comes first."""


class EntryKind(Enum):
    """What an entry is to its user."""

    TIMER = "timer"
    ALARM = "alarm"
    REMINDER = "reminder"


class Ending(Enum):
    """How something that came due ended."""

    SILENCED = "silenced"
    """It rang, and somebody made it quiet."""
    UNANSWERED = "unanswered"
    """It rang, and nobody came."""
    MISSED = "missed"
    """It did not ring: it was too late for it."""


class Refused(ValueError):
    """What was asked cannot be done; the message is for the user, and says what can."""


@dataclass(frozen=True, slots=True)
class Countdown:
    """Comes due by the steady clock. Also what an alarm becomes when it is snoozed."""

    id: int
    kind: EntryKind
    name: str
    duration_s: float
    due_s: float
    """On the steady clock."""
    due_wall_s: float | None = None
    """On the wall clock too, for one from an earlier start of the machine."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Comes due at a local clock time: once on `day`, or again and again on `weekdays`."""

    id: int
    kind: EntryKind
    name: str
    at: time
    day: date | None = None
    weekdays: tuple[int, ...] = ()
    """Monday is 0; not empty exactly where `day` is None."""
    done_s: float = 0.0
    """Occurrences up to this instant are over."""


Entry = Countdown | Alarm


@dataclass(frozen=True, slots=True)
class Ringing:
    """Something that is due and has not been silenced."""

    id: int
    kind: EntryKind
    name: str
    since_s: float
    """When it began to ring, on the steady clock."""


@dataclass(frozen=True, slots=True)
class Past:
    """Something that has come due and is over."""

    id: int
    kind: EntryKind
    name: str
    fate: Ending
    at_wall_s: float | None
    """When it was due; None: nobody knew the time."""
    ended_s: float = -inf
    """When it was silenced, on the steady clock; long ago, for one of an earlier start of the machine."""
    told: bool = True
    """Whether its user knows: until then a light says that something was missed."""
    entry: Entry | None = None
    """What was missed, as it was before: it waits again if the clock turns out to have been wrong."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration decides."""

    ring_s: float = 300.0
    grace_s: float = 900.0
    """What is due for longer than this, since nobody could ring, is missed."""


@dataclass(frozen=True, slots=True)
class Book:
    """All of it. Entries in the order in which they were made."""

    entries: tuple[Entry, ...] = ()
    ringing: tuple[Ringing, ...] = ()
    past: tuple[Past, ...] = ()
    next_id: int = 1

    @property
    def size(self) -> int:
        """What the bound counts."""
        return len(self.entries) + len(self.ringing)

    @property
    def untold(self) -> bool:
        """Whether something was missed that nobody has been told of."""
        return any(not past.told for past in self.past)


# --- putting in and taking out ---------------------------------------------------------------------


def add_timer(
    book: Book, duration_s: float, name: str, now: Moment, kind: EntryKind = EntryKind.TIMER
) -> tuple[Book, Countdown]:
    """A timer that begins now. Raises Refused."""
    if not 1 <= duration_s <= MAX_TIMER_S:
        raise Refused("a timer lasts from 1 second to 7 days; for later, set an alarm or a reminder")
    timer = Countdown(
        id=book.next_id,
        kind=kind,
        name=_checked(book, name),
        duration_s=float(duration_s),
        due_s=now.steady_s + duration_s,
    )
    return _with(book, timer), timer


def add_alarm(
    book: Book,
    at: time,
    now: Moment,
    offset: OffsetAt,
    *,
    kind: EntryKind = EntryKind.ALARM,
    name: str = "",
    day: date | None = None,
    weekdays: tuple[int, ...] = (),
) -> tuple[Book, Alarm]:
    """An alarm or a reminder; without day and weekdays, at the next time that it is `at`. Raises Refused."""
    if not now.clock_set:
        raise Refused("the clock of this device is not set yet, so it cannot tell when that is; timers work")
    today = local(now.wall_s, offset).date()
    if day is None and not weekdays:
        later_today = instant(datetime.combine(today, at), offset) > now.wall_s
        day = today if later_today else days_from(today, 2)[1]
    if day is not None:
        _check_day(day, at, today, now, offset)
    alarm = Alarm(
        id=book.next_id,
        kind=kind,
        name=_checked(book, name),
        at=at,
        day=day,
        weekdays=tuple(sorted(weekdays)),
        done_s=now.wall_s,
    )
    return _with(book, alarm), alarm


def cancel(book: Book, ids: set[int]) -> Book:
    """Without these entries, and without what rings under these numbers."""
    return replace(
        book,
        entries=tuple(entry for entry in book.entries if entry.id not in ids),
        ringing=tuple(one for one in book.ringing if one.id not in ids),
        past=tuple(replace(past, entry=None) if past.id in ids else past for past in book.past),
    )


def silence(book: Book, now: Moment) -> Book:
    """Nothing rings any more."""
    return end(book, set(book.ringing), Ending.SILENCED, now)


def snooze(book: Book, duration_s: float, now: Moment) -> tuple[Book, tuple[Countdown, ...]]:
    """What rings, or was silenced last, rings again after `duration_s`. Raises Refused."""
    over = [past for past in book.past if past.fate is Ending.SILENCED]
    last_s = max((past.ended_s for past in over), default=-inf)
    fresh = [past for past in over if past.ended_s == last_s >= now.steady_s - SNOOZE_AFTER_S]
    chosen = [*book.ringing] or fresh
    if not chosen:
        raise Refused("nothing rings now, and nothing was silenced within the last 10 minutes")
    gone = {one.id for one in chosen}
    book = replace(
        book, ringing=(), past=tuple(past for past in book.past if past.id not in gone or past not in fresh)
    )
    timers = []
    for one in chosen:
        book, timer = add_timer(book, duration_s, one.name, now, one.kind)
        timers.append(timer)
    return book, tuple(timers)


def end(book: Book, over: set[Ringing], fate: Ending, now: Moment) -> Book:
    """These ring no more, and this is why."""
    for one in book.ringing:
        if one in over:
            at_wall_s = now.wall_s - (now.steady_s - one.since_s) if now.clock_set else None
            told = fate is Ending.SILENCED
            book = remember(
                book,
                Past(
                    id=one.id,
                    kind=one.kind,
                    name=one.name,
                    fate=fate,
                    at_wall_s=at_wall_s,
                    ended_s=now.steady_s,
                    told=told,
                ),
            )
    return replace(book, ringing=tuple(one for one in book.ringing if one not in over))


def remember(book: Book, past: Past) -> Book:
    """With one more thing that is over."""
    return replace(book, past=(*book.past, past)[-MAX_PAST:])


def tell(book: Book) -> Book:
    """Its user has been told what was missed."""
    if not book.untold:
        return book
    return replace(book, past=tuple(replace(past, told=True) for past in book.past))


def _checked(book: Book, name: str) -> str:
    """The name in one line. Raises Refused if there is no room for it, or for one more entry."""
    if book.size >= MAX_ENTRIES:
        raise Refused(f"there are {MAX_ENTRIES} timers, alarms and reminders already; cancel some first")
    words = " ".join("".join(char if char.isprintable() else " " for char in name).split())
    if len(words) > MAX_NAME:
        raise Refused(f"that is too long: {len(words)} characters of at most {MAX_NAME}")
    return words


def _check_day(day: date, at: time, today: date, now: Moment, offset: OffsetAt) -> None:
    if (day - today).days > MAX_AHEAD_DAYS:
        raise Refused(f"{day.isoformat()} is too far ahead; at most two years")
    # Days first: an instant near the ends of the calendar cannot be computed.
    if day < today or instant(datetime.combine(day, at), offset) <= now.wall_s:
        raise Refused(f"{day.isoformat()} at {at:%H:%M} has passed; today is {today.isoformat()}")


def _with(book: Book, entry: Entry) -> Book:
    return replace(book, entries=(*book.entries, entry), next_id=book.next_id + 1)
