"""Makes what comes from outside harmless where it enters: numbers within a range, plain texts. Pure.

This is the one place for it: what a server, a file, a program or the model says goes through here before
anything computes with it, keeps it or shows it.
"""

from __future__ import annotations

import json
import math
import unicodedata
from typing import Any

MAX_WHOLE = 2**53 - 1
"""Larger whole numbers are not exchanged between programs without loss (RFC 7493, section 2.2)."""

MAX_DEPTH = 32
"""How deep lists and tables may stand in one another; Python's own limit is some 1000 calls."""

OUT_OF_RANGE = "(a number out of range)"
TOO_DEEP = "(too deep)"

_CONTROLS = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's general categories of what commands a terminal or ends a line, and halves of surrogate pairs."""

_HIDDEN = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xE0000, 0xE0080), 0xFEFF}
"""What turns the direction of writing, tag characters, and the byte order mark: they change or hide what
stands there (Unicode Standard Annex 9; Unicode Technical Report 36). Joiners stay: languages need them."""


class OutOfRange(ValueError):
    """A number that cannot be meant; the text says what would be right."""


def number(value: object, low: float = -MAX_WHOLE, high: float = MAX_WHOLE) -> float:
    """A number within both limits. Raises OutOfRange for any other, for NaN, and for what is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise OutOfRange(f"must be a number from {low:g} to {high:g}")
    return float(value)


def whole_number(value: object, low: int = 0, high: int = MAX_WHOLE) -> int:
    """A whole number within both limits; 3.0 is one, true is none. Raises OutOfRange for any other."""
    wrong = isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high
    if wrong or value != int(value):  # type: ignore[call-overload] # checked in the line before
        raise OutOfRange(f"must be a whole number from {low} to {high}")
    return int(value)  # type: ignore[call-overload, no-any-return] # as before


def is_usable(value: float) -> bool:
    """Whether one can compute with a number: it is finite, and not larger than MAX_WHOLE."""
    return -MAX_WHOLE <= value <= MAX_WHOLE


def whole(value: object, largest: int = MAX_WHOLE) -> int | None:
    """A whole number from 0 to `largest`; None for anything else."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= largest else None


def seconds(value: object, largest_s: float) -> float | None:
    """A length of time from 0 to `largest_s`, a text being read as a number; None for anything else."""
    try:
        length_s = float(value)  # type: ignore[arg-type]  # what it cannot read is told by TypeError
    except (TypeError, ValueError, OverflowError):
        return None
    return length_s if 0 <= length_s <= largest_s else None


def plain_text(text: str) -> str:
    """`text` without control and hidden characters; line ends and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char for char in text.replace("\r\n", "\n") if char in "\n\t" or not _is_odd(char))


def one_line(text: str, limit_chars: int) -> str:
    """`text` as one line without control and hidden characters, cut to a length of at most `limit_chars`."""
    start = text[: 4 * limit_chars]  # the rest is cut off anyway, unless most of it is white space
    words = " ".join("".join(" " if _is_odd(char) else char for char in start).split())
    whole = len(words) <= limit_chars and len(start) == len(text)
    return words if whole else f"{words[: limit_chars - 1]}…"


def _is_odd(char: str) -> bool:
    return unicodedata.category(char) in _CONTROLS or ord(char) in _HIDDEN


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


def json_of(data: bytes | str) -> Any:
    """What a JSON text holds, every number usable. Raises ValueError for all else, however odd it is."""
    text = data if isinstance(data, str) else data.decode("utf-8-sig")
    try:
        value = json.loads(text, parse_int=_whole, parse_float=_real, parse_constant=_real)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    _check_depth(value)
    return value


def _whole(digits: str) -> int:
    return whole_number(int(digits) if len(digits) < 20 else math.inf, -MAX_WHOLE)


def _real(digits: str) -> float:
    return number(float(digits))


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return
    raise ValueError("it is nested too deeply")


def _inside(value: Any) -> list[Any]:
    match value:
        case dict():
            return list(value.values())
        case list():
            return value
    return []
