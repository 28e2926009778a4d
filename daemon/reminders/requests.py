"""What a user or the model asks for, from words into values: times, days, durations, which one. Pure.

Each function raises `Refused` with what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, time

from daemon.reminders.book import Book, Entry, Refused, Ringing
from daemon.reminders.local_time import Moment, OffsetAt
from daemon.reminders.phrases import entry_words, title

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_GROUPS = {"daily": range(7), "weekdays": range(5), "weekend": range(5, 7)}

_UNITS_S = {"h": 3600, "m": 60, "s": 1}


def parse_time(text: str) -> time:
    """A clock time of 24 hours: "07:30"."""
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text.strip())
    if not found:
        raise Refused(f'"{text}" is no clock time; write it like "07:30" or "19:05"')
    return time(int(found[1]), int(found[2]))


def parse_day(text: str) -> date | None:
    """A day: "2026-12-24"; None for an empty text."""
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise Refused(f'"{text}" is no day; write it like "2026-12-24"') from error


def parse_when(text: str) -> tuple[date | None, time]:
    """A clock time, with or without its day: "18:00", "2026-12-24 18:00"."""
    words = text.replace("T", " ").split()
    if len(words) == 1:
        return None, parse_time(words[0])
    if len(words) == 2:
        return parse_day(words[0]), parse_time(words[1])
    raise Refused(f'"{text}" is no time; write it like "18:00" or "2026-12-24 18:00"')


def parse_weekdays(words: Sequence[str]) -> tuple[int, ...]:
    """Weekdays, Monday is 0: "mon" … "sun", or the groups "daily", "weekdays" and "weekend"."""
    chosen: set[int] = set()
    for word in (word.strip().casefold() for word in words):
        if word in _GROUPS:
            chosen.update(_GROUPS[word])
        elif word[:3] in WEEKDAYS:
            chosen.add(WEEKDAYS.index(word[:3]))
        else:
            raise Refused(f'"{word}" is no weekday; there are {", ".join(WEEKDAYS)}, {", ".join(_GROUPS)}')
    return tuple(sorted(chosen))


def parse_duration(text: str) -> float:
    """Seconds of "90s", "10m", "1h30m"."""
    found = re.fullmatch(r"((\d{1,6})([hms]))+", text.strip().casefold().replace(" ", ""))
    if not found:
        raise Refused(f'"{text}" is no duration; write it like "10m", "90s" or "1h30m"')
    return float(sum(int(count) * _UNITS_S[unit] for count, unit in re.findall(r"(\d+)([hms])", found[0])))


def find(book: Book, which: str, now: Moment, offset: OffsetAt) -> list[Entry | Ringing]:
    """What is meant by a number, a name, a part of a name, "timer", or "all".

    Raises Refused with the choices where it may be several, or none.
    """
    everything: list[Entry | Ringing] = [*book.ringing, *book.entries]
    if not everything:
        raise Refused("there are no timers, alarms or reminders")
    word = which.strip().strip("“”\"'").casefold()
    if word == "all":
        return everything
    found = next(filter(None, _readings(everything, word)), [])
    if len(found) == 1:
        return found
    problem = f'"{which}" may be any of these' if found else f'there is none called "{which}"; there are'
    choices = "; ".join(_choice(one, now, offset) for one in found or everything[:10])
    raise Refused(f"{problem}: {choices}. Give the number")


def _readings(everything: list[Entry | Ringing], word: str) -> list[list[Entry | Ringing]]:
    """What the word may mean, the most exact reading first."""
    return [
        [one for one in everything if str(one.id) == word],
        [one for one in everything if one.name.casefold() == word and word],
        [one for one in everything if not word or one.kind.value == word],
        [one for one in everything if word in one.name.casefold()],
    ]


def _choice(one: Entry | Ringing, now: Moment, offset: OffsetAt) -> str:
    if isinstance(one, Ringing):
        return f"{one.id}, {title(one)}, rings now"
    return f"{one.id}, {entry_words(one, now, offset)}"
