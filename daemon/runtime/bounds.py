"""What comes from outside, checked for range where it enters. Pure.

A number that somebody else wrote may be negative, endless, not a number, or have thousands of digits. What
passes here can be added up, written to a file and printed.
"""

from __future__ import annotations

import math

MAX_WHOLE = 2**53 - 1
"""RFC 7493 §2.2: larger whole numbers are not exchanged between programs without loss."""

MAX_DEPTH = 32
"""How deep lists and tables may stand in one another; Python's own limit is some 1000 calls."""

OUT_OF_RANGE = "(a number out of range)"
TOO_DEEP = "(too deep)"


def whole(value: object, largest: int = MAX_WHOLE) -> int | None:
    """A whole number from 0 to `largest`; None for anything else."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= largest else None


def seconds(value: object, largest_s: float) -> float | None:
    """A length of time from 0 to `largest_s`, a text being read as a number; None for anything else."""
    try:
        number = float(value)  # type: ignore[arg-type]  # what it cannot read is told by TypeError
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 <= number <= largest_s else None


def tame(value: object, depth: int = MAX_DEPTH) -> object:
    """A value of JSON in which every number can be added up and written, and every text can be encoded.

    What cannot be is a text that says so, so that who checks the value's type refuses it by name.
    """
    match value:
        case dict() | list() if depth == 0:
            return TOO_DEEP
        case dict():
            return {encodable(str(key)): tame(one, depth - 1) for key, one in value.items()}
        case list():
            return [tame(one, depth - 1) for one in value]
        case str():
            return encodable(value)
        case bool() | None:
            return value
        case int() if abs(value) <= MAX_WHOLE:
            return value
        case float() if math.isfinite(value):
            return value
        case _:
            return OUT_OF_RANGE


def encodable(text: str) -> str:
    """The text without halves of surrogate pairs, which JSON can spell and UTF-8 cannot."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
