"""When the gateway ends by itself, to give back the memory that talks took: their libraries stay loaded.

Only where systemd holds all of its sockets, and starts it for the next who comes. Event loop only.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)

QUIET_S = 600.0
"""After so long without a talk and without a page."""
LOOK_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bustle:
    """What goes on."""

    talks_begun: int
    talks_open: int
    pages_open: int

    @property
    def may_rest(self) -> bool:
        """Whether there is memory to give back, and nobody who would miss it."""
        return self.talks_begun > 0 and not self.talks_open and not self.pages_open


class QuietTime:
    """For how long nothing has gone on. Pure, the time given."""

    def __init__(self) -> None:
        self._since_s: float | None = None

    def is_over(self, bustle: Bustle, now_s: float) -> bool:
        """Whether it has been quiet for long enough."""
        if not bustle.may_rest:
            self._since_s = None
            return False
        if self._since_s is None:
            self._since_s = now_s
        return now_s - self._since_s >= QUIET_S


async def rest_when_quiet(
    look: Callable[[], Bustle],
    end: asyncio.Event,
    *,
    clock: Callable[[], float] = time.monotonic,
    look_s: float = LOOK_S,
) -> None:
    """Set `end` when it has been quiet for long enough."""
    quiet = QuietTime()
    while not quiet.is_over(look(), clock()):  # noqa: ASYNC110 - time itself is what is waited for
        await asyncio.sleep(look_s)
    log.info("no talk and no page for %g minutes: ending, to be started by the next who comes", QUIET_S / 60)
    end.set()
