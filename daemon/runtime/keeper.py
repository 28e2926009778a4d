"""When what outlives the process is written: once it has changed, at most once a minute.

The event loop asks for the contents; the disk is written on a thread, for a card may take a second over it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from daemon.runtime.store import Store

Content = Mapping[str, Any]

SAVE_EVERY_S = 60.0
"""A power cut costs this much of the accounts. What has not changed is not written: cards wear out."""


class Keeper:
    """Writes files when their content has changed. Event loop only."""

    def __init__(
        self,
        store: Store | None,
        files: Mapping[str, Callable[[], Content | None]],
        *,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        """`files` names what gives each file's content, which is now as it was loaded; None: no file.

        Without a store nothing is kept. `sleep` takes seconds.
        """
        self._store = store
        self._files = files
        self._sleep = sleep
        self._kept = {name: content() for name, content in files.items()}

    @property
    def failures(self) -> int:
        """Writes that failed."""
        return self._store.failures if self._store else 0

    async def run(self) -> None:
        """Save what has changed, at most once a minute, and once more when cancelled."""
        try:
            while True:
                await self._sleep(SAVE_EVERY_S)
                await self._save_changes()
        finally:
            await self._save_changes()

    async def _save_changes(self) -> None:
        if self._store is None:
            return
        for name, content_of in self._files.items():
            content = content_of()
            if content == self._kept[name]:
                continue
            if await self._store.keep_aside(name, content):
                self._kept[name] = content
