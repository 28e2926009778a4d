"""Listening sockets: those that systemd hands over, or own ones; each counts whom it lets in.

Connections are counted where they are accepted, before TLS: one that never shakes hands takes a place too.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Mapping, MutableMapping
from typing import Any

from daemon.errors import ConfigError
from daemon.web.door.limits import Places

FIRST_FD = 3
"""SD_LISTEN_FDS_START (sd_listen_fds(3))."""

MAX_FDS = 16
"""More than the units of ours hand over."""

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""`struct linger` (socket(7)): nothing is left to wait for."""


class CountedConnection(socket.socket):
    """A connection that gives its place back when it is closed."""

    def __init__(self, descriptor: int, places: Places, address: str) -> None:
        super().__init__(fileno=descriptor)
        self._place: tuple[Places, str] | None = (places, address)

    def close(self) -> None:
        """As `socket.close`."""
        if self._place is not None:
            places, address = self._place
            self._place = None
            places.leave(address)
        super().close()


class CountingListener(socket.socket):
    """A listening TCP socket that resets whomever there is no place for, before TLS begins.

    asyncio calls `accept` and treats ConnectionAbortedError as "nothing there".
    """

    def __init__(self, descriptor: int, places: Places) -> None:
        """Takes over a socket that is bound."""
        super().__init__(fileno=descriptor)
        self._places = places

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection that there is a place for. Raises ConnectionAbortedError for another."""
        client, address = super().accept()
        host = without_scope(str(address[0]))
        if self._places.take(host):
            return CountedConnection(client.detach(), self._places, host), address
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        client.close()
        raise ConnectionAbortedError(f"{host}: there is no place")


def without_scope(address: str) -> str:
    """An address without its interface, and an IPv4 address that came in by IPv6 as what it is."""
    return address.partition("%")[0].removeprefix("::ffff:")


def bind(host: str, port: int, places: Places) -> CountingListener:
    """A socket of our own; port 0 is a free one. Raises ConfigError that says why there is none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    own = socket.socket(family, socket.SOCK_STREAM)
    try:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # else it takes IPv4's port as well
        own.bind((host, port))
    except OSError as error:
        own.close()
        raise ConfigError([f"nothing can listen at {host} port {port}: {error.strerror or error}"]) from error
    return CountingListener(own.detach(), places)


def handed_over(environ: MutableMapping[str, str]) -> dict[str, list[int]]:
    """The sockets that systemd opened for this process, by their names (sd_listen_fds_with_names(3)).

    They are taken out of the environment: a program that we start has none of them.
    """
    names = _names(environ)
    for variable in ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"):
        environ.pop(variable, None)
    found: dict[str, list[int]] = {}
    for descriptor, name in enumerate(names, start=FIRST_FD):
        os.set_inheritable(descriptor, False)
        found.setdefault(name, []).append(descriptor)
    return found


def _names(environ: Mapping[str, str]) -> list[str]:
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(os.getpid()) or not count.isdigit():
        return []
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    return (names + ["unknown"] * int(count))[: min(int(count), MAX_FDS)]
