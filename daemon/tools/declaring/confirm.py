"""Which calls of a tool the user must confirm first, in plain data. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CONFIRM_WORDS = ("", "say")
"""How a tool may ask for the user's consent: not at all, or by voice."""

Harmless = Mapping[str, tuple[str, ...]]
"""For each of these arguments, the values with which a call needs no confirmation."""


@dataclass(frozen=True, slots=True)
class Confirm:
    """The user is asked before each call, but for those that one of `unasked` covers."""

    unasked: tuple[Harmless, ...] = ()

    def asks(self, arguments: Mapping[str, Any]) -> bool:
        """Whether the user is asked before a call with these arguments."""
        return not any(_covers(harmless, arguments) for harmless in self.unasked)

    def plain(self) -> list[dict[str, list[str]]]:
        """As JSON can hold it; `from_plain` reads it."""
        return [{name: list(values) for name, values in harmless.items()} for harmless in self.unasked]

    @classmethod
    def from_plain(cls, plain: Any) -> Confirm:
        """What `plain` gave. Whatever is no such list covers nothing, so that the user is asked."""
        rules = plain if isinstance(plain, list) else []
        return cls(tuple(_read(rule) for rule in rules if isinstance(rule, dict) and rule))


def _read(rule: Mapping[str, Any]) -> Harmless:
    return {name: tuple(values) if isinstance(values, list) else () for name, values in rule.items()}


def _covers(harmless: Harmless, arguments: Mapping[str, Any]) -> bool:
    """Every argument of the rule is given, and all its values are among the harmless ones.

    So a call that names an argument not at all, or as an empty list, is not covered: it may mean anything.
    """
    return all(_is_among(arguments.get(name), values) for name, values in harmless.items())


def _is_among(given: Any, values: tuple[str, ...]) -> bool:
    items = given if isinstance(given, list) else [given]
    return bool(items) and all(item in values for item in items)
