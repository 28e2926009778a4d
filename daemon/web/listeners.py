"""Which sockets the gateway has, and what is served at each."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from daemon.config.web import WebSettings
from daemon.config.web_checks import parse_place
from daemon.errors import ConfigError
from daemon.web.app import Gatekeeper, build
from daemon.web.door.limits import DoorCounts, DoorLimits, Places
from daemon.web.door.server import make_server, serve
from daemon.web.door.sockets import CountingListener, bind
from daemon.web.entry import Entry, Listener

log = logging.getLogger(__name__)

DEFAULT_PLACE = "0.0.0.0:8443"
BEHIND_PROXY_PLACE = "127.0.0.1:8443"
LOOPBACK_HOSTS = ("127.0.0.1", "::1")
"""`localhost` is both, and browsers try the second first."""

Descriptors = Mapping[str, list[int]]
"""The sockets of systemd by their names: `https`, `plain`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenListener:
    """The sockets of one listener, and the limits that they share."""

    kind: Listener
    sockets: list[CountingListener]
    limits: DoorLimits
    counts: DoorCounts
    handed_over: bool
    """Whether systemd holds all of the sockets too, and starts us anew for the next who comes."""

    @property
    def port(self) -> int:
        """Of the first."""
        return int(self.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Close them; without effect on those that a server has closed."""
        for one in self.sockets:
            one.close()


@dataclass(frozen=True, slots=True)
class Moments:
    """When all listeners listen, and when they are to end."""

    ready: asyncio.Event = field(default_factory=asyncio.Event)
    end: asyncio.Event = field(default_factory=asyncio.Event)


def limits_of(kind: Listener, web: WebSettings) -> DoorLimits:
    """What a connection may take there. Behind a proxy, and on loopback, all come from one address."""
    usual = DoorLimits()
    if kind is Listener.LOOPBACK:
        longest = max(usual.message_bytes, web.message_mib * 2**20)
        return replace(usual, per_address=usual.connections, message_bytes=longest)
    if web.behind_proxy:
        return replace(usual, per_address=usual.connections)
    return usual


@contextlib.contextmanager
def opened(web: WebSettings, handed: Descriptors) -> Iterator[list[OpenListener]]:
    """All listeners, closed at the end. Raises ConfigError, with all that cannot be had."""
    with contextlib.ExitStack() as stack:
        found: list[OpenListener] = []
        problems: list[str] = []
        for kind, places in _wanted(web, handed).items():
            try:
                found.append(_open(kind, web, places, handed.get(kind.value, [])))
                stack.callback(found[-1].close)
            except ConfigError as error:
                problems += error.problems
        if problems:
            raise ConfigError(problems)
        yield found


def _wanted(web: WebSettings, handed: Descriptors) -> dict[Listener, Iterable[str]]:
    """The places of our own, by listener; a listener that systemd opened needs none."""
    usual = BEHIND_PROXY_PLACE if web.behind_proxy else DEFAULT_PLACE
    pages = web.listen or (() if handed.get(Listener.HTTPS.value) else (usual,))
    wanted: dict[Listener, Iterable[str]] = {Listener.HTTPS: pages}
    if web.plain_listen or handed.get(Listener.PLAIN.value):
        wanted[Listener.PLAIN] = web.plain_listen
    if web.seeds_port:
        hosts = [f"[{host}]" if ":" in host else host for host in LOOPBACK_HOSTS]
        wanted[Listener.LOOPBACK] = [f"{host}:{web.seeds_port}" for host in hosts]
    return wanted


def _open(kind: Listener, web: WebSettings, places: Iterable[str], descriptors: list[int]) -> OpenListener:
    counts = DoorCounts()
    limits = limits_of(kind, web)
    taken = Places(limits, counts)
    with contextlib.ExitStack() as stack:
        handed = [stack.enter_context(CountingListener(one, taken)) for one in descriptors]
        own = [stack.enter_context(bind(*_place(text), taken)) for text in places]
        stack.pop_all()  # from here on they are the caller's
    return OpenListener(kind=kind, sockets=handed + own, limits=limits, counts=counts, handed_over=not own)


def _place(text: str) -> tuple[str, int]:
    place = parse_place(text)
    if place is None:
        raise ConfigError([f"--listen {text}: must be ADDRESS:PORT, such as 0.0.0.0:8443 or [::]:8443"])
    return place


def door_counters(found: Iterable[OpenListener]) -> dict[str, int]:
    """What each listener has counted, by its name."""
    return {f"{one.kind}_{name}": count for one in found for name, count in one.counts.as_counters().items()}


async def serve_all(
    found: Iterable[OpenListener],
    entries: list[Entry],
    gate: Gatekeeper,
    tls: ssl.SSLContext | None,
    moments: Moments,
) -> None:
    """Serve each listener until the end. `tls` None: a proxy in front has it."""
    async with asyncio.TaskGroup() as tasks:
        for one in found:
            page = one.kind is Listener.HTTPS
            server = make_server(
                build(entries, gate, one.kind, moments.end),
                limits=one.limits,
                counts=one.counts,
                tls=tls if page else None,
                behind_proxy=page and tls is None,
            )
            tasks.create_task(serve(server, one.sockets, moments.end), name=f"{one.kind} listener")
            await server.listening.wait()
            log.info(
                "listening: %s", ", ".join(f"{one.kind} {sock.getsockname()[:2]}" for sock in one.sockets)
            )
        moments.ready.set()
