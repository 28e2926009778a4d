"""What must not leave this machine: each secret that Conure may come across, and a text without them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from daemon.config.broker_password import load_password
from daemon.config.load import KEY_VARIABLES
from daemon.config.secret import Secret
from daemon.config.settings import Settings
from daemon.doctor.access import look_for_key
from daemon.doctor.machine import Machine
from daemon.doctor.unit import Unit
from daemon.errors import ConfigError
from daemon.masking import MASK, mask_keys
from hw.files import OddFile, read_text, read_toml

SHORTEST = 6
"""Characters: a shorter value cannot be told from a word."""

TOOL_FILE_LIMIT_BYTES = 256 * 1024
TOKEN_LIMIT_BYTES = 4096

MOST_TOOL_FILES = 100
"""Of which the secrets are looked for; policy: the first by name."""

TELLING_NAME = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH", re.IGNORECASE)
"""In the name of a variable of the environment, or of a program's."""

_NAMED = re.compile(
    r"""(?ix) \b
        ( (?:api[_-]?|access[_-]?|auth[_-]?)? (?:key|token) | secret | password | passwd | authorization )
        ( ["']? \s* [:=] \s* ["']? (?:bearer\s+)? | \s+ bearer \s+ ) ( [^\s"',;&]{6,} )"""
)
"""A name that tells of a secret, and its value: in a header, an address, JSON, or a line of settings."""

_BEARER = re.compile(r"(?i)\b(bearer\s+)([^\s\"',;]{6,})")


@dataclass(frozen=True, slots=True)
class Secrets:
    """What was found. `hide` takes it, and all that looks like it, out of a text."""

    keys: tuple[Secret, ...] = ()
    values: tuple[str, ...] = ()

    def hide(self, text: str) -> str:
        """The text with each secret masked, also where it was cut to its beginning."""
        for key in self.keys:
            text = key.scrub(text)
        for value in sorted(self.values, key=len, reverse=True):
            text = text.replace(value, MASK)
        text = _NAMED.sub(lambda found: f"{found[1]}{found[2]}{MASK}", text)
        return mask_keys(_BEARER.sub(lambda found: f"{found[1]}{MASK}", text))


def secrets_of(machine: Machine, settings: Settings | None, unit: Unit) -> Secrets:
    """Those of the environment, of the key's files, and of the tools' files, as far as this user may read."""
    values = [*_of_environment(machine.env), *_of_proxies(machine.env)]
    keys = [Secret(machine.env[name].strip()) for name in KEY_VARIABLES if machine.env.get(name)]
    if settings is not None:
        without_own = replace(machine, env={})
        keys += [key for one in (machine, without_own) if (key := look_for_key(one, settings, unit)[0])]
        values += _of_tools(Path(settings.tools.directory))
        values += _of_broker(machine, settings)
    return Secrets(tuple(keys), tuple({value for value in values if len(value) >= SHORTEST}))


def _of_environment(env: Mapping[str, str]) -> Iterator[str]:
    return (value.strip() for name, value in env.items() if TELLING_NAME.search(name))


def _of_proxies(env: Mapping[str, str]) -> Iterator[str]:
    """What stands before the host, whatever form the address has."""
    for name, value in env.items():
        if name.lower().endswith("_proxy") and "@" in value:
            yield value.rpartition("@")[0].rpartition("/")[2]
            yield value.rpartition("@")[0].rpartition(":")[2]


def _of_broker(machine: Machine, settings: Settings) -> Iterator[str]:
    with suppress(ConfigError):
        if password := load_password(settings.mqtt, machine.env):
            yield password.reveal()


def _of_tools(folder: Path) -> Iterator[str]:
    """Variables that MCP servers get, and their tokens."""
    with suppress(OSError):
        for path in sorted(folder.glob("*.toml"))[:MOST_TOOL_FILES]:
            with suppress(OSError, OddFile):
                yield from _in_tables(read_toml(path, TOOL_FILE_LIMIT_BYTES))


def _in_tables(table: Mapping[str, Any]) -> Iterator[str]:
    for name, value in table.items():
        if name == "env" and isinstance(value, dict):
            yield from (text.strip() for text in value.values() if isinstance(text, str))
        elif name == "token_file" and isinstance(value, str):
            with suppress(OSError, OddFile):
                yield read_text(Path(value), TOKEN_LIMIT_BYTES).strip()
        elif isinstance(value, str) and TELLING_NAME.search(name):
            yield value.strip()
        else:
            yield from (text for inner in _tables_in(value) for text in _in_tables(inner))


def _tables_in(value: object) -> Iterable[Mapping[str, Any]]:
    inside = value if isinstance(value, list) else [value]
    return [one for one in inside if isinstance(one, dict)]
