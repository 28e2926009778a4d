"""What one address of the gateway is, and who asks: all that a part tells of itself. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

TALK_SUBPROTOCOL = "conure.talk.1"
"""What the speaker's own page speaks with a talk."""

JSON_BYTES = 64 * 1024
"""Longest body where nothing else is said: the control socket takes no longer request."""


class Right(StrEnum):
    """What a visitor may do. A paired device may all, a guest's device TALK, a token what it names."""

    PAGE = "page"
    TALK = "talk"
    TOKENS = "tokens"
    METRICS = "metrics"


class Listener(StrEnum):
    """Where a connection came in."""

    HTTPS = "https"
    """The page, for the whole network."""
    PLAIN = "plain"
    """Without TLS, for the whole network: it explains, and leads to HTTPS."""
    LOOPBACK = "loopback"
    """Without TLS, for this machine alone: programs that know no other way."""


Endpoint = Callable[..., Awaitable[Any]]
"""`async (Request) -> Response`, or `async (WebSocket) -> None` where `Entry.methods` is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One address. The gate is asked before its endpoint is called, which never checks access itself."""

    path: str
    """In Starlette's syntax: `/api/timers/{id}`."""
    endpoint: Endpoint
    methods: frozenset[str] = frozenset({"GET"})
    """In capitals; none: a WebSocket. HEAD comes with GET."""
    needs: Right | None = None
    """None: open to all who pass the checks of host and origin."""
    or_needs: Right | None = None
    """A right that will do as well."""
    listeners: frozenset[Listener] = frozenset({Listener.HTTPS})
    body_bytes: int = JSON_BYTES
    """Longest body; a longer one is refused with 413 where it begins to be too long."""
    body_s: float = 30.0
    """A body must be there after so long, else the connection ends."""
    subprotocols: tuple[str, ...] = ()
    """WebSocket subprotocols that the endpoint speaks; documentation, the endpoint accepts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asks. Endpoints find it as `request.state.visitor` and `websocket.state.visitor`."""

    name: str
    """For people: "Firefox on Android", a token's name, "loopback"."""
    key: str
    """For limits, the same as long as the visitor is: "device:ab12", "token:grafana", "loopback"."""
    rights: frozenset[Right]
