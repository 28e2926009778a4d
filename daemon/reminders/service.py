"""Keeps the book: sleeps until something is due, rings, saves each change. Event loop only.

Python 3.11 cannot be told when the wall clock is set (timerfd with TFD_TIMER_CANCEL_ON_SET needs 3.13), and
the loop's own clock stands still while the machine sleeps: so while something waits, the clocks are looked
at every MAX_NAP_S at least. While nothing waits, nothing is done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from daemon.config.settings import ReminderSettings
from daemon.events import RemindersChanged
from daemon.reminders import book as b
from daemon.reminders.advance import advance, next_due_s
from daemon.reminders.bell import BellSound
from daemon.reminders.book import Book, Past, Ringing, Rules
from daemon.reminders.clocks import Clocks
from daemon.reminders.data import book_data
from daemon.reminders.local_time import Moment, OffsetAt
from daemon.reminders.phrases import listing, past_words, title, waiting_lines
from daemon.reminders.record import FILE, LIMIT_BYTES, book_from, content_of
from daemon.runtime.local_clock import LOCAL, LocalOffset
from daemon.runtime.store import Store

log = logging.getLogger(__name__)

MAX_NAP_S = 30.0
"""How late an alarm may be when the clock is set forward over it."""

STEP_S = 1.0
"""A wall clock that has moved by more than this against the steady one was set; slewing moves 0.5 ms/s at
most (adjtimex(2)), 15 ms in a nap."""

Change = Callable[[Book, Moment], Book]


class Reminders:
    """The running book. Changes take effect at once, and are on the disk when their call returns."""

    def __init__(
        self,
        settings: ReminderSettings | None = None,
        store: Store | None = None,
        *,
        clocks: Callable[[], Moment] | None = None,
        offset: LocalOffset | OffsetAt | None = None,
        ring: Callable[[BellSound | None], None] = lambda bell: None,
        tell: Callable[..., None] = lambda event, **fields: None,
        post: Callable[[RemindersChanged], None] = lambda changed: None,
    ) -> None:
        """Load what was saved. Without a store nothing outlives the process.

        `ring` sounds a bell until the next call (None: no bell); `tell` is `Feed.tell`. By default there is
        nobody.
        """
        self._settings = settings or ReminderSettings()
        self._rules = Rules(self._settings.ring_s, self._settings.missed_grace_s)
        self._store = store
        self._clocks = clocks or Clocks()
        self._offset = offset or LOCAL
        self._ring = ring
        self._tell = tell
        self._post = post
        self._changed = asyncio.Event()
        self._saving = asyncio.Lock()
        self.book = self._load()
        self._saved: tuple[Book, float] = (Book(), 0.0)

    # --- what others ask

    @property
    def ringing(self) -> bool:
        """Whether something rings now."""
        return bool(self.book.ringing)

    @property
    def untold(self) -> bool:
        """Whether something was missed that nobody has been told of."""
        return self.book.untold

    @property
    def speaks(self) -> bool:
        """Whether the model is to say what a reminder reminds of."""
        return self._settings.speak

    @property
    def keeps(self) -> bool:
        """Whether a change outlives the process."""
        return self._store is not None

    @property
    def save_failures(self) -> int:
        """Writes that failed."""
        return self._store.failures if self._store else 0

    def now(self) -> Moment:
        """This moment, by the clocks that the book goes by; `offset` is right from then on."""
        if isinstance(self._offset, LocalOffset):
            self._offset.refresh()
        return self._clocks()

    @property
    def offset(self) -> OffsetAt:
        """Local time, as the book has it."""
        return self._offset

    def silence(self) -> tuple[Ringing, ...]:
        """Nothing rings any more; returns what rang. It is saved soon after."""
        rang = self.book.ringing
        if rang:
            self._take(b.silence(self.book, self.now()))
            self._changed.set()
        return rang

    async def change(self, change: Change) -> bool:
        """Change the book; returns whether that will outlive a power cut. Raises what `change` raises."""
        self._take(change(self.book, self.now()))
        self._changed.set()
        return await self._save()

    def lines(self) -> list[str]:
        """The whole book in words, a line each."""
        return list(listing(self.book, self.now(), self._offset))

    def data(self) -> dict[str, Any]:
        """The whole book for programs."""
        return book_data(self.book, self.now(), self._offset)

    def report(self) -> dict[str, Any]:
        """For `conure status`."""
        now = self.now()
        waiting = waiting_lines(self.book, now, self._offset)
        untold = [past_words(past, now, self._offset) for past in self.book.past if not past.told]
        return {
            "waiting": len(self.book.entries),
            "rings": [title(one) for one in self.book.ringing] or None,
            "next": next(iter(waiting), None),
            "missed": untold or None,
        }

    # --- the task

    async def run(self) -> None:
        """Let things come due for ever. Ends only by cancellation or by a bug; saves then once more."""
        try:
            while True:
                self._changed.clear()
                self._let_time_pass()
                saved = await self._save()
                await self._nap(saved=saved)
        finally:
            await self._save()

    def _let_time_pass(self) -> None:
        self._take(advance(self.book, self.now(), self._offset, self._rules))

    async def _nap(self, *, saved: bool) -> None:
        """Until something is due, the book has changed, the clocks are to be looked at, or saving is."""
        wait_s = next_due_s(self.book, self.now(), self._offset, self._rules)
        if wait_s is None:
            unsaved = self.keeps and not saved  # else what was cancelled is back after the next start
            wait_s = MAX_NAP_S if unsaved or self._needs_clock() else None
        try:
            async with asyncio.timeout(None if wait_s is None else min(wait_s, MAX_NAP_S)):
                await self._changed.wait()
        except TimeoutError:
            return

    def _needs_clock(self) -> bool:
        """Whether setting the clock could bring something."""
        return bool(self.book.entries) or any(past.entry for past in self.book.past)

    # --- what follows from a change

    def _take(self, book: Book) -> None:
        was, self.book = self.book, book
        begun = [one for one in book.ringing if one not in was.ringing]
        for one in begun:
            self._note(one, "rings")
        for past in book.past:
            if past not in was.past and not past.told:
                self._note(past, past.fate.value)
        if begun and not was.ringing:
            self._ring(BellSound(begun[0].kind, self._settings.volume))
        elif was.ringing and not book.ringing:
            self._ring(None)
        if (bool(was.ringing), was.untold) != (bool(book.ringing), book.untold):
            self._post(RemindersChanged())

    def _note(self, one: Ringing | Past, what: str) -> None:
        """The name is what somebody said, and is no business of the log's."""
        log.info("%s %d: %s", one.kind.value, one.id, what)
        self._tell("reminder", kind=one.kind.value, id=one.id, what=what)

    # --- the file

    def _load(self) -> Book:
        if self._store is None:
            return Book()
        parse = partial(book_from, now=self.now())
        return self._store.load(FILE, parse, LIMIT_BYTES) or Book()

    async def _save(self) -> bool:
        """Write what has changed; one write at a time, always of the newest. Returns whether all is saved."""
        if self._store is None:
            return False
        async with self._saving:
            book, now = self.book, self.now()
            same_clock = abs(now.lead_s - self._saved[1]) < STEP_S
            if book == self._saved[0] and (same_clock or not book.entries):
                return True
            done = await self._store.keep_aside(FILE, content_of(book, now))
            if done:
                self._saved = book, now.lead_s
            return done
