"""The stand-in as a program: listen until cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from daemon.standin.door.credentials import ApiKeys
from daemon.standin.journal import RecordFile, Watcher
from daemon.standin.plan import Plan
from daemon.standin.server import StandIn
from daemon.standin.voices import Voice


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What the program lets others know of it."""

    ca_file: Path | None = None
    """Receives the certificate that clients must trust, new at each start, before `on_ready` is called."""
    record_file: Path | None = None
    """Receives all that is said: see `journal.py`."""
    everything: bool = False
    """Tell of every step, not only of who is refused."""
    on_ready: Callable[[StandIn], None] = lambda _: None
    on_line: Callable[[str], None] = lambda _: None


async def run_standin(
    port: int, voice: Voice, plan: Plan, telling: Telling, *, keys: Iterable[str] = ()
) -> None:
    """Serve on 127.0.0.1 until cancelled. Raises OSError where the port is taken or a file not writable.

    Port 0 takes a free one, which `on_ready` can read. `keys`: the only ones that are good, if there are any.
    """
    async with AsyncExitStack() as stack:
        standin = await stack.enter_async_context(
            StandIn(voice, plan, port=port, keys=ApiKeys(only=frozenset(keys)))
        )
        standin.record.watchers.append(Watcher(telling.on_line, everything=telling.everything))
        if telling.ca_file is not None:
            await asyncio.to_thread(telling.ca_file.write_text, standin.ca_pem, encoding="ascii")
        if telling.record_file is not None:
            await stack.enter_async_context(RecordFile(telling.record_file, standin.record, telling.on_line))
        telling.on_ready(standin)
        await asyncio.Event().wait()
