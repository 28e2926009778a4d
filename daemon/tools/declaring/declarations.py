"""What the service is told of tools: each schema in the small subset that it takes. Pure.

A field that the service does not know ends the whole session at its set-up (1007), so that one odd tool of an
MCP server could silence the device. What cannot be said in the subset is left out where it is optional;
where it is not, the tool is `Undeclarable`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from daemon.config.models import Capabilities
from daemon.outside import plain_text
from daemon.tools.declaring.spec import NAME_FORM, Schema, ToolSpec

DESCRIPTION_CHARS = 1000
"""Longest description; all of them are read, and paid for, with every turn."""

PARAMETERS_CHARS = 8_000
"""Longest schema, as JSON; policy for a longer one: the tool is not offered."""

TEXT_CHARS = 200
"""Longest name of a parameter and longest choice; policy: leave it out."""

MAX_SCHEMAS = 500
"""Parts of one tool's schema that are looked at: one that refers to itself in several places has millions."""

MAX_DEPTH = 6
"""Deepest nesting; also where a schema that refers to itself ends."""


LARGEST_LIMIT = 1e15
"""A number beyond it is no limit; a double, which the service keeps it as, is exact to here (2**53)."""


class Undeclarable(ValueError):
    """A tool that cannot be offered to the model; the text says why."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A tool as the service is told of it."""

    name: str
    description: str
    parameters: Schema
    """JSON schema of type, description, enum, minimum, maximum, items, properties, required and anyOf."""
    behavior: str = ""
    """BLOCKING or NON_BLOCKING; empty where the model gives no choice."""


@dataclass(frozen=True, slots=True)
class Equipment:
    """What each session begins with, asked afresh each time."""

    instruction: Callable[[], str]
    declarations: Callable[[], Iterable[Declaration]] = tuple
    pictures: bool = False
    """Whether the model may be shown some."""


def declare(spec: ToolSpec, model: Capabilities) -> Declaration:
    """The tool for this model. Raises Undeclarable."""
    if not NAME_FORM.fullmatch(spec.name):
        raise Undeclarable("its name is not 1 to 64 letters, digits, _ and -")
    try:
        parameters = _object(spec.parameters, _Definitions.of(spec.parameters), 0)
        length_chars = len(json.dumps(parameters, allow_nan=False))
    except Undeclarable:
        raise
    except Exception as error:  # what a server sends may have any form, and raise anything
        raise Undeclarable("its parameters are no JSON schema") from error
    if length_chars > PARAMETERS_CHARS:
        raise Undeclarable(f"its parameters take {length_chars} characters of at most {PARAMETERS_CHARS}")
    behavior = ("BLOCKING" if spec.blocking else "NON_BLOCKING") if model.blocking_by_choice else ""
    return Declaration(spec.name, _short(spec.description), parameters, behavior)


@dataclass(slots=True)
class _Definitions:
    """What a schema refers to by name, and how many more of its parts may be looked at."""

    schemas: Mapping[str, Any]
    left: int = MAX_SCHEMAS

    @classmethod
    def of(cls, schema: Schema) -> _Definitions:
        return cls(schema.get("$defs") or schema.get("definitions") or {})

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema, or the one that it refers to with what it adds. Raises Undeclarable."""
        self.left -= 1
        if self.left < 0:
            raise Undeclarable(f"has more than {MAX_SCHEMAS} parts")
        name = str(schema.get("$ref", "")).rpartition("/")[2]
        if not name:
            return schema
        if name not in self.schemas:
            raise Undeclarable(f"refers to {name}, which is not there")
        return {**self.schemas[name], **{key: value for key, value in schema.items() if key != "$ref"}}


def _short(description: str) -> str:
    return plain_text(description[:DESCRIPTION_CHARS])


def _lower(schema: Any, definitions: _Definitions, depth: int) -> dict[str, Any]:
    """The schema in the subset. Raises Undeclarable."""
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        raise Undeclarable("is nested too deeply, or refers to itself")
    schema = definitions.resolved(schema)
    kinds, choices = _alternatives(schema)
    nullable = "null" in kinds or any(choice.get("type") == "null" for choice in choices)
    kinds = [kind for kind in kinds if kind != "null"]
    choices = [choice for choice in choices if choice.get("type") != "null"]
    if len(choices) == 1 and not kinds:
        lowered = _lower(choices[0], definitions, depth + 1)
    elif choices and not kinds:
        lowered = {"anyOf": [_lower(choice, definitions, depth + 1) for choice in choices]}
    elif len(kinds) == 1:
        lowered = _of_kind(kinds[0], schema, definitions, depth)
    else:
        raise Undeclarable("may be of any type")
    if nullable and isinstance(lowered.get("type"), str):
        lowered["type"] = [lowered["type"], "null"]
    if described := _description(schema, lowered):
        lowered["description"] = described
    return lowered


def _alternatives(schema: Mapping[str, Any]) -> tuple[list[str], list[Mapping[str, Any]]]:
    """The types, and the alternatives of anyOf and its like."""
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    choices = [*schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("allOf", [])]
    if not kinds and not choices and ("enum" in schema or "const" in schema):
        kinds = ["string"]
    return kinds, [choice for choice in choices if isinstance(choice, Mapping)]


def _of_kind(kind: str, schema: Mapping[str, Any], definitions: _Definitions, depth: int) -> dict[str, Any]:
    match kind:
        case "object":
            lowered = _object(schema, definitions, depth)
            if not lowered["properties"]:
                raise Undeclarable("is an object without named fields")
            return lowered
        case "array":
            items = schema.get("items") or {"type": "string"}
            return {"type": "array", "items": _lower(items, definitions, depth + 1)}
        case "string":
            words = [schema["const"]] if "const" in schema else schema.get("enum", [])
            words = [word for word in words if _is_plain(word)]
            return {"type": "string"} | ({"enum": words} if words else {})
        case "integer" | "number":
            limits = {name: schema[name] for name in ("minimum", "maximum") if _is_limit(schema.get(name))}
            return {"type": kind} | limits
        case "boolean":
            return {"type": "boolean"}
    raise Undeclarable(f"has the unknown type {kind}")


def _is_plain(word: object) -> bool:
    """Whether it is a text that a model can repeat to the letter."""
    return isinstance(word, str) and 0 < len(word) <= TEXT_CHARS and word.isprintable()


def _is_limit(value: object) -> bool:
    """JSON has no word for what is not finite, but Python's parser takes it."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST_LIMIT


def _object(schema: Mapping[str, Any], definitions: _Definitions, depth: int) -> dict[str, Any]:
    required = [name for name in schema.get("required", []) if name in schema.get("properties", {})]
    properties: dict[str, Any] = {}
    for name, value in schema.get("properties", {}).items():
        try:
            if not _is_plain(name):
                raise Undeclarable("has a name that is none")
            properties[name] = _lower(value, definitions, depth + 1)
        except Undeclarable as error:
            if name in required:
                raise Undeclarable(f"its parameter {name} {error}") from None
    return {"type": "object", "properties": properties, "required": required}


def _description(schema: Mapping[str, Any], lowered: Mapping[str, Any]) -> str:
    """The description, with the choices of a number, which have no other place."""
    words = [_short(str(schema.get("description", "")))]
    if schema.get("enum") and "enum" not in lowered:
        words.append(_short(f"(one of {', '.join(map(str, schema['enum']))})"))
    return " ".join(filter(None, words))
