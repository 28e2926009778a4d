"""While the live view is shown: whatever else would be written on its terminal goes into the view.

The log is one writer of many: libraries in C write to standard error below Python, and so do the programs
that this process has started. All of them are turned aside where they all pass, at the descriptors.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator

from daemon.console.panes import LOG_LINES
from daemon.runtime import logs

STDOUT, STDERR = 1, 2

JOIN_S = 0.5
"""What was written last is in the pipe; who reads it needs no longer to take it."""

LONGEST_LINE = 4096
"""Bytes of a line; what is longer is broken, so that output without line ends takes no memory."""


class LogPane:
    """Keeps the newest lines of what was written, oldest dropped first. Any thread."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=LOG_LINES)
        self._lock = threading.Lock()

    def keep(self, line: str) -> None:
        """Keep one line, if there is something in it."""
        if line.strip():
            with self._lock:
                self._lines.append(line)

    def newest(self) -> list[str]:
        """What is kept, oldest first."""
        with self._lock:
            return list(self._lines)


@contextlib.contextmanager
def captured_output(terminal_fd: int) -> Iterator[LogPane]:
    """Turn this process's writing on terminals to a pane; afterwards its last lines are repeated there."""
    pane = LogPane()
    logs.flush()
    read_fd, write_fd = os.pipe()
    before = {fd: os.dup(fd) for fd in _on_terminals({STDOUT, STDERR, terminal_fd, *_own_error()})}
    for fd in before:
        os.dup2(write_fd, fd, inheritable=fd <= STDERR)
    os.close(write_fd)
    # daemon=True: a program that outlives us may keep the pipe open.
    reader = threading.Thread(target=_read, args=(read_fd, pane), name="live view", daemon=True)
    reader.start()
    try:
        yield pane
    finally:
        logs.flush()
        for fd, real in before.items():
            os.dup2(real, fd, inheritable=fd <= STDERR)
            os.close(real)
        reader.join(JOIN_S)
        _repeat(pane, STDERR if STDERR in before else terminal_fd)


def _own_error() -> tuple[int, ...]:
    """Where Python's own messages go, which need not be the descriptor of standard error."""
    with contextlib.suppress(OSError):
        return (sys.stderr.fileno(),)
    return ()


def _on_terminals(descriptors: Iterable[int]) -> list[int]:
    return [fd for fd in descriptors if os.isatty(fd)]


def _read(fd: int, pane: LogPane) -> None:
    """Take everything until nobody can write any more."""
    with open(fd, "rb") as written:
        while line := written.readline(LONGEST_LINE):
            pane.keep(line.decode("utf-8", "replace").rstrip("\r\n"))


def _repeat(pane: LogPane, fd: int) -> None:
    text = "".join(f"{line}\n" for line in pane.newest())
    with contextlib.suppress(OSError):  # the terminal has gone away
        os.write(fd, text.encode())
