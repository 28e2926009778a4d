"""What waits, rings or was missed, in words with exact local times: for the model and for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from daemon.reminders.advance import wait_of
from daemon.reminders.book import Alarm, Book, Countdown, Ending, Entry, EntryKind, Past, Ringing
from daemon.reminders.local_time import Moment, OffsetAt, local

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

REMINDER_IS_DUE = "A reminder is due now. Tell it to the user in one short sentence: {}"
"""What the model is asked when a reminder has been silenced."""


def question_of(rang: Iterable[Ringing]) -> str:
    """What to ask the model to tell, when this has been silenced; empty where no reminder has words."""
    texts = [one.name for one in rang if one.kind is EntryKind.REMINDER and one.name]
    return REMINDER_IS_DUE.format("; ".join(texts)) if texts else ""


def duration_words(duration_s: float) -> str:
    """Whole seconds as hours, minutes and seconds; what is nought is left out."""
    minutes, seconds = divmod(round(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "hour"), (minutes, "minute"), (seconds, "second"))
    words = [f"{count} {unit}{'s' if count != 1 else ''}" for count, unit in parts if count]
    return " ".join(words) or "0 seconds"


def day_words(day: date, today: date) -> str:
    """A day as one says it."""
    if day == today:
        return "today"
    if day == today + timedelta(days=1):
        return "tomorrow"
    if day == today - timedelta(days=1):
        return "yesterday"
    year = f" {day.year}" if day.year != today.year else ""
    return f"on {DAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}{year}"


def when_words(at_s: float, now: Moment, offset: OffsetAt) -> str:
    """An instant as day and local time; seconds only where there are any."""
    at: datetime = local(round(at_s), offset)
    clock = f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"
    return f"{day_words(at.date(), local(now.wall_s, offset).date())} at {clock}"


def weekday_words(weekdays: tuple[int, ...]) -> str:
    """On which days it repeats."""
    if len(weekdays) == len(DAYS):
        return "every day"
    if weekdays == (0, 1, 2, 3, 4):
        return "Monday to Friday"
    names = [DAYS[weekday] for weekday in weekdays]
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def title(one: Entry | Ringing | Past) -> str:
    """What it is called."""
    if one.name:
        return f"{one.kind.value} “{one.name}”"
    if isinstance(one, Countdown) and one.kind is EntryKind.TIMER and one.duration_s:
        return f"timer of {duration_words(one.duration_s)}"
    return one.kind.value


def entry_words(entry: Entry, now: Moment, offset: OffsetAt) -> str:
    """One entry: what it is called and when it comes due."""
    wait_s = wait_of(entry, now, offset)
    if wait_s is None:
        return f"{_schedule(entry)}: waits until the clock is set"
    left = f"{duration_words(max(0.0, wait_s))} left"
    if not now.clock_set:
        return f"{title(entry)}: {left}"
    at = when_words(now.wall_s + wait_s, now, offset)
    if isinstance(entry, Countdown):
        return f"{title(entry)}: {left}, rings {at}"
    return f"{_schedule(entry)}: rings {'next ' if entry.weekdays else ''}{at}"


def _schedule(entry: Entry) -> str:
    if isinstance(entry, Alarm) and entry.weekdays:
        return f"{title(entry)}, {weekday_words(entry.weekdays)} at {entry.at:%H:%M}"
    return title(entry)


_FATES = {
    Ending.SILENCED: "rang{at}",
    Ending.UNANSWERED: "rang{at}, and nobody stopped it",
    Ending.MISSED: "was missed{at}: the speaker was off, or its clock was not set",
}


def past_words(past: Past, now: Moment, offset: OffsetAt) -> str:
    """What came of something that is over."""
    known = past.at_wall_s is not None and now.clock_set
    at = f" {when_words(past.at_wall_s, now, offset)}" if past.at_wall_s is not None and known else ""
    return f"{title(past)}: {_FATES[past.fate].format(at=at)}"


def listing(book: Book, now: Moment, offset: OffsetAt) -> Iterator[str]:
    """All of it, a line each: what rings, what waits (the nearest first), what is over (the newest first)."""
    for one in book.ringing:
        yield f"{one.id}: {title(one)}: rings now"
    yield from waiting_lines(book, now, offset)
    for past in reversed(book.past):
        yield past_words(past, now, offset)


def waiting_lines(book: Book, now: Moment, offset: OffsetAt) -> list[str]:
    """What waits, the nearest first."""
    return [f"{entry.id}: {entry_words(entry, now, offset)}" for entry in _nearest_first(book, now, offset)]


def book_table(book: Book, now: Moment, offset: OffsetAt) -> dict[str, list[dict[str, Any]]]:
    """All of it, for a program that shows it; `left_s` is None where the clock does not tell.

    To be read is not to be told: what was missed counts as untold as before.
    """
    return {
        "ringing": [_named(one) for one in book.ringing],
        "waiting": [
            _named(entry) | {"words": entry_words(entry, now, offset), "left_s": _left_s(entry, now, offset)}
            for entry in _nearest_first(book, now, offset)
        ],
        "past": [
            {"title": title(past), "words": past_words(past, now, offset)} for past in reversed(book.past)
        ],
    }


def _named(one: Entry | Ringing) -> dict[str, Any]:
    return {"id": one.id, "kind": one.kind.value, "name": one.name, "title": title(one)}


def _left_s(entry: Entry, now: Moment, offset: OffsetAt) -> float | None:
    wait_s = wait_of(entry, now, offset)
    return None if wait_s is None else round(max(0.0, wait_s), 1)


def _nearest_first(book: Book, now: Moment, offset: OffsetAt) -> list[Entry]:
    return sorted(book.entries, key=lambda entry: _nearness(entry, now, offset))


def _nearness(entry: Entry, now: Moment, offset: OffsetAt) -> float:
    wait_s = wait_of(entry, now, offset)
    return wait_s if wait_s is not None else float("inf")
