"""Files that one process at a time holds (flock(2)), until it ends, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from daemon.errors import AlreadyRunning

PID_CHARS = 20


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file, which names who holds it. It stays: to remove it would let two others lock two files.

    Raises AlreadyRunning where another process holds it, and OSError.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    with os.fdopen(os.open(path, flags, 0o600), "r+", errors="replace") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise already_running(f"process {file.read(PID_CHARS).strip() or 'unknown'}") from error
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def already_running(who: str) -> AlreadyRunning:
    """The error, with what helps; `who` tells how one knows."""
    return AlreadyRunning(
        f"another conure is running already ({who}); stop it with Ctrl-C where it runs, "
        "or `sudo systemctl stop conure` if it is the service"
    )
