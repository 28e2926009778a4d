"""A port that never answers: as an address whose path is dead, on loopback."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

QUEUE = 8
"""More greetings than the kernel keeps for a listener with a queue of none."""


@contextlib.contextmanager
def dead_port(host: str = "::1", port: int = 0) -> Iterator[int]:
    """Inside, whoever connects to the port hears nothing, for its listener's queue is full (tcp(7))."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(QUEUE):
            filler = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname()[:2])
        yield listener.getsockname()[1]
