"""Cuts words that are being written into sentences that can be spoken. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

SENTENCE_CHARS = 400
"""A longer one is cut at a pause within it: half a minute of speech, of which nothing is heard before."""

_END = re.compile("[.!?…]+[\"')\\]»”’]*\\s+|[\u3002\uff01\uff1f]+|\n+")
"""The stops of Chinese and Japanese need no space after them."""
_PAUSE = re.compile("[,;:]\\s*|[\u3001\uff0c]|\\s+")
_MARKS = re.compile(r"[*_#`>|~]+")
"""What writing is decorated with, and nobody says."""


class Sentences:
    """Takes words piece by piece."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, words: str) -> Iterator[str]:
        """The sentences that are whole with these words."""
        self._held += words
        while (end := self._end()) is not None:
            yield from _spoken(self._held[:end])
            self._held = self._held[end:]

    def rest(self) -> Iterator[str]:
        """What is left when no more words come."""
        held, self._held = self._held, ""
        yield from _spoken(held)

    def _end(self) -> int | None:
        found = _END.search(self._held)
        if found is not None and found.end() <= SENTENCE_CHARS:
            return found.end()
        if len(self._held) <= SENTENCE_CHARS:
            return None
        pauses = [pause.end() for pause in _PAUSE.finditer(self._held, 0, SENTENCE_CHARS)]
        return pauses[-1] if pauses else SENTENCE_CHARS


def _spoken(sentence: str) -> Iterator[str]:
    plain = " ".join(_MARKS.sub(" ", sentence).split())
    if any(character.isalnum() for character in plain):
        yield plain
