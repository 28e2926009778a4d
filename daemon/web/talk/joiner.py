"""Joins the pieces of a transcript into sentences. Pure.

The service sends words as they are spoken; a client that draws a bubble for each text wants whole sentences.
"""

from __future__ import annotations

import re

LONGEST_CHARS = 400
"""A text without the end of a sentence is given after this; some half a minute of speech."""

_END = re.compile(r"[.!?…][\"'”’)\]]*\s+|[。！？]+|\n+")  # noqa: RUF001 - ends of sentences as they are written
"""Where a sentence ends. A full stop counts once white space follows: it may be that of "3.14"."""


class Joiner:
    """Takes pieces, gives sentences, in order; none is empty."""

    def __init__(self) -> None:
        self._waiting = ""

    def add(self, piece: str) -> list[str]:
        """The sentences that are whole with this piece."""
        self._waiting += piece
        given = []
        while (cut := self._cut()) > 0:
            given.append(self._waiting[:cut].strip())
            self._waiting = self._waiting[cut:]
        return [sentence for sentence in given if sentence]

    def flush(self) -> list[str]:
        """What is left, for no more of it comes."""
        left, self._waiting = self._waiting.strip(), ""
        return [left] if left else []

    def _cut(self) -> int:
        """Where the next text to give ends; 0: nowhere yet."""
        if (found := _END.search(self._waiting[:LONGEST_CHARS])) is not None:
            return found.end()
        if len(self._waiting) < LONGEST_CHARS:
            return 0
        return self._waiting.rfind(" ", 1, LONGEST_CHARS) + 1 or LONGEST_CHARS
