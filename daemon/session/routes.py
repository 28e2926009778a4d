"""Tells when a default route appears: the Wi-Fi is back, try at once. Event loop only.

Watches the kernel's routing announcements (rtnetlink(7)), which cost nothing while nothing changes. Where
they cannot be had the back-off alone decides, which is never longer than its own limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Callable, Iterator

log = logging.getLogger(__name__)

# linux/rtnetlink.h
RTM_NEWROUTE = 24
RTMGRP_IPV4_ROUTE = 0x40
RTMGRP_IPV6_ROUTE = 0x400
NLMSG_HEADER = struct.Struct("=IHHII")
"""struct nlmsghdr: length with the header, type, flags, sequence, port."""
ROUTE_MESSAGE = struct.Struct("=BBBBBBBBI")
"""struct rtmsg: family, length of the destination prefix, …; the prefix of a default route is 0 long."""

BUFFER_BYTES = 65_536
"""One read takes whole datagrams; the kernel's are at most 32 KiB (NLMSG_GOODSIZE and its doublings)."""

LOST_PAUSE_S = 1.0
"""After a read that failed: one that fails at once, again and again, must not keep the loop."""


def announces_default_route(datagram: bytes) -> bool:
    """Whether a netlink datagram holds a new route with an empty prefix."""
    return any(
        kind == RTM_NEWROUTE and len(body) >= ROUTE_MESSAGE.size and ROUTE_MESSAGE.unpack_from(body)[1] == 0
        for kind, body in messages(datagram)
    )


def messages(datagram: bytes) -> Iterator[tuple[int, bytes]]:
    """The type and body of each message; ends at the first that makes no sense."""
    position = 0
    while position + NLMSG_HEADER.size <= len(datagram):
        length, kind, *_ = NLMSG_HEADER.unpack_from(datagram, position)
        if length < NLMSG_HEADER.size or position + length > len(datagram):
            return
        yield kind, datagram[position + NLMSG_HEADER.size : position + length]
        position += (length + 3) & ~3  # NLMSG_ALIGN


async def watch(on_route: Callable[[], None]) -> None:
    """Call `on_route` for each default route that appears, for ever."""
    try:
        listener = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
        )
        listener.setblocking(False)
        listener.bind((0, RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE))
    except OSError as error:
        log.info("routes are not watched (%s); a lost network is tried again by time alone", error)
        await asyncio.Event().wait()
        return
    loop = asyncio.get_running_loop()
    with contextlib.closing(listener):
        while True:
            try:
                datagram = await loop.sock_recv(listener, BUFFER_BYTES)
            except OSError:  # ENOBUFS: so much changed that something was lost; take it as good news
                on_route()
                await asyncio.sleep(LOST_PAUSE_S)
                continue
            if announces_default_route(datagram):
                on_route()
