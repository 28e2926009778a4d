"""What is left at the end, and what hangs before it."""

from __future__ import annotations

import asyncio
import threading

from daemon.runtime import ending

HUNG_LOOKUPS = 12
"""A minute of them, one every five seconds."""


async def test_while_lookups_hang_there_is_a_thread_for_what_must_be_saved() -> None:
    released = threading.Event()
    executor = ending.use_own_executor()
    try:
        hung = [asyncio.get_running_loop().run_in_executor(None, released.wait) for _ in range(HUNG_LOOKUPS)]
        async with asyncio.timeout(5):
            assert await asyncio.to_thread(lambda: "saved") == "saved"
        assert not any(lookup.done() for lookup in hung)
    finally:
        released.set()
        executor.shutdown()
