"""The stand-in as a program: listen until cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from daemon.standin.plan import Plan
from daemon.standin.server import StandIn
from daemon.standin.voices import Voice


async def run_standin(
    port: int,
    voice: Voice,
    plan: Plan,
    ca_file: Path | None,
    *,
    on_ready: Callable[[StandIn], None] = lambda _: None,
) -> None:
    """Serve on 127.0.0.1 until cancelled. Raises OSError where the port is taken or the file not writable.

    `ca_file` receives the certificate that clients must trust (SSL_CERT_FILE), new at each start, before
    `on_ready` is called. Port 0 takes a free one, which `on_ready` can read.
    """
    async with StandIn(voice, plan, port=port) as standin:
        if ca_file is not None:
            await asyncio.to_thread(ca_file.write_text, standin.ca_pem, encoding="ascii")
        on_ready(standin)
        await asyncio.Event().wait()
