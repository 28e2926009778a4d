"""The machine as the doctor sees it: its files, programs, clocks and network, all of them replaceable."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from ssl import SSLContext
from typing import Any

from daemon.config.board import choose_board
from daemon.config.settings import Settings
from daemon.control.client import call, find_daemon
from daemon.errors import ControlError
from hw.base import Board

PROGRAM_TIMEOUT_S = 4.0
"""systemctl, journalctl and timedatectl answer in a tenth of that on a small board."""

STATUS_TIMEOUT_S = 2.0
"""For the running daemon to tell its status: its loop answers at once, or is stuck."""

READ_LIMIT_BYTES = 256 * 1024
"""What is read of a file: those of /proc and /etc that are asked for are some kilobytes."""

PORTAL_URL = "http://connectivitycheck.gstatic.com/generate_204"
"""Answers 204 and nothing else, so that any other answer is somebody else's: what Android asks
(NetworkMonitor.java, DEFAULT_HTTP_URLS)."""


def run_program(command: Sequence[str]) -> str | None:
    """What a program prints; None if it is not there, fails, or does not end in time."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROGRAM_TIMEOUT_S,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def free_bytes(path: Path) -> int:
    """What an ordinary user may still write where `path` is, or would be. Raises OSError."""
    while not path.exists():
        path = path.parent
    stat = os.statvfs(path)
    return stat.f_bavail * stat.f_frsize


def version_of(distribution: str) -> str | None:
    """The version that is installed beside this program; None if none is."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def ask_daemon(env: Mapping[str, str]) -> dict[str, Any] | None:
    """The status of the running daemon: empty if it may not be asked, None if none runs.

    Raises ControlError if it is stuck.
    """
    try:
        status = call(find_daemon(env), "status", timeout_s=STATUS_TIMEOUT_S)
    except ControlError as error:
        if "does not answer" in str(error):
            raise
        return {} if isinstance(error.__cause__, PermissionError) else None
    return status if isinstance(status, dict) else None


def own_name() -> str:
    """The name of the user who runs this, or its number."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def own_groups() -> frozenset[str]:
    """The names of the groups that this process has."""
    names: set[str] = set()
    for number in {os.getegid(), *os.getgroups()}:
        with suppress(KeyError):
            names.add(grp.getgrgid(number).gr_name)
    return frozenset(names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Everything that the doctor looks at. Any thread."""

    root: Path = Path("/")
    """Stands before every path of the system."""
    env: Mapping[str, str] = field(default_factory=lambda: os.environ)
    run: Callable[[Sequence[str]], str | None] = run_program
    ask_daemon: Callable[[Mapping[str, str]], dict[str, Any] | None] = ask_daemon
    open_board: Callable[[Settings], Board] = choose_board
    clock: Callable[[], float] = time.monotonic
    """For the pace of the sound devices."""
    wall_clock: Callable[[], float] = time.time
    free_bytes: Callable[[Path], int] = free_bytes
    version_of: Callable[[str], str | None] = version_of
    is_root: bool = field(default_factory=lambda: os.geteuid() == 0)
    user: str = field(default_factory=own_name)
    groups: frozenset[str] = field(default_factory=own_groups)
    trust: SSLContext | None = None
    """Whom to trust as the service; None: whom the service's own library trusts."""
    portal_url: str = PORTAL_URL

    def at(self, path: str | Path) -> Path:
        """Where a path of the system is found."""
        return self.root / str(path).lstrip("/")

    def read(self, path: str | Path) -> str | None:
        """The beginning of a text file of the system; None if it cannot be read."""
        try:
            with self.at(path).open("rb") as file:
                return file.read(READ_LIMIT_BYTES).decode("utf-8", "replace").rstrip("\0\n")
        except OSError:
            return None
