"""The book for programs: what rings, what waits, what is over, as plain values and in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from daemon.reminders.advance import wait_of
from daemon.reminders.book import Alarm, Book, Entry, Past, Ringing
from daemon.reminders.local_time import Moment, OffsetAt, local
from daemon.reminders.phrases import entry_words, past_words, title
from daemon.reminders.requests import WEEKDAYS


def book_data(book: Book, now: Moment, offset: OffsetAt) -> dict[str, list[dict[str, Any]]]:
    """For JSON. To be read is not to be told: what was missed counts as untold as before.

    `at`: local time, null while the clock is not set; `left_s`: seconds until it rings, null where no
    clock tells; `title` and `words`: what is shown to people.
    """
    waiting = [_waiting(entry, now, offset) for entry in book.entries]
    return {
        "ringing": [_named(one) for one in book.ringing],
        "waiting": sorted(waiting, key=lambda one: (one["left_s"] is None, one["left_s"])),
        "past": [_past(one, now, offset) for one in reversed(book.past)],
    }


def _named(one: Entry | Ringing | Past) -> dict[str, Any]:
    return {"id": one.id, "kind": one.kind.value, "name": one.name, "title": title(one)}


def _waiting(entry: Entry, now: Moment, offset: OffsetAt) -> dict[str, Any]:
    left_s = wait_of(entry, now, offset)
    days: Iterable[int] = entry.weekdays if isinstance(entry, Alarm) else ()
    return _named(entry) | {
        "words": entry_words(entry, now, offset),
        "left_s": None if left_s is None else round(max(0.0, left_s), 1),
        "at": None if left_s is None else _at(now.wall_s + left_s, now, offset),
        "weekdays": [WEEKDAYS[day] for day in days],
    }


def _past(past: Past, now: Moment, offset: OffsetAt) -> dict[str, Any]:
    at = None if past.at_wall_s is None else _at(past.at_wall_s, now, offset)
    return _named(past) | {"words": past_words(past, now, offset), "fate": past.fate.value, "at": at}


def _at(wall_s: float, now: Moment, offset: OffsetAt) -> str | None:
    return local(round(wall_s), offset).isoformat(" ") if now.clock_set else None
