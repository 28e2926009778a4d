"""The live view on a terminal: obeys keys, draws, and gives the terminal back as it was. Event loop only.

Nothing here waits for the terminal: one that takes no more (a stalled remote shell) misses pictures, and the
daemon goes on.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import locale
import logging
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TextIO

from daemon.console.keys import HANG_UP, Keys, raw_keys
from daemon.console.lines import Note
from daemon.console.output import LogPane, captured_output
from daemon.console.view import render_view
from daemon.errors import ControlError
from hw.base import Colour

log = logging.getLogger(__name__)

REDRAW_S = 0.1
"""Pictures come at most this often; one that shows nothing new is not sent."""

RECENT_NOTES = 400
"""Notes that are remembered, oldest forgotten first: more pieces of speech than a tall terminal shows."""

TONE_S = 2.0
"""For so long a tone is told after it began: it is over after half a second at most."""

VOLUME_STEP = 5
"""Percent for each key."""

QUIT_KEYS = ("q", "Q", "\x03", HANG_UP)
"""q (Caps Lock or not), Ctrl-C, Ctrl-D and the terminal's end."""

REDRAW_KEY = "\x0c"
"""Ctrl-L, as everywhere: for when another program has written over the picture."""

# Private modes 1049 (alternate screen), 25 (cursor), 7 (wrapping at the margin): xterm's ctlseqs.
ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
LEAVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"


class Obeys(Protocol):
    """What carries out commands: `daemon.control.commands.Commands`."""

    async def handle(self, command: str, args: dict[str, Any]) -> Any:
        """Carry out one command. Raises ControlError for one that cannot be."""
        ...


class Tells(Protocol):
    """What tells of events: `daemon.runtime.feed.Feed`."""

    def watch(self) -> AsyncIterator[dict[str, object]]:
        """Every note from now on."""
        ...


async def show(
    commands: Obeys,
    feed: Tells,
    snapshot: Callable[[], dict[str, Any]],
    pixels: Callable[[], Sequence[Colour]],
    press: Callable[[], None],
    speak: Callable[[], None] | None,
    *,
    terminal: TextIO,
    keys_fd: int,
) -> None:
    """Show the live view until the user leaves it or the terminal goes away.

    `press` is what the space bar does; `speak` lets the simulated microphone speak, None where there is none.
    `terminal` and `keys_fd` must be terminals. However this ends, by a key, an error or cancellation, the
    terminal and what else writes on it are as they were before. Raises what the callables raise.
    """
    terminal.flush()
    with contextlib.ExitStack() as stack:
        screen_fd = _own_descriptor(terminal.fileno())
        stack.callback(os.close, screen_fd)
        pane = stack.enter_context(captured_output(terminal.fileno()))
        keys = stack.enter_context(raw_keys(keys_fd))
        screen = stack.enter_context(open_screen(screen_fd, look_of(terminal)))
        view = _LiveView(
            commands=commands,
            snapshot=snapshot,
            pixels=pixels,
            press=press,
            speak=speak,
            screen=screen,
            keys=keys,
            log_pane=pane,
        )
        await _until_first_ends(view.follow(feed), view.redraw(), view.obey())


async def _until_first_ends(*jobs: Coroutine[Any, Any, None]) -> None:
    """Run the jobs until one ends, and end the others; raise what ended it."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(slots=True)
class _LiveView:
    """The three jobs of the view and what they share."""

    commands: Obeys
    snapshot: Callable[[], dict[str, Any]]
    pixels: Callable[[], Sequence[Colour]]
    press: Callable[[], None]
    speak: Callable[[], None] | None
    screen: Screen
    keys: Keys
    log_pane: LogPane
    notes: deque[Note] = field(default_factory=lambda: deque(maxlen=RECENT_NOTES))

    async def follow(self, feed: Tells) -> None:
        """Remember what happens."""
        async for note in feed.watch():
            self.notes.append({**note, "at_s": time.monotonic()})

    async def redraw(self) -> None:
        """Keep the picture up to date until the terminal is gone."""
        with contextlib.suppress(OSError):
            while True:
                self.screen.draw(self.picture)
                await asyncio.sleep(REDRAW_S)

    def picture(self, width: int, height: int) -> list[str]:
        """What is to be seen now."""
        notes = [*fresh(self.notes), *({"event": "log", "text": line} for line in self.log_pane.newest())]
        look = self.screen.look
        return render_view(
            self.snapshot(), notes, self.pixels(), width, height, look.colour, look.unicode,
            can_speak=self.speak is not None,
        )  # fmt: skip

    async def obey(self) -> None:
        """Do what the keys say until one says to leave."""
        while (key := await self.keys.next()) not in QUIT_KEYS:
            try:
                await self._do(key)
            except ControlError as error:
                log.warning("%s", error)

    async def _do(self, key: str) -> None:
        match key:
            case " ":
                self.press()
            case "s" if self.speak is not None:
                self.speak()
            case "m":
                await self.commands.handle("unmute" if self.snapshot()["muted"] else "mute", {})
            case "+" | "-":
                step = VOLUME_STEP if key == "+" else -VOLUME_STEP
                percent = min(100, max(0, self.snapshot()["volume"] + step))
                await self.commands.handle("volume", {"percent": percent})
            case "x":
                await self.commands.handle("stop", {})
            case _ if key == REDRAW_KEY:
                self.screen.forget()


def fresh(notes: Iterable[Note]) -> list[Note]:
    """Return the notes without the tones that have been over for long."""
    since_s = time.monotonic() - TONE_S
    return [note for note in notes if note["event"] != "earcon" or float(str(note["at_s"])) > since_s]


# --- the picture


@dataclass(frozen=True, slots=True)
class Look:
    """What the terminal can show, or its user wants to see."""

    colour: bool
    unicode: bool


def look_of(terminal: TextIO) -> Look:
    """Colour unless NO_COLOR is set (no-color.org); Unicode if stream and locale both have it.

    The locale counts, for Python writes UTF-8 in the C locale too.
    """
    return Look(
        colour=not os.environ.get("NO_COLOR"),
        unicode=_is_utf8(terminal.encoding) and _is_utf8(locale.nl_langinfo(locale.CODESET)),
    )


def _is_utf8(encoding: str | None) -> bool:
    try:
        return codecs.lookup(encoding or "ascii").name == "utf-8"
    except LookupError:
        return False


class Screen:
    """The terminal's alternate screen, written without waiting.

    Overflow policy: while a picture has not been taken whole, no other is drawn; `skipped` counts them.
    """

    def __init__(self, fd: int, look: Look) -> None:
        self.look = look
        self.skipped = 0
        self._fd = fd
        self._size = (0, 0)
        self._shown: list[str] = []
        self._unsent = ENTER.encode()

    def draw(self, picture: Callable[[int, int], list[str]]) -> None:
        """Show `picture(width, height)` where it differs from what is shown. Raises OSError: it is gone."""
        self._send()
        if self._unsent:
            self.skipped += 1
            return
        size = terminal_size(self._fd)
        if size != self._size:
            self._size = size
            self.forget()
        lines = picture(*size)
        self._unsent = changes(self._shown, lines).encode(errors="replace")
        self._shown = lines
        self._send()

    def forget(self) -> None:
        """Draw everything anew the next time."""
        self._shown = []

    def leave(self) -> None:
        """Back to the screen as it was; best effort, since nobody may be there to see it."""
        self._unsent += LEAVE.encode()
        with contextlib.suppress(OSError):
            self._send()

    def _send(self) -> None:
        with contextlib.suppress(BlockingIOError):  # the rest goes with the next picture
            while self._unsent:
                self._unsent = self._unsent[os.write(self._fd, self._unsent) :]


def changes(shown: Sequence[str], lines: Sequence[str]) -> str:
    """Return what turns the shown lines into `lines`; of nothing shown, the whole screen.

    A row is erased before it is written: erasing from the cursor on would take the last cell of a full one.
    """
    rows = [
        f"\x1b[{row};1H\x1b[2K{line}"
        for row, line in enumerate(lines, start=1)
        if row > len(shown) or shown[row - 1] != line
    ]
    return ("" if shown else "\x1b[2J") + "".join(rows)


def terminal_size(fd: int) -> tuple[int, int]:
    """Return the width and height in cells; 80 × 24 for a serial line, which does not know."""
    width, height = os.get_terminal_size(fd)
    return (width or 80, height or 24)


@contextlib.contextmanager
def open_screen(fd: int, look: Look) -> Iterator[Screen]:
    """The alternate screen for as long as the block lasts."""
    screen = Screen(fd, look)
    try:
        yield screen
    finally:
        screen.leave()


def _own_descriptor(fd: int) -> int:
    """The terminal opened anew: not to wait is a property that other programs would get with a shared one."""
    try:
        return os.open(os.ttyname(fd), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return os.dup(fd)  # in a container, or another user's: better a view that may wait than none
