"""The model's arguments held against a tool's schema: all mistakes at once, in words it can act upon. Pure.

Of JSON schema it knows what declarations use: type, enum, minimum and maximum, items, properties, required,
additionalProperties. What it does not know it lets pass: an MCP server checks for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from daemon.outside import is_usable
from daemon.tools.declaring.spec import Schema

MAX_MISTAKES = 10
"""Mistakes that are told of one call; policy: the first."""

SHOWN_CHARS = 60
"""Longest value that is repeated to the model."""


class WrongArguments(ValueError):
    """Arguments that a tool does not take; the text names every mistake and what would be right."""


def check_arguments(schema: Schema, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as the tool takes them: whole numbers as int. Raises WrongArguments."""
    mistakes: list[str] = []
    values = _object(schema, arguments, "", mistakes)
    if mistakes:
        told = "; ".join(mistakes[:MAX_MISTAKES])
        more = len(mistakes) - MAX_MISTAKES
        raise WrongArguments(told if more <= 0 else f"{told}; and {more} more mistakes")
    return values


def _value(schema: Schema, value: Any, path: str, mistakes: list[str]) -> Any:
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds or []
    if kinds and not any(_IS.get(kind, _anything)(value) for kind in kinds):
        mistakes.append(f"{path} must be {_wanted(schema, kinds)}, not {_shown(value)}")
        return value
    if "enum" in schema and value not in schema["enum"]:
        mistakes.append(f"{path} must be {_wanted(schema, kinds)}, not {_shown(value)}")
    if isinstance(value, str):
        return value.encode("utf-8", "ignore").decode()  # no half of a surrogate pair
    if isinstance(value, Mapping):
        return _object(schema, value, f"{path}.", mistakes)
    if isinstance(value, list):
        items = schema.get("items", {})
        return [_value(items, item, f"{path}[{place}]", mistakes) for place, item in enumerate(value)]
    if _is_number(value):
        return _number(schema, value, kinds, path, mistakes)
    return value


def _object(schema: Schema, values: Mapping[str, Any], prefix: str, mistakes: list[str]) -> dict[str, Any]:
    known: Mapping[str, Schema] = schema.get("properties", {})
    mistakes += [f"{prefix}{name} is missing" for name in schema.get("required", []) if name not in values]
    if schema.get("additionalProperties") is False:
        there_is = f"; there are {', '.join(known)}" if known else "; it takes none"
        mistakes += [f"{prefix}{name} is no parameter{there_is}" for name in values if name not in known]
    return {
        name: _value(known.get(name, {}), value, f"{prefix}{name}", mistakes)
        for name, value in values.items()
    }


def _number(schema: Schema, value: Any, kinds: list[str], path: str, mistakes: list[str]) -> Any:
    low, high = schema.get("minimum"), schema.get("maximum")
    if not is_usable(value):
        mistakes.append(f"{path} must be a number that can be meant")
        return value
    if (low is not None and value < low) or (high is not None and value > high):
        mistakes.append(f"{path} must be {_wanted(schema, kinds)}, not {_shown(value)}")
    return int(value) if "integer" in kinds else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    """A whole number may come as 3.0: the service keeps arguments as protobuf's Struct, all doubles."""
    return _is_number(value) and (isinstance(value, int) or value.is_integer())


def _anything(_value: Any) -> bool:
    return True


_IS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": _is_whole,
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, Mapping),
    "null": lambda value: value is None,
}

_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def _wanted(schema: Schema, kinds: list[str]) -> str:
    if "enum" in schema:
        return f"one of {', '.join(str(choice) for choice in schema['enum'] if choice is not None)}"
    words = " or ".join(_WORDS.get(kind, kind) for kind in kinds)
    low, high = schema.get("minimum"), schema.get("maximum")
    match low, high:
        case None, None:
            return words
        case _, None:
            return f"{words}, at least {low:g}"
        case None, _:
            return f"{words}, at most {high:g}"
    return f"{words} from {low:g} to {high:g}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[: SHOWN_CHARS - 1]}…"
