"""The live view as a person sees it: the real program on a pseudo-terminal, the whole screen after each step.

A screen emulator obeys what the program writes. Whatever is written past the view, by a log line or by a
library, would be seen in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import signal
import sys
import termios
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path

import pyte
import pytest
from places import ROOT

PATIENCE_S = 40.0

# What stands in each row, from the top, at 80 × 24. A row changes its numbers, never its place.
HEAD = (
    r"Conure \S+ · simulated board · stand-in · \S+ · up .*",
    r"lights    (██|●|○) .*",
)
PICTURE_ROW = (
    r"|Conure .*|(lights|state|link|mic|speaker|you|it|counted)   .*|          .*|─ (said|log) ─+|turn by .*"
    r"|               first sent .*|   \d (button|text) .*|\d\d:\d\d:\d\d\.\d{3} (DEBUG|INFO|WARNING) .*"
    r"|space: .*|m: .*|.*q: leave"
)


class Person:
    """Somebody at a terminal on which `conure run` was typed."""

    def __init__(self, width: int, height: int) -> None:
        self.screen = pyte.Screen(width, height)
        self._stream = pyte.ByteStream(self.screen)
        self._outer_fd, self._inner_fd = os.openpty()
        termios.tcsetwinsize(self._inner_fd, (height, width))
        self._changed = asyncio.Event()
        self.raw = b""

    async def start(self, folder: Path, *arguments: str, **environment: str) -> asyncio.subprocess.Process:
        """Type the command."""
        env = {
            "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "PATH": os.environ["PATH"],
            "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environment,
        }  # fmt: skip
        os.set_blocking(self._outer_fd, False)
        asyncio.get_running_loop().add_reader(self._outer_fd, self._read)
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "daemon", *arguments, cwd=ROOT, env=env,
            stdin=self._inner_fd, stdout=self._inner_fd, stderr=self._inner_fd,
            start_new_session=True, preexec_fn=_take_terminal,
        )  # fmt: skip

    def rows(self) -> list[str]:
        """What is seen."""
        return [row.rstrip() for row in self.screen.display]

    def row(self, label: str) -> str:
        """The row that begins with this label."""
        return next((row.removeprefix(label).strip() for row in self.rows() if row.startswith(label)), "")

    def shows(self, pattern: str) -> bool:
        """Whether its head, which tells how it is now, has something that fits."""
        return re.search(pattern, "\n".join(self.rows()[:9])) is not None

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._outer_fd, keys.encode())

    def hang_up(self) -> None:
        """Close the window."""
        asyncio.get_running_loop().remove_reader(self._outer_fd)
        os.close(self._inner_fd)
        os.close(self._outer_fd)

    async def until(self, what: Callable[[], object]) -> None:
        """Wait until the screen shows something."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not what():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise TimeoutError("\n".join(["the screen shows:", *self.rows()])) from None

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            data = os.read(self._outer_fd, 65536)
            self.raw += data
            self._stream.feed(data)
        self._changed.set()


def _take_terminal() -> None:
    """The terminal becomes that of the new session (TIOCSCTTY of tty_ioctl(4))."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def strangers(rows: Sequence[str]) -> list[str]:
    """The rows that no picture has."""
    return [row for row in rows if not re.fullmatch(PICTURE_ROW, row)]


@contextlib.asynccontextmanager
async def at_terminal(
    folder: Path, *arguments: str, width: int = 80, height: int = 30, **environment: str
) -> AsyncIterator[tuple[Person, asyncio.subprocess.Process]]:
    """`conure run` against the stand-in on the simulated board; ended with the block."""
    person = Person(width, height)
    process = await person.start(
        folder, "run", "--standin", "--board", "simulated", *arguments, **environment
    )
    try:
        yield person, process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@pytest.mark.parametrize("level", ["debug", "info"])
async def test_the_whole_screen_is_the_view_after_each_step_of_a_conversation(
    tmp_path: Path, level: str
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[log]\nlevel = "{level}"\n')
    async with at_terminal(tmp_path, "--config", str(config)) as (person, process):
        await person.until(lambda: person.row("state").startswith("idle") and "q: leave" in person.rows()[-1])
        steps = [" ", "", "", "m", "m", "+"]
        shown = ["listening", "speaking", "waiting for a follow-up", "muted", "waiting|idle", "75 %"]
        for key, words in zip(steps, shown, strict=True):
            person.type(key)
            await person.until(partial(person.shows, words))
            assert strangers(person.rows()) == []
            assert re.fullmatch(HEAD[0], person.rows()[0]) and re.fullmatch(HEAD[1], person.rows()[1])
        if level == "debug":
            assert any(re.match(r"\d\d:\d\d:\d\d", row) for row in person.rows()), "the log has its pane"
        person.type("q")
        assert await process.wait() == 0
        assert "\x1b[?1049l" in person.raw.decode()


async def test_what_is_typed_elsewhere_is_seen_and_its_answer(tmp_path: Path) -> None:
    async with at_terminal(tmp_path) as (person, _):
        await person.until(lambda: person.row("state").startswith("idle"))
        env = os.environ | {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
        say = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "daemon", "say", "good morning", cwd=ROOT, env=env
        )
        assert await say.wait() == 0
        await person.until(lambda: person.row("you") == "good morning")
        assert strangers(person.rows()) == []


async def test_at_40_cells_the_end_of_a_turn_is_seen(tmp_path: Path) -> None:
    async with at_terminal(tmp_path, width=40, height=40) as (person, _):
        await person.until(lambda: person.row("state").startswith("idle"))
        person.type(" ")
        await person.until(lambda: re.fullmatch(r"button   answered +\d+ ms", person.row("   1 ")))


@pytest.mark.parametrize("term", ["dumb", ""])
async def test_a_terminal_that_obeys_nothing_gets_a_log_without_escape_sequences(
    tmp_path: Path, term: str
) -> None:
    async with at_terminal(tmp_path, TERM=term) as (person, process):
        await person.until(lambda: b"ready: board simulated" in person.raw)
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
        assert b"\x1b" not in person.raw


async def test_a_window_that_is_closed_ends_it_in_order(tmp_path: Path) -> None:
    async with at_terminal(tmp_path) as (person, process):
        await person.until(lambda: person.row("state").startswith("idle"))
        assert (tmp_path / "conure").exists()
        person.hang_up()
        async with asyncio.timeout(PATIENCE_S):
            assert await process.wait() in (0, 128 + signal.SIGHUP)
        assert not list(tmp_path.glob("**/*.sock"))
