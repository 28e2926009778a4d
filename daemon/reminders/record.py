"""The book as a file's content, and back, also on another start of the machine. Pure.

The clocks are saved with the entries: what is a deadline on the steady clock of one start is, through them, a
deadline on the wall clock for the next. What rings while it is saved is due again when it is loaded, so that
a power cut in the middle of an alarm does not end it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from math import isfinite
from typing import Any

from daemon.outside import number, whole_number
from daemon.reminders.book import (
    MAX_ENTRIES,
    MAX_NAME,
    MAX_PAST,
    Alarm,
    Book,
    Countdown,
    Ending,
    Entry,
    EntryKind,
    Past,
    Ringing,
)
from daemon.reminders.local_time import Moment

FILE = "reminders.json"

LIMIT_BYTES = 1024 * 1024
"""Longest file that is read: a full book whose every name is 100 emoji is some 600 KB."""

VERSION = 1

LONGEST_S = 1e10
"""Three hundred years: no clock, deadline or duration is larger, and all can be added without an overflow."""

DAYS = (date(2000, 1, 1), date(2199, 12, 31))
"""Days on which an alarm can be."""

Content = dict[str, Any]


def content_of(book: Book, now: Moment) -> Content:
    """What `book_from` takes back."""
    ringing = [_as_timer(one) for one in book.ringing]
    return {
        "version": VERSION,
        "clocks": {"wall_s": now.wall_s, "steady_s": now.steady_s, "boot": now.boot},
        "next_id": book.next_id,
        "entries": [_entry_content(entry) for entry in (*book.entries, *ringing)],
        "past": [_past_content(past) for past in book.past],
    }


def book_from(data: Any, now: Moment) -> Book:
    """The book that was saved, its deadlines on the present clocks. Raises ValueError."""
    try:
        saved = _moment(data["clocks"])
        entries = [_carried(_entry(item), saved, now) for item in data["entries"]]
        past = [_past(item, saved, now) for item in data["past"]]
        highest = max((entry.id for entry in entries), default=0)
        next_id = max(whole_number(data["next_id"]), highest + 1)
        if len(entries) > 2 * MAX_ENTRIES or len(past) > MAX_PAST:  # an alarm that repeats may ring besides
            raise ValueError("more entries than there can be")
        if data["version"] != VERSION or len({entry.id for entry in entries}) != len(entries):
            raise ValueError("another version, or a number that comes twice")
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"it does not hold a book of timers: {type(error).__name__}") from error
    return Book(tuple(entries), (), tuple(past), next_id)


# --- from one start of the machine to the next -----------------------------------------------------


def _carried(entry: Entry, saved: Moment, now: Moment) -> Entry:
    """A timer's deadline on the present steady clock; alarms go by the wall clock and stay as they are.

    The wall clock may not be set yet, or not be set right: then at most what was left when the book was saved
    is left now.
    """
    if isinstance(entry, Alarm) or _same_boot(saved, now):
        return entry
    left_s = entry.due_s - saved.steady_s
    due_wall_s = entry.due_wall_s
    if due_wall_s is None and saved.clock_set:
        due_wall_s = saved.wall_s + left_s
    if due_wall_s is not None and now.clock_set and due_wall_s > now.wall_s:
        left_s = min(left_s, due_wall_s - now.wall_s)
    return replace(entry, due_s=now.steady_s + left_s, due_wall_s=due_wall_s)


def _same_boot(saved: Moment, now: Moment) -> bool:
    return bool(saved.boot) and saved.boot == now.boot and saved.steady_s <= now.steady_s


def _as_timer(one: Ringing) -> Countdown:
    return Countdown(id=one.id, kind=one.kind, name=one.name, duration_s=0.0, due_s=one.since_s)


# --- one thing at a time ---------------------------------------------------------------------------


def _moment(item: Any) -> Moment:
    return Moment(_number(item["wall_s"]), _number(item["steady_s"]), str(item["boot"]))


def _entry_content(entry: Entry) -> Content:
    common = {"id": entry.id, "kind": entry.kind.value, "name": entry.name}
    if isinstance(entry, Countdown):
        times = {"duration_s": entry.duration_s, "due_s": entry.due_s, "due_wall_s": entry.due_wall_s}
        return common | times
    day = entry.day.isoformat() if entry.day else None
    at = entry.at.isoformat("seconds")
    return common | {"at": at, "day": day, "weekdays": list(entry.weekdays), "done_s": entry.done_s}


def _entry(item: Any) -> Entry:
    entry_id, kind, name = whole_number(item["id"]), EntryKind(item["kind"]), _name(item["name"])
    if "due_s" in item:
        due_wall_s = None if item["due_wall_s"] is None else _number(item["due_wall_s"])
        return Countdown(
            id=entry_id,
            kind=kind,
            name=name,
            duration_s=_number(item["duration_s"]),
            due_s=_number(item["due_s"]),
            due_wall_s=due_wall_s,
        )
    day = date.fromisoformat(item["day"]) if item["day"] else None
    weekdays = tuple(whole_number(weekday, 0, 6) for weekday in item["weekdays"])
    at = time.fromisoformat(item["at"])
    if bool(weekdays) == bool(day) or at.tzinfo is not None or len(weekdays) > len(set(weekdays)):
        raise ValueError("an alarm is at a local time, on one day or on weekdays")
    if day is not None and not DAYS[0] <= day <= DAYS[1]:
        raise ValueError("a day that no alarm can be on")
    return Alarm(
        id=entry_id, kind=kind, name=name, at=at, day=day, weekdays=weekdays, done_s=_number(item["done_s"])
    )


def _past_content(past: Past) -> Content:
    return {
        "id": past.id,
        "kind": past.kind.value,
        "name": past.name,
        "fate": past.fate.value,
        "at_wall_s": past.at_wall_s,
        "ended_s": past.ended_s if isfinite(past.ended_s) else None,
        "told": past.told,
        "entry": _entry_content(past.entry) if past.entry else None,
    }


def _past(item: Any, saved: Moment, now: Moment) -> Past:
    at_wall_s = None if item["at_wall_s"] is None else _number(item["at_wall_s"])
    past = Past(
        id=whole_number(item["id"]), kind=EntryKind(item["kind"]), name=_name(item["name"]),
        fate=Ending(item["fate"]), at_wall_s=at_wall_s,
        told=bool(item["told"]), entry=_carried(_entry(item["entry"]), saved, now) if item["entry"] else None,
    )  # fmt: skip
    if item["ended_s"] is not None and _same_boot(saved, now):
        return replace(past, ended_s=_number(item["ended_s"]))
    return past


def _number(value: Any) -> float:
    return number(value, -LONGEST_S, LONGEST_S)


def _name(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_NAME or not all(map(str.isprintable, value)):
        raise ValueError("a name that is none")
    return value
