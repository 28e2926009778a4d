"""`GET /api/doctor`: what the doctor finds, run as a program of its own: one at a time, and with a pause."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from daemon.errors import ConureError
from daemon.outside import json_of
from daemon.web.api.answers import as_json
from daemon.web.entry import Entry, Right
from daemon.web.gate.refusals import RefusalName, WebRefused

PAUSE_S = 30.0
"""Between the end of one examination and the next: it takes most of a small board's processor."""
LIMIT_S = 90.0
"""An examination that takes longer is ended: it waits at most for a service, a card and a clock."""
ANSWER_BYTES = 256 * 1024

COMMAND = (sys.executable, "-m", "daemon", "doctor", "--json", "--no-sound")

Examine = Callable[[], Awaitable[Any]]
"""Gives the findings, as `conure doctor --json` prints them. Raises ConureError."""


async def examine(config: Path | None = None) -> Any:
    """Run `conure doctor`. It sees what this process may see, and asks the speaker for the rest."""
    named = () if config is None else ("--config", str(config))
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *named,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            output, _ = await process.communicate()
        return json_of(output[:ANSWER_BYTES])
    except TimeoutError as error:
        raise ConureError(f"the doctor took longer than {LIMIT_S:g} s") from error
    except ValueError as error:
        raise ConureError("the doctor ended without an answer") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


class DoctorPage:
    """The endpoint."""

    def __init__(self, examine: Examine = examine, clock: Callable[[], float] = time.monotonic) -> None:
        self._examine = examine
        self._clock = clock
        self._busy = False
        self._next_s = clock()

    async def findings(self, _request: Request) -> Response:
        """What it finds. Raises WebRefused while it is at work, or has just been."""
        wait_s = LIMIT_S if self._busy else self._next_s - self._clock()
        if wait_s > 0:
            raise WebRefused(RefusalName.DOCTOR_BUSY, retry_after_s=PAUSE_S if self._busy else wait_s)
        self._busy = True
        try:
            return as_json(await self._examine())
        finally:
            self._busy, self._next_s = False, self._clock() + PAUSE_S


def entries(page: DoctorPage) -> list[Entry]:
    """The one examination."""
    return [Entry(path="/api/doctor", endpoint=page.findings, needs=Right.PAGE)]
