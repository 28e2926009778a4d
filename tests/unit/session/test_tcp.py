"""What the kernel tells of a TCP connection, over loopback."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from daemon.session.liveness import Evidence
from daemon.session.tcp import USER_TIMEOUT_MS, evidence_of, limit_silence

PATIENCE_S = 5.0


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    with ours, theirs:
        yield ours, theirs


def settled(connection: socket.socket) -> Evidence:
    """The evidence once all has been acknowledged."""
    give_up_s = time.monotonic() + PATIENCE_S
    while (found := evidence_of(connection, 0)) is None or found.outstanding_bytes:
        assert time.monotonic() < give_up_s
        time.sleep(0.001)
    return found


def test_what_was_sent_counts_as_acknowledged_and_what_was_received_does_not(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    theirs.sendall(bytes(7))
    before = settled(ours)
    ours.sendall(bytes(1000))
    assert settled(ours).acknowledged_bytes - before.acknowledged_bytes == 1000


def test_what_waits_above_and_in_the_kernel_is_outstanding(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, _ = ends
    ours.setblocking(False)
    taken = 0
    with pytest.raises(BlockingIOError):
        while True:
            taken += ours.send(bytes(1 << 16))
    found = evidence_of(ours, 5)
    assert found is not None
    assert 5 < found.outstanding_bytes <= taken + 5


def test_of_a_closed_connection_nothing_is_known(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = ends
    ours.close()
    assert evidence_of(ours, 0) is None


def test_the_kernel_is_told_to_give_up_a_silent_connection(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, _ = ends
    limit_silence(ours)
    assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == USER_TIMEOUT_MS
