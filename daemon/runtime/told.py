"""What ends a process that serves: a signal. Event loop only."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def until_told() -> Iterator[asyncio.Event]:
    """Is set by SIGTERM or SIGINT; a second one of the kind ends the process at once."""
    loop = asyncio.get_running_loop()
    end = asyncio.Event()

    def tell(number: signal.Signals) -> None:
        end.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, tell, number)
    try:
        yield end
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
