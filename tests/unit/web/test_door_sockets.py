"""Sockets that the service manager opened are taken by their names, and by this process alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from daemon.web.door.limits import DoorCounts, DoorLimits, Places
from daemon.web.door.sockets import CountingListener, handed_over

AS_A_SERVICE = """
import os, sys
from daemon.web.door.limits import DoorCounts, DoorLimits, Places
from daemon.web.door.sockets import CountingListener, handed_over
os.environ["LISTEN_PID"] = str(os.getpid())
found = handed_over(os.environ)
places = Places(DoorLimits(), DoorCounts())
listeners = {name: [CountingListener(one, places) for one in fds] for name, fds in found.items()}
print({name: [one.getsockname()[1] for one in those] for name, those in listeners.items()})
print([name for name in os.environ if name.startswith("LISTEN_")], os.get_inheritable(3))
"""


def test_a_process_finds_its_sockets_by_name() -> None:
    """In a process of its own: the numbers of the sockets are fixed."""
    with socket.create_server(("127.0.0.1", 0)) as page, socket.create_server(("127.0.0.1", 0)) as plain:
        page_fd, plain_fd = page.fileno(), plain.fileno()
        command = f'exec {page_fd}<&{page_fd} 3<&{page_fd} 4<&{plain_fd} && exec "$@"'
        done = subprocess.run(
            ["bash", "-c", command, "bash", sys.executable, "-c", AS_A_SERVICE],
            env={**os.environ, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "https:plain"},
            pass_fds=(page_fd, plain_fd),
            capture_output=True,
            text=True,
            check=False,
        )
        ports = {"https": [page.getsockname()[1]], "plain": [plain.getsockname()[1]]}
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [str(ports), "[] False"]


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1", "LISTEN_PID": "1", "LISTEN_FDNAMES": "https"},
        {"LISTEN_FDS": "x", "LISTEN_PID": str(os.getpid())},
        {"LISTEN_FDS": "0", "LISTEN_PID": str(os.getpid())},
    ],
)
def test_sockets_of_another_process_are_left_alone(env: dict[str, str]) -> None:
    assert handed_over(env) == {}
    assert env == {}


async def test_a_socket_that_was_handed_over_counts_as_one_of_our_own() -> None:
    places = Places(DoorLimits(per_address=1), DoorCounts())
    with socket.create_server(("127.0.0.1", 0)) as theirs:
        listener = CountingListener(os.dup(theirs.fileno()), places)
        with listener, socket.create_connection(theirs.getsockname()):
            served, _ = listener.accept()
            assert places.taken == 1
            with socket.create_connection(theirs.getsockname()), pytest.raises(ConnectionAbortedError):
                listener.accept()
            served.close()
            served.close()
    assert places.taken == 0
