"""A value that must not be printed."""

from __future__ import annotations

from daemon.masking import MASK, mask_keys

MIN_BEGINNING = 8
"""A beginning of the value of so many characters is masked as well: whoever cut it has cut off the end."""


class Secret:
    """Holds the API key. Its text forms are masked, so that no log line or error can hold it by accident."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself: for the one call that needs it."""
        return self._value

    def scrub(self, text: str) -> str:
        """`text` without the value and its beginnings, and without whatever else looks like a key.

        For words that come from outside. What is cut to length is to be scrubbed before.
        """
        beginning = self._value[:MIN_BEGINNING]
        pieces = text.split(beginning) if beginning else [text]
        rest = self._value[MIN_BEGINNING:]
        kept = [piece[_common_length(piece, rest) :] for piece in pieces[1:]]
        return mask_keys(MASK.join([pieces[0], *kept]))

    def __str__(self) -> str:
        return MASK

    __repr__ = __str__


def _common_length(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
