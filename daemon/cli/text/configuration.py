"""The configuration for people: as TOML with every key explained. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import Any

from daemon.config.schema import TABLES, Key, may_be_secret, toml_value
from daemon.config.settings import Settings
from daemon.masking import MASK


def describe(settings: Settings, given: Container[str] | None = None) -> str:
    """Every key with its documentation and value, as TOML that can be read back; changed ones are marked.

    `given` has the full names of the keys that the user has set: other changes are the board's.
    """
    return "\n".join(_tables(settings, given)) + "\n"


def _tables(settings: Settings, given: Container[str] | None) -> Iterator[str]:
    for number, (table, keys) in enumerate(TABLES.items()):
        if number:
            yield ""
        yield f"[{table}]"
        for key in keys.values():
            whose = "changed" if given is None or key.full_name in given else "the board's"
            yield from _lines(key, getattr(getattr(settings, table), key.name), whose)


def _lines(key: Key, value: object, whose: str) -> Iterator[str]:
    yield f"# {key.doc}{_in_brackets(allowed(key))}"
    shown = f'"{MASK}"' if may_be_secret(key, value) else toml_value(value)
    changed = "" if value == key.default else f"  # {whose}; the default is {toml_value(key.default)}"
    yield f"{key.name} = {shown}{changed}"


def describe_as_data(settings: Settings, given: Iterable[str], file: str) -> dict[str, Any]:
    """Every key's value by table and name, for programs; `given`: the full names of those that are set."""
    values = {
        table: {key.name: _plain(key, getattr(getattr(settings, table), key.name)) for key in keys.values()}
        for table, keys in TABLES.items()
    }
    return {"file": file or None, "settings": values, "given": sorted(given)}


def _plain(key: Key, value: object) -> object:
    return MASK if may_be_secret(key, value) else value


def allowed(key: Key) -> str:
    """The allowed words or range, in words; empty where anything goes."""
    if key.choices is not None:
        return " | ".join(key.choices)
    if key.low is not None and key.high is not None:
        return f"{key.low:g} to {key.high:g}"
    return ""


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""
