"""How long connections and sessions live where the plan says so. Event loop only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from daemon.standin import messages
from daemon.standin.actions import DEADLINE
from daemon.standin.talk.line import Line

TICK_S = 0.25
"""How often the server's clock is looked at, which need not be the event loop's."""


async def end_in_time(line: Line) -> None:
    """Announce the end of the connection by `goAway`, and close it then; return where there is none."""
    ends = dict(_ends(line))
    if not ends:
        return
    end_s = min(ends.values())
    await _sleep_until(line, end_s - line.world.service.go_away_s)
    await line.say("go_away", messages.go_away(round(max(0.0, end_s - line.now_s()), 1)))
    await _sleep_until(line, end_s)
    line.session.over = ends.get("session") == end_s
    await line.wire.close(DEADLINE.code, DEADLINE.reason)


def _ends(line: Line) -> Iterator[tuple[str, float]]:
    service = line.world.service
    if service.connection_s:
        yield "connection", line.now_s() + service.connection_s
    if service.session_s and line.setup.compression is None:
        yield "session", line.session.opened_s + service.session_s


async def _sleep_until(line: Line, at_s: float) -> None:
    while (left_s := at_s - line.now_s()) > 0:  # noqa: ASYNC110 - a clock has no event to wait for
        await asyncio.sleep(min(left_s, TICK_S))
