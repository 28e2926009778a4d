"""What a connection may take of time and place before anybody knows who it is, and what was refused. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLimits:
    """One listener's share. uvicorn has none of these deadlines (Kludex/uvicorn, issue 157)."""

    connections: int = 64
    """At once; policy for one more: it is closed at once, and counted."""
    per_address: int = 16
    """Of these from one address: two browsers have 6 each, and a talk or two; same policy."""
    head_s: float = 10.0
    """From the connection, or the answer before, to the end of the headers, TLS included."""
    body_s: float = 120.0
    """For the body of a request, however little of it an endpoint reads."""
    stalled_s: float = 10.0
    """A client that takes nothing of what is sent is cut off after this."""
    head_bytes: int = 16 * 1024
    """Request line and headers (h11's limit for what is not complete)."""
    message_bytes: int = 256 * 1024 + 4
    """Longest WebSocket message; the page's pictures have 256 KB and a head of 4 bytes."""
    ping_s: float = 60.0
    """A WebSocket is pinged this often, and closed without an answer in `pong_s`."""
    pong_s: float = 20.0
    end_s: float = 2.0
    """At the end what is being answered may be finished."""


@dataclass(slots=True)
class DoorCounts:
    """What was turned away or cut off since the start."""

    connections_accepted: int = 0
    connections_opened: int = 0
    """With TLS fewer than were accepted: some do not shake hands within the time for a head."""
    connections_refused: int = 0
    """There were too many."""
    address_refused: int = 0
    """There were too many from one address."""
    heads_late: int = 0
    bodies_late: int = 0
    clients_stalled: int = 0

    def as_counters(self) -> dict[str, int]:
        """By name."""
        return asdict(self)


class Places:
    """How many connections there are, and from where. Event loop only."""

    def __init__(self, limits: DoorLimits, counts: DoorCounts) -> None:
        self._limits = limits
        self._counts = counts
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """Connections that there are."""
        return self._taken.total()

    def take(self, address: str) -> bool:
        """Whether a connection from there may come in; if so, it is counted until `leave`."""
        if self._taken[address] >= self._limits.per_address:
            self._counts.address_refused += 1
            return False
        if self.taken >= self._limits.connections:
            self._counts.connections_refused += 1
            return False
        self._taken[address] += 1
        return True

    def leave(self, address: str) -> None:
        """One of them has ended."""
        self._taken[address] -= 1
        if not self._taken[address]:
            del self._taken[address]
