"""Text in the cells of a terminal: cleaned, measured, clipped, wrapped, painted. Pure.

A cell holds one narrow character; East Asian characters and most emoji take two, combining marks none.
Roughly so: terminals differ over emoji that are made of several characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

_FORMS = str.maketrans("█░─│·→–…●○’", "#.-|->-~*.'")
"""What stands for our own signs on a terminal without them: as wide, so that nothing moves."""

_COMMANDS, _INVISIBLE, _MARKS = ("Cc", "Zl", "Zp"), ("Cf", "Cs", "Co", "Cn"), ("Mn", "Me")
"""Unicode's general categories (Unicode Standard, table 4-4)."""


_COMMAND = re.compile(r"`[^`]*`")
_GLUE = "\0"
"""Stands for a space at which no line is broken; a cleaned text does not hold it."""
_CLOSING = 2
"""Cells for a stop, or a bracket, that closely follows a command."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line in one style: SGR parameters (ECMA-48, 8.3.117), or none."""

    text: str
    style: str = ""


Line = tuple[Span, ...]


def clean(text: str) -> str:
    """Return `text` as one line that commands no terminal: what others wrote may hold escape sequences."""
    if text.isprintable():
        return text
    shown = (char for char in text if not _is(char, _INVISIBLE))
    return "".join(" " if _is(char, _COMMANDS) or char.isspace() else char for char in shown)


def plain(text: str) -> str:
    """Return `text` with each of its lines cleaned; line ends and tabs stay."""
    if text.isprintable():
        return text
    return "\n".join("\t".join(map(clean, line.split("\t"))) for line in text.split("\n"))


def cells(text: str) -> int:
    """Return how many cells a cleaned text takes."""
    return len(text) if text.isascii() else sum(map(_char_cells, text))


def clip(line: Iterable[Span], width: int) -> Line:
    """Return the line's beginning that fits into `width` cells; half a wide character does not."""
    kept: list[Span] = []
    for span in line:
        text = _head(span.text, width)
        kept.append(Span(text, span.style))
        width -= cells(text)
        if text != span.text:
            break
    return tuple(kept)


def wrap(text: str, width: int) -> list[str]:
    """Return `text` in lines of at most `width` cells, broken between words, in a word only if it must be.

    `width` is at least 2, so that every character fits.
    """
    lines: list[str] = []
    line = ""
    for word in text.split():
        joined = f"{line} {word}" if line else word
        if cells(joined) <= width:
            line = joined
            continue
        lines += [line] if line else []
        *full, line = _pieces(word, width)
        lines += full
    return [*lines, line] if line else lines


def fold(text: str, width: int) -> list[str]:
    """Return `text` in lines as `wrap` does, but break no command in backticks that fits into one line."""

    def whole(command: re.Match[str]) -> str:
        return command[0].replace(" ", _GLUE) if cells(command[0]) <= width - _CLOSING else command[0]

    return [line.replace(_GLUE, " ") for line in wrap(_COMMAND.sub(whole, text), width)]


def paint(line: Line, *, colour: bool, unicode: bool) -> str:
    """Return the line as it is sent to the terminal, ending in the terminal's default style."""
    if not unicode:
        line = tuple(Span(_to_ascii(span.text), span.style) for span in line)
    return "".join(
        f"\x1b[{span.style}m{span.text}\x1b[0m" if colour and span.style else span.text for span in line
    )


def _is(char: str, categories: tuple[str, ...]) -> bool:
    return unicodedata.category(char) in categories


def _char_cells(char: str) -> int:
    if _is(char, _MARKS):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def _head(text: str, width: int) -> str:
    if text.isascii():
        return text[: max(0, width)]
    for index, char in enumerate(text):
        width -= _char_cells(char)
        if width < 0:
            return text[:index]
    return text


def _pieces(word: str, width: int) -> list[str]:
    pieces = []
    while cells(word) > width:
        pieces.append(_head(word, width))
        word = word[len(pieces[-1]) :]
    return [*pieces, word]


def _to_ascii(text: str) -> str:
    text = text.translate(_FORMS)
    return text if text.isascii() else "".join(map(_ascii_char, text))


def _ascii_char(char: str) -> str:
    """A letter without its accent, or as many question marks as the character has cells."""
    base = unicodedata.normalize("NFD", char)[0]
    return base if base.isascii() else "?" * _char_cells(char)
