"""Boards for people: the table of all, and everything about one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from shlex import quote

from daemon.runtime.cells import fold
from hw.boards.board_files import BoardFile
from hw.boards.header import drawing
from hw.lights.kinds import KINDS, Lights

NOBODY = "nobody yet"

WIDTH = 96
"""Of running text, in characters."""

HANGING = "  "

TABLE_HEAD = ["board", "lights", "button", "cancels echo", "tried by", "what it is"]


def board_rows(boards: Iterable[BoardFile]) -> list[list[str]]:
    """The table's rows below its head."""
    return [_row(board) for board in boards]


def _row(board: BoardFile) -> list[str]:
    return [
        board.name,
        lights_in_words(board.lights),
        f"GPIO {board.button.pin}" if board.button else "none",
        "yes" if board.sound.echo_cancelling else "no",
        ", ".join(board.tried_by) or NOBODY,
        board.what,
    ]


def lights_in_words(lights: Lights | None) -> str:
    """Kind and number of the lights."""
    if lights is None:
        return "none"
    if KINDS[lights.kind].chain:
        return f"{lights.count} {lights.kind}"
    return lights.kind


def mixer_commands(board: BoardFile) -> tuple[str, ...]:
    """The shell commands that set the initial levels, in order; for the speaker's card."""
    card = board.sound.speaker[0]
    return tuple(
        f"amixer -c {quote(card)} cset name={quote(level.control)} {quote(level.value)}"
        for level in board.setup.mixer
    )


def board_text(board: BoardFile, width: int | None = None) -> str:
    """Everything that is known of a board, with the header's drawing; for a terminal, if it has a width."""
    return "\n".join(_lines(board, width)) + "\n"


def _lines(board: BoardFile, width: int | None) -> Iterator[str]:
    for line in _parts(board):
        first, *rest = [line] if width is None else fold(line, width - len(HANGING))
        yield from (first, *(f"{HANGING}{part}" for part in rest))
    room = min(WIDTH, width or WIDTH) - 2 * len(HANGING)
    yield from _section("The header (* is used by the board)", drawing(board.header).splitlines())
    yield from _section("Lines for /boot/firmware/config.txt", board.setup.config_txt)
    yield from _section("Driver to install", [board.setup.driver] if board.setup.driver else [])
    yield from _section("Initial levels", mixer_commands(board))
    yield from _section("Good to know", _items(board.quirks, room))
    sources = (f"{part}: {source}" for part, source in board.sources.items())
    yield from _section("Sources", _items(sources, room))


def _parts(board: BoardFile) -> Iterator[str]:
    sound = board.sound
    yield f"{board.name}: {board.what}"
    yield f"tried by: {', '.join(board.tried_by) or NOBODY}"
    yield f"microphone: {' or '.join(sound.mic)} ({_channels(sound.mic_channels)})"
    yield f"speaker: {' or '.join(sound.speaker)} ({_channels(sound.speaker_channels)})"
    yield f"cancels echo: {'yes' if sound.echo_cancelling else 'no'}"
    yield f"button: {_button(board)}"
    yield f"lights: {_lights(board.lights)}"
    if board.camera:
        yield f'camera: {board.camera} ([camera] use = "tool" turns it on)'


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    content = list(lines)
    if content:
        yield from ("", title, *(f"  {line}" for line in content))


def _items(texts: Iterable[str], width: int) -> Iterator[str]:
    for text in texts:
        first, *rest = fold(text, width)
        yield from (f"- {first}", *(f"{HANGING}{part}" for part in rest))


def _channels(count: int) -> str:
    return "1 channel" if count == 1 else f"{count} channels"


def _button(board: BoardFile) -> str:
    button = board.button
    if button is None:
        return "none"
    return f"GPIO {button.pin}, {button.active} while pressed, pull {button.pull}"


def _lights(lights: Lights | None) -> str:
    words = lights_in_words(lights)
    if lights is None:
        return words
    if lights.pins:
        names = ", ".join(f"GPIO {pin}" for pin in lights.pins)
        return f"{words} on {names}" + (", lit at the low level" if lights.active == "low" else "")
    return f"{words} on {' '.join(lights.leds) or lights.spi}"
