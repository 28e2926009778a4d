"""Threads for tools that are ordinary functions: one for each call, few at once. Event loop only.

A thread cannot be ended from outside. One whose call was given up keeps its place until it returns by itself;
when all places are taken so, further calls are refused (policy: refuse the newest) and counted.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

MAX_THREADS = 8
"""A hung thread costs some 100 KB and one of these."""


class NoThreadFree(RuntimeError):
    """All places are taken by calls that have not returned."""


class Workers:
    """Runs functions aside. `refused` counts calls for which there was no thread."""

    def __init__(self, limit: int = MAX_THREADS) -> None:
        self._limit = limit
        self.running = 0
        self.refused = 0

    async def run(self, work: Callable[[], Any]) -> Any:
        """What `work` returns or raises. Raises NoThreadFree. Cancelling gives the thread up."""
        if self.running >= self._limit:
            self.refused += 1
            raise NoThreadFree
        loop = asyncio.get_running_loop()
        done: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()
        # daemon=True: a tool that hangs must not keep a process alive that has been told to end.
        threading.Thread(target=self._main, args=(loop, done, work), name="tool", daemon=True).start()
        self.running += 1  # only now: the system may have refused the thread (RuntimeError)
        result, error = await done
        if error is not None:
            raise error
        return result

    def _main(
        self, loop: asyncio.AbstractEventLoop, done: asyncio.Future[Any], work: Callable[[], Any]
    ) -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as caught:  # noqa: BLE001 - a tool's SystemExit is an error of the tool
            error = (
                caught
                if isinstance(caught, Exception)
                else RuntimeError(f"{type(caught).__name__}: {caught}")
            )
        try:
            loop.call_soon_threadsafe(self._settle, done, result, error)
        except RuntimeError:
            return  # the loop is closed: the process is ending

    def _settle(self, done: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
        """The error travels as a result, for a future refuses some exceptions (StopIteration)."""
        self.running -= 1
        if not done.done():
            done.set_result((result, error))
