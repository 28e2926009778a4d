"""Tables whose lines are broken between words at a terminal's width, and nowhere without one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from typing import TextIO

from daemon.runtime.cells import cells, fold

GAP = "  "
INDENT = "    "

LEAST_CELLS = 24
"""A last column that is narrower than this is hard to read: the rows are then written one below the other."""

Rows = Sequence[Sequence[str]]


def terminal_width(stream: TextIO) -> int | None:
    """How many cells a line has; None where it is no terminal: a program may read it line by line."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def table(head: Sequence[str], rows: Rows, width: int | None = None) -> str:
    """Rows as lines with even columns. Where they are wider than `width`, the last column is broken.

    Where too little is left for it, each row is a paragraph. An empty `head` is left out.
    """
    lines = [*([head] if head else []), *rows]
    widths = [max(map(cells, column)) for column in zip(*lines, strict=True)]
    left = sum(widths[:-1]) + len(GAP) * (len(widths) - 1)
    if width is None or left + widths[-1] <= width:
        return "\n".join(_line(line, widths) for line in lines)
    if width - left >= LEAST_CELLS:
        return "\n".join(part for line in lines for part in _broken(line, widths, width - left))
    return "\n".join(part for row in rows for part in _paragraph(head, row, width))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - cells(cell)) for cell, width in zip(row, widths, strict=True))
    return GAP.join(padded).rstrip()


def _broken(row: Sequence[str], widths: Sequence[int], last_cells: int) -> Iterator[str]:
    *begin, last = row
    first, *rest = fold(last, last_cells) or [""]
    yield _line([*begin, first], widths)
    yield from (_line([*[""] * len(begin), part], widths) for part in rest)


def _paragraph(head: Sequence[str], row: Sequence[str], width: int) -> Iterator[str]:
    """The first cell as a title, and the others below it, each after its name."""
    yield row[0]
    names = [f"{name}: " for name in head[1:]] or [""] * (len(row) - 1)
    text = ", ".join(f"{name}{cell}" for name, cell in zip(names, row[1:], strict=True) if cell)
    yield from (f"{INDENT}{part}" for part in fold(text, max(LEAST_CELLS, width - len(INDENT))))
