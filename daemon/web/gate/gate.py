"""The gate: asks the rules, the limits and the files, and tells when a pass has ended. Event loop only."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from starlette.requests import HTTPConnection

from daemon.errors import ConureError
from daemon.web.entry import Entry, Listener, Visitor
from daemon.web.gate.devices import Devices
from daemon.web.gate.limits import AddressLimits
from daemon.web.gate.refusals import RefusalCounts, RefusalName, WebRefused
from daemon.web.gate.rules import Arrival, HouseRules, judge
from daemon.web.gate.tokens import GatewayTokens

log = logging.getLogger(__name__)

COOKIE = "__Host-conure"
"""The prefix has the browser hold it to this one host, by HTTPS, for all paths (RFC 6265bis, 4.1.3.2)."""

FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""What proxies add (RFC 7239, RFC 9110 section 7.6.3, and habit)."""

LOOK_S = 0.5
"""How often is looked whether a pass has ended: a revoked device loses its streams within a second."""

_SCHEMES = {"https": "https", "wss": "https", "http": "http", "ws": "http"}


class Gate:
    """Decides about each request. It asks the limits first, so that guessing is slow as well."""

    def __init__(
        self,
        rules: HouseRules,
        devices: Devices,
        tokens: GatewayTokens,
        counts: RefusalCounts,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts = counts
        self.limits = AddressLimits()
        self._rules = rules
        self._devices = devices
        self._tokens = tokens
        self._clock = clock
        self._streams: dict[asyncio.Future[None], Visitor] = {}

    def admit(self, connection: HTTPConnection, entry: Entry, listener: Listener) -> Visitor:
        """Who comes in. Raises WebRefused, which is counted."""
        try:
            return self._admit(connection, entry, listener)
        except WebRefused as refused:
            self.counts.count(refused.refusal.name)
            raise

    def _admit(self, connection: HTTPConnection, entry: Entry, listener: Listener) -> Visitor:
        arrival = arrival_of(connection, listener)
        wait_s = self.limits.take(arrival.address, self._clock())
        if wait_s > 0:
            raise WebRefused(RefusalName.TOO_FAST, retry_after_s=wait_s)
        found = judge(arrival, entry, self._rules, self)
        if isinstance(found, RefusalName):
            raise WebRefused(found)
        return found

    # --- what the rules ask

    def by_cookie(self, secret: str) -> Visitor | None:
        """As `Passes` says."""
        device = self._devices.by_cookie(secret)
        return device.as_visitor() if device else None

    def by_token(self, secret: str) -> Visitor | None:
        """As `Passes` says."""
        token = self._tokens.by_token(secret)
        return token.as_visitor() if token else None

    # --- streams

    async def lost(self, visitor: Visitor) -> None:
        """Return when this visitor's pass has ended; one without a pass has none to lose."""
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._streams[ended] = visitor
        try:
            await ended
        finally:
            del self._streams[ended]

    def knows(self, visitor: Visitor) -> bool:
        """Whether the visitor's pass is good now."""
        kind, _, name = visitor.key.partition(":")
        if kind == "device":
            return self._devices.has(name)
        return self._tokens.has(name) if kind == "token" else True

    async def run(self) -> None:
        """Look for passes that have ended, for ever. Ends only by cancellation or by a bug."""
        while True:
            await asyncio.sleep(LOOK_S)
            self._end_streams()
            await self._save_seen()

    def _end_streams(self) -> None:
        for ended, visitor in self._streams.items():
            if not ended.done() and not self.knows(visitor):
                log.info("the pass of %s has ended, and with it what it had open", visitor.key)
                ended.set_result(None)

    async def _save_seen(self) -> None:
        if self._devices.has_unsaved:
            try:
                await asyncio.to_thread(self._devices.save_seen)
            except ConureError as error:
                log.warning("when devices were seen last is not kept: %s", error)


def arrival_of(connection: HTTPConnection, listener: Listener) -> Arrival:
    """What the rules look at."""
    headers = connection.headers
    return Arrival(
        listener=listener,
        scheme=_SCHEMES.get(connection.scope["scheme"], "http"),
        method=connection.scope.get("method", ""),
        address=connection.client.host if connection.client else "",
        head_bytes=sum(len(name) + len(value) for name, value in headers.raw),
        ambiguous="content-length" in headers and "transfer-encoding" in headers,
        forwarded=any(name in headers for name in FORWARDED),
        host=headers.get("host"),
        origin=headers.get("origin"),
        fetch_site=headers.get("sec-fetch-site"),
        fetch_mode=headers.get("sec-fetch-mode"),
        cookie=connection.cookies.get(COOKIE),
        bearer=_bearer(headers.get("authorization")),
        query_token=connection.query_params.get("token"),
    )


def _bearer(authorization: str | None) -> str | None:
    """The token of the header; other forms are for a proxy in front of us."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
