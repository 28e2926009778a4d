"""What the C library is asked to do with freed memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAP_AFTER_LARGE_BLOCKS = """
import ctypes, sys
from daemon.heap import keep_heap_small
if sys.argv[1] == "kept small":
    assert keep_heap_small()
class Info(ctypes.Structure):  # malloc.h: struct mallinfo2
    _fields_ = [(name, ctypes.c_size_t) for name in "arena o s h hblkhd u f uordblks fordblks k".split()]
libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Info
bytearray(16_000_000)  # freed at once: glibc now takes blocks of this size from the heap
block = bytearray(8_000_000)
print(libc.mallinfo2().arena)
"""


def heap_bytes(how: str) -> int:
    """Of a process that has held large blocks."""
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", HEAP_AFTER_LARGE_BLOCKS, how],
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
    )
    return int(done.stdout)


def test_a_large_block_is_not_taken_from_the_heap_although_one_was_freed_before() -> None:
    assert heap_bytes("left alone") > 8_000_000
    assert heap_bytes("kept small") < 8_000_000
