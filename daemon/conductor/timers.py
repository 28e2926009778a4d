"""The dialogue's timers: each runs at most once at a time; one that was stopped never fires. Event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

from daemon.events import Timer, TimerDue


class Timers:
    """Posts a `TimerDue` for each timer that runs out."""

    def __init__(self, post: Callable[[TimerDue], None]) -> None:
        self._post = post
        self._serials = count()
        self._running: dict[Timer, tuple[int, asyncio.TimerHandle]] = {}

    def start(self, timer: Timer, after_s: float) -> None:
        """Arm it, in place of itself if it runs."""
        self.stop(timer)
        due = TimerDue(timer, next(self._serials))
        handle = asyncio.get_running_loop().call_later(after_s, self._post, due)
        self._running[timer] = due.serial, handle

    def stop(self, timer: Timer) -> None:
        """Disarm it; harmless if it does not run."""
        if running := self._running.pop(timer, None):
            running[1].cancel()

    def runs(self, timer: Timer) -> bool:
        """Whether it is armed."""
        return timer in self._running

    def take(self, due: TimerDue) -> bool:
        """Whether what has run out still counts; then it does not run any more."""
        serial, _ = self._running.get(due.timer, (None, None))
        if serial != due.serial:
            return False
        del self._running[due.timer]
        return True
