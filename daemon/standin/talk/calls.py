"""The tool calls of one connection: which wait for an answer, which may be answered. Pure."""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum

CANCELLED_LIMIT = 64
"""Cancelled calls that are remembered, so that a late answer is not taken for an unknown one."""

OPEN_LIMIT = 256
"""Calls that no reply waits for; the oldest can no longer be answered beyond this."""

LATE_ANSWER_S = 0.5
"""An answer to a cancelled call may have been on its way; later than this it was not."""


class CallAnswered(Enum):
    """What an answer is taken for."""

    AWAITED = "a reply waited for it"
    UNAWAITED = "no reply waited for it"
    LATE = "its call was cancelled just now"
    UNKNOWN = "nobody asked"


class PendingCalls:
    """What was asked for and is not yet answered. Event loop only."""

    def __init__(self) -> None:
        self.pending: set[str] = set()
        """A reply waits for these."""
        self._open: deque[str] = deque(maxlen=OPEN_LIMIT)
        self._cancelled: deque[tuple[str, float]] = deque(maxlen=CANCELLED_LIMIT)
        self._nothing_pending = asyncio.Event()
        self._nothing_pending.set()

    def ask(self, call_id: str, *, waits: bool) -> None:
        """A call is made; `waits`: its reply goes on after the answer only."""
        if waits:
            self.pending.add(call_id)
            self._nothing_pending.clear()
        else:
            self._open.append(call_id)

    def answer(self, call_id: str, now_s: float, *, more_follows: bool) -> CallAnswered:
        """An answer came; with `more_follows` its call stays open."""
        if call_id in self._open:
            if not more_follows:
                self._open.remove(call_id)
            return CallAnswered.UNAWAITED
        if call_id in self.pending:
            if not more_follows:
                self._settle({call_id})
            return CallAnswered.AWAITED
        late = any(call_id == one and now_s - at_s <= LATE_ANSWER_S for one, at_s in self._cancelled)
        return CallAnswered.LATE if late else CallAnswered.UNKNOWN

    def cancel(self, now_s: float) -> list[str]:
        """Nothing is waited for any more; the calls that this concerns."""
        cancelled = sorted(self.pending)
        self._cancelled.extend((call_id, now_s) for call_id in cancelled)
        self._settle(set(cancelled))
        return cancelled

    async def wait_answered(self) -> None:
        """Return when nothing is pending."""
        await self._nothing_pending.wait()

    def _settle(self, call_ids: set[str]) -> None:
        self.pending -= call_ids
        if not self.pending:
            self._nothing_pending.set()
