"""What the kernel knows of a TCP connection. Linux only; any thread."""

from __future__ import annotations

import fcntl
import socket
import struct
from typing import Protocol

from daemon.session.liveness import Evidence

SIOCOUTQ = 0x5411
"""linux/sockios.h: bytes in the send queue that are not acknowledged (tcp(7))."""

TCP_INFO_BYTES = 256
BYTES_ACKED = struct.Struct("=Q")
BYTES_ACKED_OFFSET = 120
"""linux/tcp.h, struct tcp_info: 8 bytes, 24 words, two rates, then tcpi_bytes_acked (since Linux 4.1)."""

USER_TIMEOUT_MS = 15_000
"""RFC 5482: a connection on which nothing is acknowledged for so long is ended by the kernel. The gentle rule
for idle times, when a ping every 20 s is all that is sent."""


class Socket(Protocol):
    """The part of a socket that is needed; asyncio's `TransportSocket` has it."""

    def fileno(self) -> int:
        """The descriptor."""
        ...

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        """As `socket.getsockopt`."""
        ...

    def setsockopt(self, level: int, option: int, value: int) -> None:
        """As `socket.setsockopt`."""
        ...


def evidence_of(connection: Socket, buffered_bytes: int) -> Evidence | None:
    """What was delivered; `buffered_bytes` wait above the kernel. None where the kernel does not say."""
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
        queued = struct.unpack("i", fcntl.ioctl(connection.fileno(), SIOCOUTQ, bytes(4)))[0]
    except OSError:
        return None
    if len(info) < BYTES_ACKED_OFFSET + BYTES_ACKED.size:
        return None
    acknowledged = BYTES_ACKED.unpack_from(info, BYTES_ACKED_OFFSET)[0]
    return Evidence(queued + buffered_bytes, acknowledged)


def limit_silence(connection: Socket) -> None:
    """Let the kernel end the connection when nothing is acknowledged for USER_TIMEOUT_MS."""
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    except OSError:
        return  # an old kernel: the rule of `liveness.py` still holds while a turn is under way
