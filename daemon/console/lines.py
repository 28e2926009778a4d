"""What the live view is written with: styles, labels, and text that is broken between words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from daemon.runtime.cells import Line, Span, cells

Note = Mapping[str, object]
"""A note of `daemon.runtime.feed`, or `{"event": "log", "text": one line}`."""

BOLD, DIM, GREEN, AMBER, RED, BLUE = "1", "2", "32", "33", "31", "1;34"
"""SGR parameters: the terminal's own colours, which its user chose to be readable."""

LABEL_CELLS = 10


def label(name: str) -> Span:
    """The beginning of a line, up to where its text stands."""
    return Span(f"{name:<{LABEL_CELLS}}", DIM)


def flow(start: Sequence[Span], words: Iterable[Span], width: int) -> list[Line]:
    """Return `start` and the words after it, broken between words; what follows stands beside the labels."""
    lines = [list(start)]
    for span in words:
        for word in span.text.split():
            used = sum(cells(part.text) for part in lines[-1])
            if used > LABEL_CELLS and used + 1 + cells(word) > width:
                lines.append([label("")])
            _add_word(lines[-1], word, span.style)
    return [tuple(line) for line in lines]


def _add_word(line: list[Span], word: str, style: str) -> None:
    last = line[-1]
    gap = "" if last.text.endswith(" ") else " "
    if last.style == style:
        line[-1] = Span(f"{last.text}{gap}{word}", style)
    else:
        line += [Span(gap), Span(word, style)] if gap else [Span(word, style)]


def joined(words: Iterable[str], width: int) -> list[str]:
    """The words with dots between them, on lines that are not broken within one."""
    lines: list[str] = []
    for word in words:
        if lines and cells(f"{lines[-1]} · {word}") <= width:
            lines[-1] += f" · {word}"
        else:
            lines.append(word)
    return lines
