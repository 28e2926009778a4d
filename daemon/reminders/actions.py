"""What can be asked of the running book, by the model and by the command line alike, answered in words.

Event loop only. Each raises `Refused` with what would be right. An answer comes when the change is on the
disk, and says so where it is not.
"""

from __future__ import annotations

from collections.abc import Sequence

from daemon.reminders import book as b
from daemon.reminders.book import Alarm, Book, Countdown, Entry, EntryKind, Ringing
from daemon.reminders.local_time import Moment
from daemon.reminders.phrases import duration_words, entry_words, title
from daemon.reminders.requests import find, parse_day, parse_time, parse_weekdays, parse_when
from daemon.reminders.service import Change, Reminders

NOT_KEPT = ". It is not saved, so it ends with the program"


async def set_timer(reminders: Reminders, duration_s: float, name: str) -> str:
    """A timer from now on."""
    made: list[Countdown] = []

    def add(book: Book, now: Moment) -> Book:
        changed, timer = b.add_timer(book, duration_s, name, now)
        made.append(timer)
        return changed

    return await _added(reminders, add, made)


async def set_alarm(reminders: Reminders, at: str, name: str, weekdays: Sequence[str], day: str) -> str:
    """An alarm: at a time, on a day or on weekdays."""
    clock, on_day, repeats = parse_time(at), parse_day(day), parse_weekdays(weekdays)
    if on_day and repeats:
        raise b.Refused("an alarm rings on one day, or repeats on weekdays, not both")
    made: list[Alarm] = []

    def add(book: Book, now: Moment) -> Book:
        changed, alarm = b.add_alarm(
            book, clock, now, reminders.offset, name=name, day=on_day, weekdays=repeats
        )
        made.append(alarm)
        return changed

    return await _added(reminders, add, made)


async def set_reminder(reminders: Reminders, text: str, at: str) -> str:
    """A reminder: once, at a time."""
    if not text.strip():
        raise b.Refused("a reminder needs a text: what to be reminded of")
    day, clock = parse_when(at)
    made: list[Alarm] = []

    def add(book: Book, now: Moment) -> Book:
        changed, alarm = b.add_alarm(
            book, clock, now, reminders.offset, kind=EntryKind.REMINDER, name=text, day=day
        )
        made.append(alarm)
        return changed

    return await _added(reminders, add, made)


async def list_all(reminders: Reminders) -> str:
    """The whole book; what was missed counts as told from now on."""
    lines = reminders.lines()
    if reminders.untold:
        await reminders.change(lambda book, now: b.tell(book))
    return "\n".join(lines) or "There are no timers, alarms or reminders."


async def cancel(reminders: Reminders, which: str) -> str:
    """Take out one, or all."""
    gone: list[Entry | Ringing] = []

    def take_out(book: Book, now: Moment) -> Book:
        gone.extend(find(book, which, now, reminders.offset))
        return b.cancel(book, {one.id for one in gone})

    await reminders.change(take_out)
    return f"Cancelled: {', '.join(title(one) for one in gone)}."


async def snooze(reminders: Reminders, duration_s: float) -> str:
    """What rings, or rang a moment ago, rings again later."""
    made: list[Countdown] = []

    def put_off(book: Book, now: Moment) -> Book:
        changed, timers = b.snooze(book, duration_s, now)
        made.extend(timers)
        return changed

    await reminders.change(put_off)
    return f"{', '.join(title(one) for one in made)}: again in {duration_words(duration_s)}."


async def stop_ringing(reminders: Reminders) -> str:
    """Silence."""
    rang = reminders.silence()
    return f"Silenced: {', '.join(title(one) for one in rang)}." if rang else "Nothing rings now."


async def _added(reminders: Reminders, change: Change, made: Sequence[Entry]) -> str:
    saved = await reminders.change(change)
    words = entry_words(made[-1], reminders.now(), reminders.offset)
    return f"Set, number {made[-1].id}: {words}{'' if saved else NOT_KEPT}."
