"""Keeps sound libraries from filling the log with what nobody needs.

When PortAudio looks for devices, ALSA and JACK print some forty lines to standard error, about every name in
ALSA's configuration that this machine has no hardware for. They write to the file descriptor, below Python.
So does whoever else writes there meanwhile, which may be for long where a library hangs: a program's own
messages belong on a descriptor of their own (`keep_stderr_apart`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

STDERR = 2

CHATTER = (
    "ALSA lib ", "Cannot connect to server", "Expression '", "Jack", "attempt to connect to server failed",
    "connect(2) call to ", "jack server ", "Cannot create thread res", "Cannot create message buffer",
)  # fmt: skip
"""How the lines begin that ALSA, PortAudio and JACK print."""


def keep_stderr_apart() -> None:
    """Let `sys.stderr` write by a copy of the descriptor, which nobody diverts. At the start of a program."""
    ours = sys.stderr
    if _descriptor(ours) == STDERR:
        copy = os.dup(STDERR)
        sys.stderr = open(copy, "w", 1, ours.encoding, ours.errors)  # noqa: SIM115, PTH123 - a number; for ever


def restore_stderr() -> None:
    """Let the descriptor be what `sys.stderr` writes to, whoever diverts it: for a program's successor."""
    copy = _descriptor(sys.stderr)
    if copy is not None and copy != STDERR:
        os.dup2(copy, STDERR)


def _descriptor(stream: TextIO) -> int | None:
    """Where it writes; None for what has no descriptor."""
    try:
        return stream.fileno()
    except OSError:
        return None


@contextmanager
def quiet_stderr() -> Iterator[list[str]]:
    """Hold back what is written to standard error; pass on, late, the lines that are not chatter.

    The list that it gives holds the chatter afterwards: its last line often names the cause of a failure
    for which PortAudio has only "Unanticipated host error". Not for two threads at a time.
    """
    chatter: list[str] = []
    real, held = os.dup(STDERR), os.memfd_create("stderr")
    os.dup2(held, STDERR)
    try:
        yield chatter
    finally:
        os.dup2(real, STDERR)
        news = _sort_out(os.pread(held, os.fstat(held).st_size, 0), chatter)
        os.close(held)
        os.close(real)
        if news:
            os.write(STDERR, news)


def _sort_out(written: bytes, chatter: list[str]) -> bytes:
    """Move the lines that are chatter to the list; returns the others."""
    news = b""
    for line in written.splitlines(keepends=True):
        text = line.decode("utf-8", "replace").strip()
        if not text or text.startswith(CHATTER):
            chatter.append(text)
        else:
            news += line
    return news
