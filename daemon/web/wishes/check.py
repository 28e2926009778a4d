"""Whether a wish can be carried out: the same for the gateway, which shows it, and for the helper."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.config.board import choose
from daemon.config.load import CONFIG_LIMIT_BYTES, SYSTEM_FILE, validate
from daemon.config.schema import KEYS, Checked, Key, Problem, may_be_secret
from daemon.config.settings import Settings
from daemon.masking import MASK
from daemon.web.wishes.toml_edit import edited
from daemon.web.wishes.wish import MAX_PROBLEMS, forbidden
from hw.files import OddFile, read_text, toml_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """The configuration's file as it is."""

    path: Path
    text: str
    """Empty where there is no file yet."""
    version: str
    """SHA-256 of it; empty where there is no file yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadConfig:
    """What a text means: the settings, which of them it gives, and what is wrong with it."""

    settings: Settings
    base: Settings
    """The board's own values, which hold where the text gives none."""
    given: frozenset[str]
    problems: tuple[Problem, ...]


def read_config(path: Path | None) -> ConfigFile:
    """The file; None: the system's. Raises OSError and OddFile, but not where there is none yet."""
    path = path or SYSTEM_FILE
    try:
        text = read_text(path, CONFIG_LIMIT_BYTES)
    except FileNotFoundError:
        return ConfigFile(path=path, text="", version="")
    return ConfigFile(path=path, text=text, version=hashlib.sha256(text.encode()).hexdigest())


def in_force(text: str) -> ReadConfig:
    """What the text means on this machine. Raises OddFile where it is no TOML."""
    data = toml_of(text)
    chosen = choose(data, "", None)
    checked: Checked = validate(data, "", chosen.base)
    of_board = tuple(Problem(("board.name",), line) for line in chosen.problems)
    return ReadConfig(
        settings=chosen.named(checked.settings),
        base=chosen.base,
        given=checked.given,
        problems=(*checked.problems, *of_board),
    )


def problems_of(config: ConfigFile, changes: Mapping[str, Any]) -> list[Problem]:
    """Every mistake of the file with these changes; those that no page may make come first."""
    found = list(forbidden(changes))
    if found:
        return found[:MAX_PROBLEMS]
    try:
        found += in_force(edited(config.text, changes)).problems
    except OddFile as error:
        found.append(Problem((), f"{config.path}: {error}"))
    return found[:MAX_PROBLEMS]


def table_of(found: ReadConfig) -> list[dict[str, Any]]:
    """Every key with its value, and where that comes from, as the page shows it."""
    return [_row(key, found) for key in KEYS]


def _row(key: Key, found: ReadConfig) -> dict[str, Any]:
    value = getattr(getattr(found.settings, key.table), key.name)
    return {
        "table": key.table,
        "key": key.name,
        "doc": key.doc,
        "type": type(key.default).__name__,
        "default": key.default,
        "low": key.low,
        "high": key.high,
        "choices": key.choices,
        "value": MASK if may_be_secret(key, value) else value,
        "source": _source(key, value, found),
        "web": key.web,
    }


def _source(key: Key, value: Any, found: ReadConfig) -> str:
    if key.full_name in found.given:
        return "file"
    return "default" if value == key.default else "board"


def remedies(problems: list[Problem]) -> Iterator[dict[str, Any]]:
    """The mistakes as the page takes them."""
    for problem in problems:
        yield {"keys": list(problem.keys), "text": problem.text}
