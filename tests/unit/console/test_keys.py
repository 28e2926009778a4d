"""Keys of a terminal: once each, without function keys, until it hangs up."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from daemon.console.keys import HANG_UP, REPEAT_S, WAITING_KEYS, Keys, keys_in


class Typist:
    """Types into a pipe that `Keys` reads, at times of its own."""

    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe()
        self.now_s = 0.0

    def type(self, keys: Keys, data: bytes) -> None:
        os.write(self.write_fd, data)
        keys.read()


@pytest.fixture
def typist() -> Iterator[Typist]:
    typist = Typist()
    yield typist
    os.close(typist.read_fd)
    os.close(typist.write_fd)


async def taken(keys: Keys) -> str:
    """The keys before q, which must be the last that was typed."""
    found = ""
    while (key := await keys.next()) != "q":
        found += key
    return found


async def test_keys_come_in_order(typist: Typist) -> None:
    keys = Keys(typist.read_fd, lambda: typist.now_s)
    typist.type(keys, b"m xq")
    assert await taken(keys) == "m x"


async def test_a_held_key_is_one_press_until_it_is_let_go(typist: Typist) -> None:
    keys = Keys(typist.read_fd, lambda: typist.now_s)
    for pause_s in (0.0, 0.03, 0.09, REPEAT_S - 0.001, REPEAT_S + 0.001):
        typist.now_s += pause_s
        typist.type(keys, b" ")
    typist.type(keys, b"q")
    assert await taken(keys) == "  "


async def test_the_volume_keys_repeat_while_they_are_held(typist: Typist) -> None:
    keys = Keys(typist.read_fd, lambda: typist.now_s)
    typist.type(keys, b"+++q")
    assert await taken(keys) == "+++"


async def test_of_too_many_keys_the_oldest_are_dropped_and_counted(typist: Typist) -> None:
    keys = Keys(typist.read_fd, lambda: typist.now_s)
    typist.type(keys, b"x" + b"+" * (WAITING_KEYS - 1) + b"q")
    assert await taken(keys) == "+" * (WAITING_KEYS - 1)
    assert keys.dropped == 1


@pytest.mark.parametrize(
    ("data", "plain"),
    [
        (b"\x1b[A", ""),  # cursor up
        (b"\x1b[15;2~x", "x"),  # shift F5, then x
        (b"\x1bOq", ""),  # keypad 1
        (b"\x1bq", ""),  # Alt q
        (b"\x1b\x03", "\x03"),  # Escape, then Ctrl-C
        ("ä".encode(), ""),
        (b"m+q", "m+q"),
    ],
)
def test_function_keys_are_not_taken_for_the_letters_that_they_end_in(data: bytes, plain: str) -> None:
    assert keys_in(data) == plain


async def test_the_end_of_the_terminal_is_a_key_too() -> None:
    read_fd, write_fd = os.pipe()
    keys = Keys(read_fd)
    os.close(write_fd)
    keys.read()
    assert await keys.next() == HANG_UP
    os.close(read_fd)
