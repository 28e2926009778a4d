"""`GET /api/name`: what the speaker is called on the network, and whether that name leads to it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import Response

from daemon.web.api.answers import as_json
from daemon.web.door.names import Address, addresses, domains_of
from daemon.web.entry import Entry, Right

ANSWER_S = 3.0
"""Multicast DNS answers within one (RFC 6762 §5.2); nobody answers for a name that nobody has."""

LookUp = Callable[[str], Awaitable[Sequence[str]]]
"""The addresses of a name. Raises OSError."""


async def look_up(name: str) -> Sequence[str]:
    """As the system does, by its own thread."""
    found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return [str(where[0]) for *_, where in found]


class NamePage:
    """The endpoint."""

    def __init__(
        self,
        name: str,
        look_up: LookUp = look_up,
        own: Callable[[], Sequence[Address]] = addresses,
        answer_s: float = ANSWER_S,
    ) -> None:
        """`name` is the host's, without a domain; `own` gives the machine's addresses."""
        self._name = domains_of(name)[0]
        self._look_up = look_up
        self._own = own
        self._answer_s = answer_s
        self._asking = asyncio.Lock()

    async def show(self, _request: Request) -> Response:
        """The name, where it leads, and the addresses that lead here for sure. One look-up at a time."""
        own = [address for address in self._own() if not address.is_loopback and not address.is_link_local]
        async with self._asking:
            leads = await self._leads()
        return as_json({"name": self._name, "leads": leads, "addresses": list(map(str, own))})

    async def _leads(self) -> str:
        try:
            async with asyncio.timeout(self._answer_s):
                found = await self._look_up(self._name)
        except (OSError, TimeoutError):
            return "nowhere"
        here = set(self._own())
        there = [ip_address(one.partition("%")[0]) for one in found]
        return "here" if any(one in here or one.is_loopback for one in there) else "elsewhere"


def entries(page: NamePage) -> list[Entry]:
    """The one address."""
    return [Entry(path="/api/name", endpoint=page.show, needs=Right.PAGE)]
