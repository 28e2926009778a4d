"""Device threads under supervision: one that dies, or will not end, is known at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

JOIN_TIMEOUT_S = 2.0
"""A thread that has been told to stop leaves its device call within a second (the contracts of `hw.base`)."""


class ZombieThread(RuntimeError):
    """A thread that was told to stop did not."""


class DeviceThread:
    """Runs `body(stop)` on a thread of its own, as a task that fails when the body fails."""

    def __init__(
        self,
        name: str,
        body: Callable[[threading.Event], None],
        on_stop: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_stop` is called when the thread was told to stop: it wakes a body that waits for work."""
        self._name = name
        self._body = body
        self._on_stop = on_stop
        self._stop = threading.Event()

    async def run(self) -> None:
        """Start the thread and wait for its end.

        Cancelling tells it to stop and waits for it, with a limit. Raises what the body raised;
        RuntimeError if the body ends without being told to; ZombieThread if it cannot be stopped.
        """
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[BaseException | None] = loop.create_future()
        # daemon=True: a thread that hangs in a driver must not keep a dead process looking alive.
        thread = threading.Thread(target=self._main, args=(loop, ended), name=self._name, daemon=True)
        thread.start()
        try:
            error = await asyncio.shield(ended)
        except asyncio.CancelledError:
            await self._end(thread, ended)
            raise
        raise error or RuntimeError(f"the {self._name} thread ended by itself")

    def _main(self, loop: asyncio.AbstractEventLoop, ended: asyncio.Future[BaseException | None]) -> None:
        error: BaseException | None = None
        try:
            self._body(self._stop)
        except BaseException as caught:  # noqa: BLE001 - handed to the event loop, which decides
            error = caught
        try:
            loop.call_soon_threadsafe(_settle, ended, error)
        except RuntimeError:
            return  # the loop is closed: the process is ending

    async def _end(self, thread: threading.Thread, ended: asyncio.Future[BaseException | None]) -> None:
        self._stop.set()
        self._on_stop()
        done, _ = await asyncio.wait({ended}, timeout=JOIN_TIMEOUT_S)
        if not done:
            raise ZombieThread(f"the {self._name} thread did not stop within {JOIN_TIMEOUT_S} s")
        thread.join()  # it has only its own last line left


def _settle(ended: asyncio.Future[BaseException | None], error: BaseException | None) -> None:
    """The error travels as a result, for a future refuses some exceptions (StopIteration)."""
    if not ended.done():
        ended.set_result(error)
