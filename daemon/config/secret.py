"""A value that must not be printed."""

from __future__ import annotations


class Secret:
    """Holds the API key. Its text forms are masked, so that no log line or error can hold it by accident."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself: for the one call that needs it."""
        return self._value

    def scrub(self, text: str) -> str:
        """`text` without the value, for words that come from outside."""
        return text.replace(self._value, str(self)) if self._value else text

    def __str__(self) -> str:
        return "********"

    __repr__ = __str__
