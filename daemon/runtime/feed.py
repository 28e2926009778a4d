"""What happens, told to whoever watches: `conure status --watch`, the live view, the timeline."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

MAX_WAITING = 256
"""Notes that a slow watcher may be behind; then its oldest are dropped and counted."""

Note = dict[str, object]


class _Watcher:
    def __init__(self) -> None:
        self.notes: deque[Note] = deque(maxlen=MAX_WAITING)
        self.filled = asyncio.Event()


class Feed:
    """Broadcasts notes. Event loop only; policy for a slow watcher: drop its oldest."""

    def __init__(self) -> None:
        self._watchers: set[_Watcher] = set()
        self.dropped = 0

    def tell(self, event: str, **fields: object) -> None:
        """Give a note to each watcher."""
        note: Note = {"event": event, **fields}
        for watcher in self._watchers:
            self.dropped += len(watcher.notes) == MAX_WAITING
            watcher.notes.append(note)
            watcher.filled.set()

    def counters(self) -> dict[str, int]:
        """What slow watchers have missed."""
        return {"watch_notes_dropped": self.dropped}

    async def watch(self) -> AsyncIterator[Note]:
        """Every note from now on, for ever."""
        watcher = _Watcher()
        self._watchers.add(watcher)
        try:
            while True:
                while watcher.notes:
                    yield watcher.notes.popleft()
                watcher.filled.clear()
                await watcher.filled.wait()
        finally:
            self._watchers.discard(watcher)
