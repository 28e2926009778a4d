"""The event loop of every command that talks to the service.

It connects as RFC 8305 ("Happy Eyeballs") says: a name's addresses are tried in turn a quarter of a second
apart, of both families, and whichever answers first is taken. A family that leads nowhere then costs that
quarter. The loop of asyncio can do so, and does it only where each call asks for it, which the libraries that
call it here do not.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any, TypeVar

from daemon.runtime.names import Names

T = TypeVar("T")

ATTEMPT_DELAY_S = 0.25
"""Connection Attempt Delay (RFC 8305, section 5)."""


class RacingLoop(asyncio.SelectorEventLoop):
    """asyncio's own, which races a name's addresses and bounds its look-up."""

    def __init__(self, names: Names | None = None) -> None:
        super().__init__()
        self._names = names or Names()

    async def getaddrinfo(self, host: Any, port: Any, **how: Any) -> Any:
        """As asyncio's, within a limit where a stream to a name is wanted."""
        if not isinstance(host, str) or how.get("family", 0) or how.get("type") != socket.SOCK_STREAM:
            return await super().getaddrinfo(host, port, **how)
        return await self._names.look_up(
            host, port, kind=how["type"], protocol=how.get("proto", 0), flags=how.get("flags", 0)
        )

    async def create_connection(
        self, protocol_factory: Any, host: Any = None, port: Any = None, **how: Any
    ) -> Any:
        """As asyncio's, racing the addresses of `host`."""
        if host is not None:
            how.setdefault("happy_eyeballs_delay", ATTEMPT_DELAY_S)
        return await super().create_connection(protocol_factory, host, port, **how)


def run(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, on this loop."""
    with asyncio.Runner(loop_factory=RacingLoop) as runner:
        return runner.run(main)
