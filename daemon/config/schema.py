"""TOML data into settings: names, types, ranges and choices of every key. Pure.

A mistake of the user becomes a `Problem` and its key keeps the default, so that all mistakes can be shown
at once. `checks.py` looks at values that need others, and at values with a form.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, fields, replace
from difflib import get_close_matches
from typing import Any

from daemon.config.settings import Settings
from daemon.masking import MASK, mask_keys

VALUE_LIMIT = 60
"""Longest value that is repeated in a message, in characters."""

CLOCK_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
"""A time of day as the configuration has it: "22:00"."""


@dataclass(frozen=True, slots=True)
class Key:
    """One configuration key with all that `settings.key` says of it."""

    table: str
    name: str
    default: Any
    doc: str
    low: float | None
    high: float | None
    choices: tuple[str, ...] | None
    path: bool
    split: str
    web: bool

    @property
    def full_name(self) -> str:
        """`table.name`, as messages and documentation write it."""
        return f"{self.table}.{self.name}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: the keys that it is about, and the line that says what would be right."""

    keys: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What the data says. Where it is wrong, `settings` has the default and `problems` a line."""

    settings: Settings
    given: frozenset[str]
    """Full names of the keys that the data sets, so that a board's own values can fill in the others."""
    problems: tuple[Problem, ...]


def _keys() -> Iterator[Key]:
    for table in fields(Settings):
        for key in fields(_class_of(table)):
            yield Key(table.name, key.name, key.default, **key.metadata)


def _class_of(table: Field[Any]) -> Any:
    """The class of a table: the default factory of its field in `Settings`."""
    return table.default_factory


KEYS: tuple[Key, ...] = tuple(_keys())
"""Every key, in the order of `settings.py`."""

TABLES: dict[str, dict[str, Key]] = {
    table.name: {key.name: key for key in KEYS if key.table == table.name} for table in fields(Settings)
}


class WrongValue(Exception):
    """A value that its key does not take; the text says what would be right."""


def read(data: Mapping[str, Any], home: str = "", base: Settings | None = None) -> Checked:
    """Settings from TOML data; where it says nothing, those of `base`. `home` replaces `~` in file names."""
    values: dict[str, dict[str, Any]] = {table: {} for table in TABLES}
    problems = list(_unknown(data))
    for key, value in _known(data):
        try:
            values[key.table][key.name] = convert(key, value, home)
        except WrongValue as error:
            problems.append(wrong(key, value, str(error)))
    given = frozenset(key.full_name for key, _ in _known(data))
    return Checked(_build(values, base or Settings()), given, tuple(problems))


def _build(values: Mapping[str, Mapping[str, Any]], base: Settings) -> Settings:
    tables = {name: replace(getattr(base, name), **given) for name, given in values.items()}
    return Settings(**tables)


def _known(data: Mapping[str, Any]) -> Iterator[tuple[Key, Any]]:
    for table, keys in TABLES.items():
        content = data.get(table)
        if isinstance(content, dict):
            yield from ((keys[name], value) for name, value in content.items() if name in keys)


# --- names that do not exist -----------------------------------------------------------------------


def _unknown(data: Mapping[str, Any]) -> Iterator[Problem]:
    for table, content in data.items():
        if not isinstance(content, dict):
            yield _stray(table)
        elif table not in TABLES:
            suggestion = did_you_mean(table, tuple(TABLES), "[{}]") or f"; known are {', '.join(TABLES)}"
            yield Problem((table,), f"[{table}]: there is no such table{suggestion}")
        else:
            names = (name for name in content if name not in TABLES[table])
            yield from (_unknown_key(table, name) for name in names)


def _stray(name: str) -> Problem:
    if name in TABLES:
        return Problem((name,), f"{name}: is a table; write [{name}] on its own line, and its keys below")
    return _unknown_key("", name)


def _unknown_key(table: str, name: str) -> Problem:
    """A key that does not exist. Its value is not shown: it might be the API key."""
    full_name = f"{table}.{name}" if table else name
    if "apikey" in name.lower().replace("_", "").replace("-", ""):
        remedy = "; the API key has no place here: write it to a file and name that in live.api_key_file"
    else:
        remedy = _similar_key(table, name)
    return Problem((full_name,), f"{full_name}: there is no such key{remedy}")


def _similar_key(table: str, name: str) -> str:
    """Look in the same table first, then for the same name elsewhere, then for anything like it."""
    own = tuple(TABLES.get(table, ()))
    if hint := did_you_mean(name, own, f"{table}.{{}}"):
        return hint
    close_names = [name, *get_close_matches(name, [key.name for key in KEYS], n=1, cutoff=0.65)]
    elsewhere = [key.full_name for close in close_names for key in KEYS if key.name == close]
    if elsewhere:
        return f"; did you mean {elsewhere[0]}?"
    return f"; [{table}] has {', '.join(own)}" if table else ""


def did_you_mean(word: str, known: Sequence[str], form: str = "{}") -> str:
    """The end of a message that suggests the nearest of the known words; empty if none is near."""
    close = get_close_matches(word, known, n=1, cutoff=0.65)
    return f"; did you mean {form.format(close[0])}?" if close else ""


# --- values ----------------------------------------------------------------------------------------


def convert(key: Key, value: Any, home: str = "") -> Any:
    """The value as the settings hold it. Raises WrongValue."""
    if isinstance(key.default, bool):
        if not isinstance(value, bool):
            raise WrongValue("must be true or false")
        return value
    if isinstance(key.default, tuple):
        return _texts(key, value) if key.split else _whole_numbers(key, value)
    if isinstance(key.default, str):
        return _text(key, value, home)
    return _number(key, value)


def _number(key: Key, value: Any) -> int | float:
    whole = not isinstance(key.default, float)
    kind = "a whole number" if whole else "a number"
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        quotes = " without quotes" if isinstance(value, str) else ""
        raise WrongValue(f"must be {kind}{_range(key)}{quotes}")
    too_low = key.low is not None and value < key.low
    too_high = key.high is not None and value > key.high
    if too_low or too_high or not math.isfinite(value):
        raise WrongValue(f"must be {kind}{_range(key)}")
    return int(value) if whole else float(value)


def _whole_numbers(key: Key, value: Any) -> tuple[int | float, ...]:
    if not isinstance(value, list):
        raise WrongValue(f"must be a list of whole numbers{_range(key)}, such as [17]")
    return tuple(_number(key, item) for item in value)


def _texts(key: Key, value: Any) -> tuple[str, ...]:
    """A list of texts; written as one text, its parts between separators. What must not be empty is not."""
    items = value.split(key.split) if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise WrongValue('must be a list of texts in quotes, such as ["a", "b"]')
    texts = tuple(text.strip() for text in items if text.strip())
    if "\0" in "".join(texts):
        raise WrongValue("must not hold a null character")
    if key.default and not texts:
        raise WrongValue("must name at least one")
    return texts


def _text(key: Key, value: Any, home: str) -> str:
    if not isinstance(value, str):
        raise WrongValue("must be text in quotes")
    if key.choices is not None and value not in key.choices:
        allowed = ", ".join(toml_value(choice) for choice in key.choices)
        raise WrongValue(f"must be one of {allowed}{did_you_mean(value.lower(), key.choices)}")
    if "\0" in value:
        raise WrongValue("must not hold a null character")
    if key.path and home and value.startswith("~/"):
        return f"{home}/{value.removeprefix('~/')}"
    return value


def _range(key: Key) -> str:
    """The allowed range in words; every number has both limits."""
    return f" from {key.low:g} to {key.high:g}" if key.low is not None and key.high is not None else ""


def toml_value(value: Any) -> str:
    """A setting's value in TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    return str(value)


def may_be_secret(key: Key, value: Any) -> bool:
    """Whether the value must not be shown: what stands for a key file without a slash may be the key."""
    return key.full_name == "live.api_key_file" and bool(value) and "/" not in str(value)


def shown_value(key: Key, value: Any) -> str:
    """The value as messages show it: masked where it may be secret, and not too long."""
    text = f'"{MASK}"' if may_be_secret(key, value) else mask_keys(toml_value(value))
    return text if len(text) <= VALUE_LIMIT else f"{text[: VALUE_LIMIT - 1]}…"


def wrong(key: Key, value: Any, remedy: str, *others: str) -> Problem:
    """A mistake in this key's value; `others` are full names of keys that it depends on."""
    text = f"{key.full_name} = {shown_value(key, value)}: {remedy} (default {shown_value(key, key.default)})"
    return Problem((key.full_name, *others), text)


def minute_of(clock_time: str) -> int:
    """The minute of the day of a time such as "22:00". Raises ValueError."""
    found = CLOCK_TIME.fullmatch(clock_time)
    if found is None:
        raise ValueError(clock_time)
    return int(found[1]) * 60 + int(found[2])
