"""What the C library is asked to do with freed memory."""

from __future__ import annotations

import os
import subprocess
import sys

from places import ROOT

HEAP_AFTER_LARGE_BLOCKS = """
import ctypes, sys
from daemon.runtime.heap import keep_heap_small
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


def printed_by(program: str, *words: str) -> str:
    """By a process of its own."""
    root = ROOT
    command = [sys.executable, "-c", program, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout


def heap_bytes(how: str) -> int:
    """Of a process that has held large blocks."""
    return int(printed_by(HEAP_AFTER_LARGE_BLOCKS, how))


def test_a_large_block_is_not_taken_from_the_heap_although_one_was_freed_before() -> None:
    assert heap_bytes("left alone") > 8_000_000
    assert heap_bytes("kept small") < 8_000_000


HEAP_AFTER_SMALL_BLOCKS = """
import sys
from daemon.runtime.heap import give_back_free_memory
def resident_pages():
    return int(open("/proc/self/statm").read().split()[1])
blocks = [bytearray(10_000) for _ in range(2000)]
del blocks[:-1]  # the last is at the top of the heap: nothing below it goes back of itself
before = resident_pages()
given = give_back_free_memory()
print(given, before - resident_pages())
"""


def test_free_pages_below_one_that_is_used_are_given_back() -> None:
    given, pages = printed_by(HEAP_AFTER_SMALL_BLOCKS).split()
    assert given == "True"
    assert int(pages) * os.sysconf("SC_PAGE_SIZE") > 10_000_000
