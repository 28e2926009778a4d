"""Where the configuration and the API key come from: files and environment into settings. Never writes.

`validate` is the pure part. What is read is small and bounded; every mistake of one reading is reported
in one `ConfigError`, and no text made here can hold the key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from daemon.config import schema
from daemon.config.board import choose
from daemon.config.checks import base_url_fault, cross_check
from daemon.config.schema import Checked
from daemon.config.secret import Secret
from daemon.config.settings import Settings
from daemon.config.variables import environment_faults
from daemon.errors import ConfigError
from daemon.outside import one_line
from hw.base import MicError
from hw.files import OddFile, OddToml, read_text, read_toml
from hw.simulated.wav import read_wav

SYSTEM_FILE = Path("/etc/conure/config.toml")
CONFIG_VARIABLE = "CONURE_CONFIG"
BASE_URL_VARIABLE = "GOOGLE_GEMINI_BASE_URL"
"""Read by the SDK too (google-genai `_base_url.get_base_url`)."""
KEY_VARIABLES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
CREDENTIAL = "gemini-api-key"
"""Name of the systemd credential: `LoadCredential=gemini-api-key:FILE` (systemd.exec)."""

CONFIG_LIMIT_BYTES = 256 * 1024
PROBLEM_CHARS = 600
MAX_PROBLEMS = 50
"""Mistakes that are told of one configuration; policy: the first."""

KEY_LIMIT_BYTES = 4 * 1024
"""No key is near this; whoever names a wrong, large file learns so at once."""

KEY_FORM = re.compile(r"[A-Za-z0-9._/~+-]+=*")
"""Google's keys (`AIza…`) and tokens (`auth_tokens/…`); it leaves out quotes and `NAME=VALUE`."""

Env = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is in force. `path` is None where no file was found and all values are defaults."""

    settings: Settings
    path: Path | None
    given: frozenset[str]
    """Full names of the keys that the file sets (`button.pin`)."""
    detected: bool = False
    """Whether `settings.board.name` was found out, and not named by anybody."""


def validate(data: Mapping[str, Any], home: str = "", base: Settings | None = None) -> Checked:
    """Settings from TOML data, with all mistakes of names, values and combinations. Pure.

    `base` has the values of keys that the data does not set: a board's own.
    """
    checked = schema.read(data, home, base)
    faulty = {name for problem in checked.problems for name in problem.keys}
    crossed = (problem for problem in cross_check(checked.settings) if faulty.isdisjoint(problem.keys))
    return Checked(checked.settings, checked.given, (*checked.problems, *crossed))


def load(
    path: Path | None, env: Env, board: str | None = None, *, look_at_files: bool = True
) -> Configuration:
    """Read `path`, or the file that the environment or the usual places give.

    `board` stands in for board.name. The board's own values hold wherever the file sets none.
    `look_at_files` False: what the settings name is not for this process to read.
    Raises ConfigError with one line for each mistake, those of files that it names included, and UsageError
    where no board has the name `board`.
    """
    file = path or find_file(env)
    named = CONFIG_VARIABLE if path is None and env.get(CONFIG_VARIABLE) else ""
    data = _read_toml(file, named) if file else {}
    home = env.get("HOME", "")
    chosen = choose(data, home, board)
    checked = validate(data, home, chosen.base)
    source = str(file) if file else "built-in defaults"
    faulty = {name for problem in checked.problems for name in problem.keys}
    problems = [f"{source}: {problem.text}" for problem in checked.problems]
    problems += [line if board else f"{source}: {line}" for line in chosen.problems]
    if look_at_files:
        problems += [f"{source}: {line}" for line in _file_faults(checked.settings, faulty)]
    problems += _base_url_variable_faults(checked.settings, env) + environment_faults(env)
    if problems:
        raise _refusal(problems)
    return Configuration(chosen.named(checked.settings), file, checked.given, detected=chosen.detected)


def find_file(env: Env) -> Path | None:
    """The file named by $CONURE_CONFIG, else the first that exists in the usual places, else None."""
    if named := env.get(CONFIG_VARIABLE):
        return Path(named)
    return next((place for place in usual_places(env) if _exists(place)), None)


def usual_places(env: Env) -> list[Path]:
    """Where a configuration file is looked for, in order."""
    home = env.get("HOME")
    user = env.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
    return [*([Path(user) / "conure/config.toml"] if user else []), SYSTEM_FILE]


def _exists(path: Path) -> bool:
    """Whether it is there; a home directory that the service may not enter counts as empty."""
    try:
        return path.is_file()
    except OSError:  # a name that is too long, too
        return False


def _read_toml(path: Path, named_by: str) -> dict[str, Any]:
    """The tables of the file, which this variable names, if one does."""
    try:
        return read_toml(path, CONFIG_LIMIT_BYTES)
    except OSError as error:
        words = f"{path}: cannot be read: {error.strerror or error}"
        if named_by:
            words = f"environment: {named_by} = {words}; name another file, or `unset {named_by}`"
        raise ConfigError([words]) from error
    except OddToml as error:
        raise _refusal([f"{path}: {error}{_toml_remedy(error.cause)}"]) from error
    except OddFile as error:
        raise ConfigError([f"{path}: {error}"]) from error


def _refusal(problems: list[str]) -> ConfigError:
    """The error with these lines, no more and no longer than a person reads; the file may hold anything."""
    lines = [one_line(problem, PROBLEM_CHARS) for problem in problems[:MAX_PROBLEMS]]
    if len(problems) > MAX_PROBLEMS:
        lines.append(f"{len(problems) - MAX_PROBLEMS} more mistakes are not listed; mend these first")
    return ConfigError(lines)


TOML_REMEDIES = {
    "Invalid value": 'text stands in straight quotes, as in "auto"; true and false in small letters',
    "Expected newline": 'a line holds one key and one value; text stands in straight quotes, as in "auto"',
    "Cannot declare": "join what stands below the two into one table",
    "Cannot overwrite": "this key is set twice; remove one of the lines",
    "Expected '=' after a key": "a line is KEY = VALUE, and the name of a table stands in brackets: [sound]",
    "Illegal character '\\n'": "a quote is missing at the end of the line",
}
"""What helps, by how the message of `tomllib` begins. The faulty line is not quoted: it may hold the key."""


def _toml_remedy(message: str) -> str:
    return next((f"; {words}" for start, words in TOML_REMEDIES.items() if message.startswith(start)), "")


# --- files that the settings name ------------------------------------------------------------------


def _file_faults(settings: Settings, faulty: set[str]) -> Iterator[str]:
    """A line for each named file that cannot be used, unless its key is known to be wrong already."""
    checks: dict[str, tuple[str, Callable[[str], str]]] = {
        "board.sample_wav": (settings.board.sample_wav, _wav_fault),
        "board.record_wav": (settings.board.record_wav, target_fault),
        "live.api_key_file": (settings.live.api_key_file, _key_file_fault),
    }
    for name, (value, fault_of) in checks.items():
        if value and name not in faulty and (fault := fault_of(value)):
            yield f'{name} = "{value}": {fault} (default "")'


def _wav_fault(name: str) -> str:
    try:
        read_wav(Path(name))
    except MicError as error:
        return str(error).removeprefix(f"{name}: ")
    return ""


def target_fault(name: str) -> str:
    """Why no file could be put there, in the place of another or not; empty if one could."""
    path = Path(name)
    try:
        if not path.parent.is_dir():
            return f"cannot be written: there is no directory {path.parent}"
        if not os.access(path.parent, os.W_OK | os.X_OK):
            return f"cannot be written: the directory {path.parent} may not be changed"
        if path.is_symlink() or (path.exists() and not path.is_file()):
            return "cannot be written: what is there is not a plain file"
    except OSError as error:
        return f"cannot be written: {error.strerror or error}"
    return ""


def _key_file_fault(name: str) -> str:
    try:
        _key_from_file(Path(name))
    except ValueError as error:
        return str(error)
    return ""


# --- the environment -------------------------------------------------------------------------------


def effective_base_url(settings: Settings, env: Env) -> str:
    """The service's address without a slash at its end; empty: the SDK's own. Raises ConfigError."""
    if faults := _base_url_variable_faults(settings, env):
        raise ConfigError(faults)
    return (settings.live.base_url or env.get(BASE_URL_VARIABLE, "")).rstrip("/")


def _base_url_variable_faults(settings: Settings, env: Env) -> list[str]:
    url = env.get(BASE_URL_VARIABLE, "")
    fault = base_url_fault(url) if url and not settings.live.base_url else ""
    return [f"environment: {BASE_URL_VARIABLE}: {fault}"] if fault else []


def load_api_key(settings: Settings, env: Env) -> Secret | None:
    """The API key from the systemd credential, live.api_key_file, or the environment; None if nowhere.

    A file that is named but cannot be used is a ConfigError and not passed over: the key that would be
    used instead might be another person's.
    """
    folder = env.get("CREDENTIALS_DIRECTORY")
    credential = Path(folder) / CREDENTIAL if folder else None
    if credential is not None and _exists(credential):
        return _checked_key(f"systemd credential {CREDENTIAL}", partial(_key_from_file, credential))
    if name := settings.live.api_key_file:
        return _checked_key(f'live.api_key_file = "{name}"', partial(_key_from_file, Path(name)))
    for variable in KEY_VARIABLES:
        if value := env.get(variable, "").strip():
            return _checked_key(f"environment: {variable}", partial(key_from_text, value))
    return None


def missing_key() -> ConfigError:
    """What to tell a user whose key was found nowhere."""
    return ConfigError(
        [
            "there is no API key: set live.api_key_file to a file that holds it, "
            f"give the service the systemd credential {CREDENTIAL}, or set {KEY_VARIABLES[0]} "
            "(`conure run --standin` works without one)"
        ]
    )


def _checked_key(source: str, read: Callable[[], Secret]) -> Secret:
    try:
        return read()
    except ValueError as error:
        raise ConfigError([f"{source}: {error}"]) from None  # its cause may quote the key


def _key_from_file(path: Path) -> Secret:
    """Raises ValueError that says what is wrong without a word of the content."""
    try:
        return key_from_text(read_text(path, KEY_LIMIT_BYTES))
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from None


def key_from_text(text: str) -> Secret:
    """The key that a text holds, and nothing else.

    Raises ValueError that says what is wrong without a word of the text.
    """
    key = text.strip()
    if not key:
        raise ValueError("is empty; it must hold the API key")
    if len(key) > KEY_LIMIT_BYTES:
        raise ValueError("is too long to be an API key")
    if not KEY_FORM.fullmatch(key):
        raise ValueError("must hold the API key alone, without a name, quotes or a second line")
    return Secret(key)
