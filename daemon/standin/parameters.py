"""Checks what TOML gives for the fields of a dataclass. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

TOML_TYPES: dict[str, type | tuple[type, ...]] = {
    "int": int,
    "float": (int, float),
    "float | None": (int, float),
    "str": str,
    "bool": bool,
    "dict[str, Any]": dict,
}
"""How the annotations are spelt, and what TOML may give for them."""


def check_parameters(owner: str, fields: Iterable[dataclasses.Field[Any]], given: Mapping[str, Any]) -> None:
    """Whether each name and type in `given` is one of the fields'. Raises ValueError."""
    known = {parameter.name: str(parameter.type) for parameter in fields}
    if unknown := set(given) - set(known):
        names = ", ".join(sorted(known)) or "no parameters"
        raise ValueError(f"{owner} has no {', '.join(sorted(unknown))}; it has {names}")
    for name, value in given.items():
        _check_type(name, value, known[name])


def _check_type(name: str, value: Any, annotation: str) -> None:
    boolean_as_number = isinstance(value, bool) and annotation != "bool"
    if boolean_as_number or not isinstance(value, TOML_TYPES[annotation]):
        raise ValueError(f"{name} is {annotation}, not {value!r}")
