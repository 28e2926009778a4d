"""Ends the process although something in it does not end.

Looking up a name blocks a thread for as long as the resolver likes (30 s and more on a network that has just
gone), and Python waits for such threads at its end. Nobody needs that lookup any more, and neither systemd
nor the user waits so long.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

from hw.sound.quiet import restore_stderr

STDERR = 2

NAME = "conure-aside"
WORKERS = 16
"""Imports, small writes, and lookups that hang: on a network that swallows everything each lasts up to a
minute (resolv.conf(5): 5 s, twice, for each of three name servers, and again with the search list), and every
5 s (`live.OPENING_S`) another is begun. More must be free, for the user's timers to be saved, and for the
lookup that succeeds. A thread is made only when it is needed."""

GRACE_S = 0.5
"""What is nearly done, such as a file being written, may finish."""


def use_own_executor() -> ThreadPoolExecutor:
    """Give the running loop an executor whose threads `leave` can look at. Event loop only."""
    executor = ThreadPoolExecutor(WORKERS, thread_name_prefix=NAME)
    asyncio.get_running_loop().set_default_executor(executor)
    return executor


def begin_again(environ: Mapping[str, str]) -> NoReturn:
    """Put a fresh process in the place of this one: same number, same command line, this environment.

    To be called last, when every device, socket and file has been closed. What a library still holds open is
    closed too; threads end with the old program.
    """
    logging.shutdown()
    restore_stderr()
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - numbers, not paths
        descriptor = int(name)
        if descriptor > STDERR:
            with contextlib.suppress(OSError):  # the listing's own
                os.set_inheritable(descriptor, False)
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environ)  # noqa: S606 - this very program


def leave(executor: ThreadPoolExecutor, status: int) -> None:
    """Return when nothing is left to wait for; else end the process here, with its output written.

    To be called last, when every device, socket and file has been closed.
    """
    executor.shutdown(wait=False, cancel_futures=True)
    give_up_s = time.monotonic() + GRACE_S
    for thread in threading.enumerate():
        if thread.name.startswith(NAME):
            thread.join(max(0.0, give_up_s - time.monotonic()))
            if thread.is_alive():
                logging.shutdown()
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
