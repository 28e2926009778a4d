"""The live view on a real terminal device: keys, pictures, and the terminal given back as it was."""

from __future__ import annotations

import asyncio
import contextlib
import io
import locale
import logging
import os
import select
import termios
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TextIO

import pytest
from test_view import snapshot

from daemon.console import terminal
from daemon.console.output import LogPane
from daemon.console.terminal import ENTER, LEAVE, Look, Screen, changes, look_of, show
from daemon.errors import ControlError
from daemon.runtime.feed import Feed
from hw.base import Colour

PATIENCE_S = 20.0
"""What should happen at once may take this long on a machine that is busy."""


class Desk:
    """Both sides of a terminal, the daemon's fakes, and a hand on the keyboard."""

    def __init__(self) -> None:
        self.outer_fd, self.inner_fd = os.openpty()
        os.set_blocking(self.outer_fd, False)
        termios.tcsetwinsize(self.inner_fd, (24, 80))
        self.terminal: TextIO = os.fdopen(os.dup(self.inner_fd), "w", encoding="utf-8")
        self.attributes = termios.tcgetattr(self.inner_fd)
        self.seen = ""
        self.done: list[Any] = []
        self.feed = Feed()
        self.snapshot = snapshot()
        self.snapshot_error: Exception | None = None
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.outer_fd, self._read)

    async def handle(self, command: str, args: dict[str, Any]) -> None:
        """As the daemon's commands."""
        if command == "stop":
            raise ControlError("nothing to stop")
        self.note((command, args))

    def note(self, what: Any) -> None:
        """Something was asked for."""
        self.done.append(what)
        self._changed.set()

    def take_snapshot(self) -> dict[str, Any]:
        """As the daemon's reporter."""
        if self.snapshot_error:
            raise self.snapshot_error
        return self.snapshot

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self.outer_fd, keys.encode())

    def hang_up(self) -> None:
        """The window is closed."""
        self._loop.remove_reader(self.outer_fd)
        os.close(self.outer_fd)
        self.outer_fd = -1

    async def until(self, what: Callable[[], object]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(PATIENCE_S):
            while not what():
                self._changed.clear()
                await self._changed.wait()

    @contextlib.asynccontextmanager
    async def showing(self) -> AsyncIterator[asyncio.Task[None]]:
        """The view, drawn once; the block has to end it."""
        view = show(
            self, self.feed, self.take_snapshot, lambda: (Colour(blue=255),), lambda: self.note("press"),
            lambda: self.note("speak"), terminal=self.terminal, keys_fd=self.inner_fd,
        )  # fmt: skip
        task = asyncio.create_task(view)
        await self.until(lambda: "q: leave" in self.seen)
        yield task
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait([task])

    def close(self) -> None:
        """Give everything back."""
        if self.outer_fd >= 0:
            self.hang_up()
        self.terminal.close()
        os.close(self.inner_fd)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self.seen += os.read(self.outer_fd, 65536).decode()
        self._changed.set()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    desk.close()


# --- keys


@pytest.mark.parametrize(
    ("key", "done"),
    [
        (" ", "press"),
        ("s", "speak"),
        ("m", ("mute", {})),
        ("+", ("volume", {"percent": 75})),
        ("-", ("volume", {"percent": 65})),
    ],
)
async def test_a_key_does_what_the_footer_says(desk: Desk, key: str, done: Any) -> None:
    async with desk.showing():
        desk.type(key)
        await desk.until(lambda: desk.done)
        desk.type("q")
    assert desk.done == [done]


async def test_m_unmutes_what_is_muted(desk: Desk) -> None:
    desk.snapshot["muted"] = True
    async with desk.showing():
        desk.type("mq")
    assert desk.done == [("unmute", {})]


@pytest.mark.parametrize(("volume", "key", "percent"), [(98, "+", 100), (3, "-", 0)])
async def test_the_volume_stays_in_its_range(desk: Desk, volume: int, key: str, percent: int) -> None:
    desk.snapshot["volume"] = volume
    async with desk.showing():
        desk.type(key + "q")
    assert desk.done == [("volume", {"percent": percent})]


async def test_a_command_that_is_refused_is_logged_and_the_view_goes_on(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    async with desk.showing() as task:
        desk.type("x ")
        await desk.until(lambda: desk.done == ["press"])
        assert not task.done()
        desk.type("q")
    assert "nothing to stop" in caplog.text


# --- how it ends


@pytest.mark.parametrize("key", ["q", "Q", "\x03", "\x04"])
async def test_it_ends_by_q_and_control_c_and_control_d(desk: Desk, key: str) -> None:
    async with desk.showing() as task:
        desk.type(key)
    assert task.exception() is None


async def test_while_shown_keys_come_one_by_one_and_unprocessed(desk: Desk) -> None:
    async with desk.showing():
        iflag, _, _, lflag, *_ = termios.tcgetattr(desk.inner_fd)
        desk.type("q")
    assert not lflag & (termios.ICANON | termios.ECHO | termios.ISIG)
    assert not iflag & termios.IXON


def given_back(desk: Desk) -> bool:
    """Whether the terminal is as it was: its attributes, and the screen, cursor and margin."""
    return termios.tcgetattr(desk.inner_fd) == desk.attributes and desk.seen.endswith(LEAVE)


async def test_the_terminal_is_given_back_after_leaving(desk: Desk) -> None:
    async with desk.showing():
        desk.type("q")
    await desk.until(lambda: given_back(desk))
    assert desk.seen.startswith(ENTER)


async def test_the_terminal_is_given_back_after_an_error_which_is_raised_as_it_is(desk: Desk) -> None:
    async with desk.showing() as task:
        desk.snapshot_error = ZeroDivisionError("a bug")
    assert isinstance(task.exception(), ZeroDivisionError)
    await desk.until(lambda: given_back(desk))


async def test_the_terminal_is_given_back_after_cancellation(desk: Desk) -> None:
    async with desk.showing() as task:
        task.cancel()
    assert task.cancelled()
    await desk.until(lambda: given_back(desk))


async def test_it_ends_when_the_terminal_goes_away(desk: Desk) -> None:
    async with desk.showing() as task:
        desk.hang_up()
    assert task.exception() is None


# --- the picture


async def test_what_happens_is_shown(desk: Desk) -> None:
    async with desk.showing():
        desk.feed.tell("transcript", who="user", text="what is the time")
        await desk.until(lambda: "what is the time" in desk.seen)
        desk.type("q")


async def test_a_new_size_gets_a_new_picture(desk: Desk) -> None:
    async with desk.showing():
        desk.seen = ""
        termios.tcsetwinsize(desk.inner_fd, (10, 40))
        await desk.until(lambda: "\x1b[10;1H" in desk.seen)
        desk.type("q")
    assert desk.seen.startswith("\x1b[2J")
    assert "\x1b[11;1H" not in desk.seen


async def test_control_l_draws_everything_anew(desk: Desk) -> None:
    async with desk.showing():
        desk.seen = ""
        desk.type("\x0c")
        await desk.until(lambda: "Conure 1.2.3" in desk.seen)
        desk.type("q")


def test_only_rows_that_differ_are_sent() -> None:
    assert changes(["a", "b", "c"], ["a", "B", "c"]) == "\x1b[2;1H\x1b[2KB"
    assert changes(["a"], ["a"]) == ""


def test_of_nothing_shown_the_whole_screen_is_sent() -> None:
    assert changes([], ["a", "b"]) == "\x1b[2J\x1b[1;1H\x1b[2Ka\x1b[2;1H\x1b[2Kb"


@pytest.fixture
def stalled() -> Iterator[tuple[int, int]]:
    """A terminal that nobody reads, and its writing side."""
    outer_fd, inner_fd = os.openpty()
    termios.tcsetwinsize(inner_fd, (50, 200))
    os.set_blocking(outer_fd, False)
    os.set_blocking(inner_fd, False)
    yield outer_fd, inner_fd
    os.close(outer_fd)
    os.close(inner_fd)


def test_a_terminal_that_takes_no_more_misses_pictures_and_gets_the_newest(stalled: tuple[int, int]) -> None:
    outer_fd, inner_fd = stalled
    screen = Screen(inner_fd, Look(colour=False, unicode=True))
    for number in range(1000):
        screen.draw(filled_with(f"{number} "))
    assert screen.skipped > 900
    seen = ""
    while "\x1b[50;1H\x1b[2Kthe newest" not in seen:
        assert select.select([outer_fd], [], [], PATIENCE_S)[0], "nothing more comes"
        seen += everything(outer_fd)
        screen.draw(filled_with("the newest "))
    assert "999 " not in seen


def filled_with(text: str) -> Callable[[int, int], list[str]]:
    """A large picture."""
    return lambda width, height: [text.ljust(width, "x")] * height


def everything(fd: int) -> str:
    """All that can be read now."""
    data = b""
    with contextlib.suppress(BlockingIOError):
        while True:
            data += os.read(fd, 65536)
    return data.decode()


class Stream(io.StringIO):
    """A terminal's encoding, and nothing else."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]  # read-only here, as on a real stream
        return self._encoding


@pytest.mark.parametrize(
    ("stream", "codeset", "unicode"),
    [
        ("utf-8", "UTF-8", True),
        ("UTF8", "utf8", True),
        ("utf-8", "ANSI_X3.4-1968", False),
        ("iso-8859-1", "UTF-8", False),
        ("utf-8", "no such codeset", False),
    ],
)
def test_unicode_is_drawn_only_where_stream_and_locale_have_it(
    monkeypatch: pytest.MonkeyPatch, stream: str, codeset: str, unicode: bool
) -> None:
    monkeypatch.setattr(locale, "nl_langinfo", lambda _: codeset)
    assert look_of(Stream(stream)).unicode is unicode


@pytest.mark.parametrize(("value", "colour"), [(None, True), ("", True), ("1", False)])
def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch, value: str | None, colour: bool) -> None:
    if value is None:
        monkeypatch.delenv("NO_COLOR", raising=False)
    else:
        monkeypatch.setenv("NO_COLOR", value)
    assert look_of(Stream("utf-8")).colour is colour


# --- the log


@pytest.fixture
def noisy(desk: Desk) -> Iterator[logging.Logger]:
    """A logger that writes on the terminal."""
    handler = logging.StreamHandler(desk.terminal)
    logger = logging.getLogger("test_terminal.noisy")
    logger.addHandler(handler)
    yield logger
    logger.removeHandler(handler)


async def test_the_log_goes_into_the_picture_and_its_end_is_repeated_afterwards(
    desk: Desk, noisy: logging.Logger
) -> None:
    async with desk.showing():
        noisy.warning("first")
        noisy.warning("one\ntwo\nthree\nfour\nfive")
        await desk.until(lambda: "five" in desk.seen)
        assert "\x1b[2Kfive" in desk.seen, "drawn in a row, not written where the cursor was"
        desk.type("q")
    await desk.until(lambda: desk.seen.endswith("five\r\n"))
    assert desk.seen.split(LEAVE)[1].split() == ["one", "two", "three", "four", "five"]
    noisy.warning("again as before")
    await desk.until(lambda: desk.seen.endswith("five\r\nagain as before\r\n"))


async def test_a_log_that_goes_elsewhere_is_left_alone(desk: Desk, noisy: logging.Logger) -> None:
    elsewhere = io.StringIO()
    handler = logging.StreamHandler(elsewhere)
    noisy.addHandler(handler)
    async with desk.showing():
        noisy.warning("kept")
        desk.type("q")
    noisy.removeHandler(handler)
    assert elsewhere.getvalue() == "kept\n"


async def test_a_tone_is_told_only_while_it_is_new(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk.showing():
        desk.feed.tell("earcon", name="listening")
        await desk.until(lambda: "tone: listening" in desk.seen)
        desk.seen = ""
        monkeypatch.setattr(terminal, "TONE_S", 0.0)
        await desk.until(lambda: "volume 70 %" in desk.seen)
        desk.type("q")
    assert "tone" not in desk.seen.split("volume 70 %")[1].split("\x1b[")[0]


async def test_what_a_library_or_a_program_writes_below_python_goes_into_the_picture(desk: Desk) -> None:
    async with desk.showing():
        os.write(desk.terminal.fileno(), b"ALSA lib pcm.c: underrun occurred\n")
        await desk.until(lambda: "\x1b[2KALSA lib pcm.c: underrun occurred" in desk.seen)
        program = await asyncio.create_subprocess_exec("echo", "a program", stdout=desk.terminal.fileno())
        assert await program.wait() == 0
        await desk.until(lambda: "\x1b[2Ka program" in desk.seen)
        desk.type("q")


def test_the_pane_keeps_a_bounded_number_of_lines() -> None:
    pane = LogPane()
    for number in range(100):
        pane.keep(f"{number}\n")
    assert pane.newest() == [f"{number}\n" for number in range(95, 100)]
