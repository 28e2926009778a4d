"""Keys of a terminal, one by one as they are pressed, without ever waiting for one. Event loop only."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import termios
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

HANG_UP = "\x04"
"""Ctrl-D, and what is read at the terminal's end."""

WAITING_KEYS = 32
"""Keys that may wait to be obeyed, oldest dropped first: somebody leans on the keyboard."""

REPEAT_S = 0.12
"""The same key sooner than this is held down, not pressed again (the slowest usual repeat: 92 ms, Linux
console)."""

REPEATING_KEYS = ("+", "-")

_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|O[ -~]?|[ -~]?)")
"""What a function key sends, or Alt with a key: of no meaning here, though it ends in a letter."""


class Keys:
    """Keys as they are pressed, once each: a terminal tells nothing of the release, but repeats held ones."""

    def __init__(self, fd: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._fd = fd
        self._clock = clock
        self._waiting: deque[str] = deque(maxlen=WAITING_KEYS)
        self._filled = asyncio.Event()
        self._last_s: dict[str, float] = {}
        self.dropped = 0

    async def next(self) -> str:
        """The next key; `HANG_UP` when the terminal has gone."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        return self._waiting.popleft()

    def read(self) -> None:
        """Take what the terminal has, which is something or its end; the event loop's reader."""
        try:
            data = os.read(self._fd, 256)
        except OSError:
            data = b""  # a terminal that has hung up fails instead of ending
        if not data:
            asyncio.get_running_loop().remove_reader(self._fd)
        for key in keys_in(data) if data else HANG_UP:
            if not self._is_held(key):
                self.dropped += len(self._waiting) == WAITING_KEYS
                self._waiting.append(key)
        self._filled.set()

    def _is_held(self, key: str) -> bool:
        now_s, before_s = self._clock(), self._last_s.get(key)
        self._last_s[key] = now_s
        return key not in REPEATING_KEYS and before_s is not None and now_s - before_s < REPEAT_S


def keys_in(data: bytes) -> str:
    """Return the plain keys in what a terminal sent, without function keys."""
    return _SEQUENCE.sub("", data.decode("ascii", errors="ignore"))


@contextlib.contextmanager
def raw_keys(fd: int) -> Iterator[Keys]:
    """Take every key as it comes, Ctrl-C too, without echo; then give the terminal back as it was.

    Raises termios.error if `fd` is no terminal.
    """
    before = termios.tcgetattr(fd)
    loop = asyncio.get_running_loop()
    keys = Keys(fd)
    try:
        # NOW, for the other ways wait until the terminal has taken what was written.
        termios.tcsetattr(fd, termios.TCSANOW, _raw(before))
        loop.add_reader(fd, keys.read)
        yield keys
    finally:
        loop.remove_reader(fd)
        with contextlib.suppress(termios.error):  # it has gone away
            termios.tcsetattr(fd, termios.TCSANOW, before)


def _raw(attributes: list[Any]) -> list[Any]:
    """The attributes with keys unprocessed (termios(3)), and Ctrl-S not stopping what is shown."""
    iflag, oflag, cflag, lflag, ispeed, ospeed, control = attributes
    control = list(control)
    control[termios.VMIN], control[termios.VTIME] = 1, 0
    iflag &= ~termios.IXON
    lflag &= ~(termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
    return [iflag, oflag, cflag, lflag, ispeed, ospeed, control]
