"""What the passing of time, and the setting of clocks, does to the book. Pure.

Timers run by the steady clock: setting the wall clock neither delays nor hastens them. One that was carried
over from an earlier start of the machine has a wall clock deadline besides, and the nearer of the two counts.
Alarms and reminders are local clock times; which of their occurrences are done is remembered as an instant,
so that a clock that is set back a little does not ring twice. They do not ring while the clock is not set.

A clock may also be set far wrong, and right again. What was counted as missed by a wrong clock waits again
as soon as its time lies ahead; what has rung by it rings again if it was wrong by more than STEP_BACK_S.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime

from daemon.reminders.book import (
    Alarm,
    Book,
    Countdown,
    Ending,
    Entry,
    Past,
    Ringing,
    Rules,
    end,
    remember,
)
from daemon.reminders.local_time import Moment, OffsetAt, days_from, instant, local

STEP_BACK_S = 7200.0
"""A clock that goes back by no more than this was right enough: what has rung by it stays rung. One that
goes back further was wrong, and nothing has rung yet. It is an hour of summer time set by hand, twice."""

WEEK = 9
"""Days in which each weekday comes, though one of them may be missing from a zone's calendar."""


def advance(book: Book, now: Moment, offset: OffsetAt, rules: Rules) -> Book:
    """The book at this moment: what is due rings, in order; what is too late is missed; rings end.

    Call it whenever a deadline has come (`next_due_s`) or a clock may have been set; more often does no harm.
    """
    book = _mend(book, now)
    due = sorted(_due(book, now, offset), key=lambda found: (-found[1], found[0].id))
    for entry, late_s in due:
        book = _come_due(book, entry, late_s, now, rules)
    given_up = {one for one in book.ringing if now.steady_s - one.since_s >= rules.ring_s}
    return end(book, given_up, Ending.UNANSWERED, now)


def next_due_s(book: Book, now: Moment, offset: OffsetAt, rules: Rules) -> float | None:
    """In how many seconds `advance` will next have something to do, if no clock is set; None: never."""
    waits = [one.since_s + rules.ring_s - now.steady_s for one in book.ringing]
    waits += [wait_s for entry in book.entries if (wait_s := wait_of(entry, now, offset)) is not None]
    return max(0.0, min(waits)) if waits else None


def wait_of(entry: Entry, now: Moment, offset: OffsetAt) -> float | None:
    """In how many seconds an entry comes due; None while the clock that it goes by is not set."""
    if isinstance(entry, Countdown):
        return -_late_s(entry, now)
    if not now.clock_set:
        return None
    at_s = next_occurrence(entry, offset)
    return None if at_s is None else at_s - now.wall_s


def next_occurrence(alarm: Alarm, offset: OffsetAt) -> float | None:
    """The first instant after what is done at which an alarm comes due; None for one that is over."""
    if alarm.day is not None:
        return instant(datetime.combine(alarm.day, alarm.at), offset)
    days = days_from(local(alarm.done_s, offset).date(), WEEK)
    return next((at_s for at_s in _occurrences(alarm, days, offset) if at_s > alarm.done_s), None)


def _latest_occurrence(alarm: Alarm, now: Moment, offset: OffsetAt) -> float | None:
    """The last instant, not done and not ahead, at which an alarm came due."""
    days = [alarm.day] if alarm.day else days_from(local(now.wall_s, offset).date(), -WEEK)
    found = (at_s for at_s in _occurrences(alarm, days, offset) if at_s <= now.wall_s)
    return next((at_s for at_s in found if at_s > alarm.done_s), None)


def _occurrences(alarm: Alarm, days: list[date], offset: OffsetAt) -> Iterator[float]:
    for day in days:
        if day == alarm.day or day.weekday() in alarm.weekdays:
            yield instant(datetime.combine(day, alarm.at), offset)


def _late_s(timer: Countdown, now: Moment) -> float:
    """For how long a timer has been due; negative before."""
    late_s = now.steady_s - timer.due_s
    if timer.due_wall_s is None or not now.clock_set:
        return late_s
    return max(late_s, now.wall_s - timer.due_wall_s)


def _due(book: Book, now: Moment, offset: OffsetAt) -> Iterator[tuple[Entry, float]]:
    """What has come due, and for how many seconds it has been."""
    for entry in book.entries:
        if isinstance(entry, Countdown):
            late_s = _late_s(entry, now)
            if late_s >= 0:
                yield entry, late_s
        elif now.clock_set:
            at_s = _latest_occurrence(entry, now, offset)
            if at_s is not None:
                yield entry, now.wall_s - at_s


def _come_due(book: Book, entry: Entry, late_s: float, now: Moment, rules: Rules) -> Book:
    """Let an entry ring, or count it as missed."""
    repeats = isinstance(entry, Alarm) and entry.day is None
    left = [other for other in book.entries if other.id != entry.id]
    if isinstance(entry, Alarm) and repeats:
        done = replace(entry, done_s=now.wall_s - late_s)
        left = [done if other.id == entry.id else other for other in book.entries]
    book = replace(book, entries=tuple(left))
    if late_s > rules.grace_s:
        return remember(book, _missed(entry, late_s, now))
    ringing = Ringing(book.next_id if repeats else entry.id, entry.kind, entry.name, now.steady_s)
    return replace(book, ringing=(*book.ringing, ringing), next_id=book.next_id + repeats)


def _missed(entry: Entry, late_s: float, now: Moment) -> Past:
    """A timer that is late by the steady clock is late, whatever the wall clock will be set to."""
    by_wall = isinstance(entry, Alarm) or now.steady_s < entry.due_s
    at_wall_s = now.wall_s - late_s if now.clock_set else None
    kept = entry if by_wall else None
    return Past(
        id=entry.id,
        kind=entry.kind,
        name=entry.name,
        fate=Ending.MISSED,
        at_wall_s=at_wall_s,
        told=False,
        entry=kept,
    )


# --- clocks that are set ---------------------------------------------------------------------------


def _mend(book: Book, now: Moment) -> Book:
    """Undo what a clock that was ahead has done; without effect while no clock was set back."""
    if not now.clock_set:
        return book
    early = [past for past in book.past if _was_early(past, now)]
    for past in reversed(early):  # of several misses of one alarm, the state before the first counts
        book = _revive(book, past)
    entries = tuple(_step_back(entry, now) for entry in book.entries)
    return book if entries == book.entries else replace(book, entries=entries)


def _was_early(past: Past, now: Moment) -> bool:
    """Whether this was counted as missed, and its time lies ahead."""
    return past.entry is not None and past.at_wall_s is not None and past.at_wall_s > now.wall_s


def _revive(book: Book, past: Past) -> Book:
    assert past.entry is not None
    others = [entry for entry in book.entries if entry.id != past.id]
    left = tuple(one for one in book.past if one is not past)
    return replace(book, entries=(*others, past.entry), past=left)


def _step_back(entry: Entry, now: Moment) -> Entry:
    if isinstance(entry, Alarm) and entry.done_s > now.wall_s + STEP_BACK_S:
        return replace(entry, done_s=now.wall_s)
    return entry
