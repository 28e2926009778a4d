"""Lets the C library give free memory back to the system, and tells what is held.

Linux with glibc; elsewhere it does nothing.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

STATM = Path("/proc/self/statm")
"""proc(5): the second number is the pages that are really there."""

M_MMAP_THRESHOLD = -3
"""malloc.h of glibc; mallopt(3)."""

MMAP_THRESHOLD_BYTES = 128 * 1024
"""glibc's own start value (mallopt(3)). Left alone it grows, up to 32 MB, with each large block that is
freed: then large messages come from the heap, and leave holes in it that are never given back. Measured over
800 turns with faults: 15 MB of holes and growing with it alone, 2 MB and flat with it fixed."""


def keep_heap_small() -> bool:
    """Let blocks of MMAP_THRESHOLD_BYTES and more go back to the system when they are freed.

    Before the first of them is made. Returns whether the C library took it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES) == 1


def give_back_free_memory() -> bool:
    """Return the heap's free pages to the system, as far as whole ones are free (malloc_trim(3)).

    Any thread; others that allocate meanwhile wait for it: 0.1 to 1 ms on a PC with a heap of 24 MB, of which
    it gives back 2 to 3. Without it these stay with the process, and slowly become more. Returns whether the
    C library gave any back.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and trim(0) == 1


def resident_bytes() -> int | None:
    """Memory of this process that is really there; None where the system does not tell. Any thread."""
    try:
        pages = int(STATM.read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
