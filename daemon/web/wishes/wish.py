"""A wish for other settings, for another API key, or for a new start, and what became of it. Pure.

A wish comes from a process that strangers talk to, and a program that is root carries it out. So it names
keys and values, or holds one API key, or asks for a new start, and nothing else, and both sides read the
other's words as anybody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from daemon.config.schema import KEYS, Key, Problem
from daemon.config.secret import Secret
from daemon.outside import one_line

WISH_FILE = "wish.json"
OUTCOME_FILE = "outcome.json"

MAX_CHANGES = 200
"""More than there are keys."""
MAX_PROBLEMS = 50
WORDS_CHARS = 600
VALUE_CHARS = 4000
"""Longest text of one value; the instruction is the longest that anybody writes."""

BY_NAME: Mapping[str, Key] = {key.full_name: key for key in KEYS}

NAMES_OF_FILES = ("board.name", "wake.words")
"""Keys that take a name, or the path of a file: the page may set names."""

_NUMBER = re.compile(r"[0-9a-f]{16}")
_VERSION = re.compile(r"[0-9a-f]{64}|")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Other values for some keys."""

    number: str
    """16 hexadecimal digits: the outcome has the same."""
    version: str
    """SHA-256 of the file that the wish was made for; empty: there was none."""
    changes: Mapping[str, Any]
    """By full name (`sound.volume`), as TOML has the values; None: the default, out of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyWish:
    """Another API key for the service, of whatever form."""

    number: str
    """As a wish for settings has it."""
    key: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartWish:
    """That the speaker starts anew, as it is."""

    number: str
    """As a wish for settings has it."""


AnyWish = Wish | KeyWish | RestartWish


class OutcomeKind(StrEnum):
    """What became of a wish."""

    APPLIED = "applied"
    KEPT = "kept"
    """It is in its place; the speaker does not run, and takes it when it starts."""
    REFUSED = "refused"
    STALE = "stale"
    """The file is another than the one that the wish was made for."""
    WENT_BACK = "went_back"
    """The speaker did not become ready with it; all is as it was."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class WishOutcome:
    """What became of the wish with this number."""

    number: str
    kind: OutcomeKind
    told: str
    problems: tuple[Problem, ...] = field(default=())


def wish_of(data: Any) -> AnyWish:
    """The wish in JSON data. Raises ValueError, without a word of the data, for whatever is none."""
    match data:
        case {"number": str(number), "key": str(key)}:
            return _key_wish(number, key)
        case {"number": str(number), "version": str(version), "changes": dict(changes)}:
            return _wish(number, version, changes)
        case {"number": str(number), "restart": True}:
            return RestartWish(number=_checked_number(number))
    raise ValueError("it is no wish")


def _key_wish(number: str, key: str) -> KeyWish:
    return KeyWish(number=_checked_number(number), key=Secret(key))


def _checked_number(number: str) -> str:
    if not _NUMBER.fullmatch(number):
        raise ValueError("it has no number")
    return number


def _wish(number: str, version: str, changes: Mapping[str, Any]) -> Wish:
    if not _NUMBER.fullmatch(number) or not _VERSION.fullmatch(version):
        raise ValueError("it has no number, or no version")
    check_changes(changes)
    return Wish(number=number, version=version, changes=changes)


def check_changes(changes: Mapping[str, Any]) -> None:
    """Raises ValueError for what is no set of changes, whatever the keys are."""
    if len(changes) > MAX_CHANGES:
        raise ValueError(f"there are more than {MAX_CHANGES} changes")
    if not all(isinstance(name, str) and _is_plain(value) for name, value in changes.items()):
        raise ValueError("a value must be a text, a number, true or false, or a list of these")


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= MAX_CHANGES and all(
            _is_plain(one) and not isinstance(one, list) for one in value
        )
    if isinstance(value, str):
        return len(value) <= VALUE_CHARS
    return value is None or isinstance(value, bool | int | float)


def forbidden(changes: Mapping[str, Any]) -> Iterator[Problem]:
    """What no page may change, whoever asks."""
    for name, value in changes.items():
        key = BY_NAME.get(name)
        if key is None:
            yield Problem((one_line(name, 60),), f"{one_line(name, 60)}: there is no such key")
        elif not key.web:
            yield Problem((name,), f"{name}: is set in the file only, not by the page")
        elif name in NAMES_OF_FILES and "/" in str(value):
            yield Problem(
                (name,), f"{name}: a file is named in the configuration's file only, not by the page"
            )


def plain_outcome(outcome: WishOutcome) -> dict[str, Any]:
    """The outcome as JSON has it, and as the page takes it."""
    problems = [{"keys": list(one.keys), "text": one.text} for one in outcome.problems]
    return {"number": outcome.number, "kind": outcome.kind.value, "told": outcome.told, "problems": problems}


def outcome_of(data: Any) -> WishOutcome:
    """The outcome in JSON data. Raises ValueError, KeyError or TypeError for whatever is none."""
    problems = tuple(
        Problem(tuple(one_line(str(key), 60) for key in one["keys"]), one_line(str(one["text"]), WORDS_CHARS))
        for one in data["problems"][:MAX_PROBLEMS]
    )
    return WishOutcome(
        number=str(data["number"])[:16],
        kind=OutcomeKind(data["kind"]),
        told=one_line(str(data["told"]), WORDS_CHARS),
        problems=problems,
    )
