"""Typed Python functions as tools: the name, the docstring and the annotations are the declaration. Pure.

    @tool(timeout_s=5.0)
    def set_heating(room: Literal["kitchen", "bath"], degrees: Annotated[float, Range(5, 30)]) -> str:
        \"\"\"Set the heating of a room.

        Args:
            room: the room to heat
            degrees: temperature in °C
        \"\"\"

The first paragraph of the docstring is the description, the `Args:` section describes the parameters.
Parameters are str, int, float, bool, a Literal of strings, an Enum, a list of these, or any of these or
None; numbers may have a `Range`. What else a function takes is a `DeclarationError` with its file and line.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from inspect import Parameter
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from daemon.tools.declaring.confirm import CONFIRM_WORDS, Confirm
from daemon.tools.declaring.spec import (
    DEFAULT_TIMEOUT_S,
    MAX_TIMEOUT_S,
    NAME_FORM,
    Scheduling,
    Schema,
    ToolSpec,
)

F = TypeVar("F", bound=Callable[..., Any])

MARK = "__conure_tool__"
"""The attribute under which a function carries its `Options`."""


class DeclarationError(ValueError):
    """A function that cannot be a tool; the text names its place and the remedy."""


@dataclass(frozen=True, slots=True)
class Range:
    """The limits of a number, both included: `Annotated[int, Range(0, 100)]`."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Options:
    """What `@tool` was told."""

    name: str | None = None
    blocking: bool = True
    timeout_s: float = DEFAULT_TIMEOUT_S
    scheduling: Scheduling = Scheduling.WHEN_IDLE
    confirm: str = ""


def tool(
    *,
    name: str | None = None,
    blocking: bool = True,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    silent: bool = False,
    interrupts: bool = False,
    confirm: str = "",
) -> Callable[[F], F]:
    """Mark a function or method as a tool; it stays as it is. `spec_of` makes the declaration.

    `name` None: the function's own. `blocking`: the model waits for the answer, where it can do both.
    `timeout_s`: from 0 (exclusive) to 300. Of a late answer the model says nothing (`silent`), or tells it
    at once (`interrupts`), or tells it when nobody speaks. `confirm` "say": it is done when the user, asked
    by the model, has agreed.
    """
    scheduling = Scheduling.SILENT if silent else Scheduling.WHEN_IDLE
    scheduling = Scheduling.INTERRUPT if interrupts and not silent else scheduling
    options = Options(
        name=name, blocking=blocking, timeout_s=timeout_s, scheduling=scheduling, confirm=confirm
    )

    def mark(function: F) -> F:
        setattr(function, MARK, options)
        return function

    return mark


def is_tool(value: object) -> bool:
    """Whether `value` was marked by `@tool`."""
    return isinstance(getattr(value, MARK, None), Options)


def spec_of(function: Callable[..., Any], source: str = "built in") -> ToolSpec:
    """The tool that a function is, marked by `@tool` or not. Raises DeclarationError with every mistake."""
    options: Options = getattr(function, MARK, Options())
    name = options.name or str(getattr(function, "__name__", ""))
    description, docs = _read_docstring(function)
    mistakes = [
        *_option_mistakes(name, options),
        *([] if description else ["needs a docstring: what it does"]),
    ]
    parameters: dict[str, _Parameter] = {}
    for parameter, hint in _signature(function, mistakes):
        try:
            parameters[parameter.name] = _parameter(parameter, hint, docs.get(parameter.name, ""))
        except TypeError as error:
            mistakes.append(f"parameter {parameter.name}: {error}")
    mistakes += [
        f"the docstring describes {key}, which is no parameter" for key in docs if key not in parameters
    ]
    if mistakes:
        raise DeclarationError(
            "\n".join(f"{place_of(function)}: {name or function}: {line}" for line in mistakes)
        )
    return ToolSpec(
        name=name, description=description, parameters=_schema(parameters), run=_runner(function, parameters),
        timeout_s=options.timeout_s, blocking=options.blocking, scheduling=options.scheduling, source=source,
        confirm=Confirm() if options.confirm else None,
    )  # fmt: skip


def place_of(function: Callable[..., Any]) -> str:
    """`FILE:LINE` of a function."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(function)


def _option_mistakes(name: str, options: Options) -> Iterator[str]:
    if not NAME_FORM.fullmatch(name):
        yield "the name must be 1 to 64 letters, digits, _ and -, and begin with no digit"
    if not 0 < options.timeout_s <= MAX_TIMEOUT_S:
        yield f"timeout_s must be above 0 and at most {MAX_TIMEOUT_S:g}, not {options.timeout_s}"
    if options.confirm not in CONFIRM_WORDS:
        yield f'confirm must be "say" or left out, not "{options.confirm}"'


# --- the docstring ---------------------------------------------------------------------------------

_ARGS = re.compile(r"^Args:[ ]*$", re.MULTILINE)
_SECTION = re.compile(r"^\S", re.MULTILINE)
_ARGUMENT = re.compile(r"^ {2,4}\*{0,2}(\w+)(?: \([^)]*\))?: *(.*)$")


def _read_docstring(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """The description, and the parameters' descriptions by name."""
    text = inspect.getdoc(function) or ""
    description = " ".join(text.split("\n\n")[0].split())
    start = _ARGS.search(text)
    if start is None:
        return description, {}
    body = text[start.end() :].lstrip("\n")
    end = _SECTION.search(body)
    return description, _arguments_described(body[: end.start()] if end else body)


def _arguments_described(section: str) -> dict[str, str]:
    docs: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        if found := _ARGUMENT.match(line):
            name = found[1]
            docs[name] = found[2].strip()
        elif name and line.strip():
            docs[name] += f" {line.strip()}"
    return docs


# --- parameters ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Parameter:
    schema: dict[str, Any]
    required: bool
    convert: Callable[[Any], Any]
    """From the JSON value to what the function takes."""


def _signature(function: Callable[..., Any], mistakes: list[str]) -> list[tuple[Parameter, Any]]:
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError) as error:
        mistakes.append(f"an annotation cannot be read: {error}")
        return []
    parameters = inspect.signature(function).parameters.values()
    return [(parameter, hints.get(parameter.name, Parameter.empty)) for parameter in parameters]


_SCALARS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}

_KNOWN = "use str, int, float, bool, a Literal of strings, an Enum, a list of these, or one of these or None"


def _parameter(parameter: Parameter, hint: Any, doc: str) -> _Parameter:
    """Raises TypeError that says what would be right."""
    if parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD, Parameter.POSITIONAL_ONLY):
        raise TypeError("must be an ordinary named parameter")
    if hint is Parameter.empty:
        raise TypeError(f"has no type; {_KNOWN}")
    schema, convert, optional = _type_schema(hint)
    if doc:
        schema["description"] = doc
    has_default = parameter.default is not Parameter.empty
    return _Parameter(schema, required=not has_default and not optional, convert=convert)


def _type_schema(hint: Any) -> tuple[dict[str, Any], Callable[[Any], Any], bool]:
    """Schema, conversion, and whether None may stand there. Raises TypeError."""
    if get_origin(hint) is Annotated:
        inner, *extras = get_args(hint)
        schema, convert, optional = _type_schema(inner)
        for extra in extras:
            if isinstance(extra, Range):
                _limit(schema, extra)
        return schema, convert, optional
    if get_origin(hint) in (Union, types.UnionType):
        choices = [choice for choice in get_args(hint) if choice is not types.NoneType]
        if len(choices) != 1:
            raise TypeError(f"may be one type or None, not one of several; {_KNOWN}")
        schema, convert, _ = _type_schema(choices[0])
        return _or_null(schema), partial(_convert_unless_none, convert), True
    return (*_plain_schema(hint), False)


def _plain_schema(hint: Any) -> tuple[dict[str, Any], Callable[[Any], Any]]:
    if hint in _SCALARS:
        return {"type": _SCALARS[hint]}, float if hint is float else _as_it_is
    if get_origin(hint) is Literal and all(isinstance(choice, str) for choice in get_args(hint)):
        return {"type": "string", "enum": list(get_args(hint))}, _as_it_is
    if isinstance(hint, type) and issubclass(hint, Enum) and len(hint):
        members = _enum_words(hint)
        return {"type": "string", "enum": list(members)}, members.__getitem__
    if get_origin(hint) is list and len(get_args(hint)) == 1:
        schema, convert, optional = _type_schema(get_args(hint)[0])
        if not optional:
            return {"type": "array", "items": schema}, partial(_convert_each, convert)
    raise TypeError(f"has the type {getattr(hint, '__name__', hint)!s}, which is not possible; {_KNOWN}")


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    words = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return schema | {"type": [schema["type"], "null"]} | words


def _enum_words(kind: type[Enum]) -> dict[str, Enum]:
    """The members by their values where these are words, else by their names."""
    if all(isinstance(member.value, str) for member in kind):
        return {str(member.value): member for member in kind}
    return {member.name: member for member in kind}


def _limit(schema: dict[str, Any], limits: Range) -> None:
    if schema["type"] not in ("integer", "number", ["integer", "null"], ["number", "null"]):
        raise TypeError("has a Range, which is for int and float only")
    if limits.low > limits.high:
        raise TypeError(f"has a Range from {limits.low:g} to {limits.high:g}, which is empty")
    schema |= {"minimum": limits.low, "maximum": limits.high}


def _as_it_is(value: Any) -> Any:
    return value


def _convert_each(convert: Callable[[Any], Any], values: list[Any]) -> list[Any]:
    return [convert(value) for value in values]


def _convert_unless_none(convert: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else convert(value)


def _schema(parameters: Mapping[str, _Parameter]) -> Schema:
    return {
        "type": "object",
        "properties": {name: parameter.schema for name, parameter in parameters.items()},
        "required": [name for name, parameter in parameters.items() if parameter.required],
        "additionalProperties": False,
    }


def _runner(function: Callable[..., Any], parameters: Mapping[str, _Parameter]) -> Callable[..., Any]:
    """`function` with its arguments converted, sync or async as it is itself."""
    missing_is_none = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is Parameter.empty and not parameters[name].required
    ]

    def converted(given: dict[str, Any]) -> dict[str, Any]:
        values = {name: parameters[name].convert(value) for name, value in given.items()}
        return dict.fromkeys(missing_is_none) | values

    if inspect.iscoroutinefunction(function):

        async def run_async(**given: Any) -> Any:
            return await function(**converted(given))

        return run_async

    def run(**given: Any) -> Any:
        return function(**converted(given))

    return run
