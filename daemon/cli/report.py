"""`conure report`: one file that a person can attach to a question, with everything but secrets in it."""

from __future__ import annotations

import argparse
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.cli.arguments import add_config_option, to_json
from daemon.errors import ConfigError, ConureError

if TYPE_CHECKING:
    from daemon.config.load import Configuration
    from daemon.doctor.case import Case
    from daemon.doctor.machine import Machine

LOG_LINES = 200
LOG_LINE_CHARS = 1000
SECTION_CHARS = 64 * 1024
"""Longest section; policy: its end is cut off, and that is said."""

SPOKEN = re.compile(r"\]: (user|model): ")
"""A line of the log that holds what was said (`[log] transcripts`)."""

PRIVATE_KEYS = ("live.instruction", "live.place")
"""Words that people have written about themselves; only their length helps."""

PRIVATE_STATUS = ("next", "rings", "missed", "sounds", "unspoken", "recent")
"""Where the status tells of timers and reminders by their names, and of announcements by their texts."""

LEFT_OUT = "(left out)"

HEAD = """\
# Conure report

Made by `conure report` on {now}. Keys and passwords are masked, and what was said is left out. Read it before
you show it to others: names of devices, files and networks are in it.
"""


def add(commands: Any) -> None:
    """Add the command."""
    report = commands.add_parser(
        "report", help="write one file that can be attached to a question: doctor, status, versions, log"
    )
    report.set_defaults(command=_report)
    report.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="conure-report-TIME.txt, if left out; -: to the output",
    )
    add_config_option(report)
    report.add_argument("--offline", action="store_true", help="leave the network alone")


def _report(arguments: argparse.Namespace) -> int:
    from daemon.doctor.machine import Machine

    text = make_report(Machine(env=dict(os.environ)), arguments.config, offline=arguments.offline)
    if arguments.file == Path("-"):
        print(text, end="")
        return 0
    path = arguments.file or Path(time.strftime("conure-report-%Y%m%d-%H%M%S.txt"))
    _write(path, text)
    print(f"{path} is written; read it before you show it to others")
    return 0


def make_report(machine: Machine, config: Path | None, *, offline: bool) -> str:
    """The whole text. Takes as long as the doctor does."""
    from daemon.doctor.case import Wishes
    from daemon.doctor.examination import examine
    from daemon.doctor.report import as_table
    from daemon.doctor.secrets import secrets_of
    from daemon.runtime.cells import plain

    case, findings = examine(machine, Wishes(config=config, offline=offline))
    hide = secrets_of(machine, case.settings, case.unit).hide
    parts: dict[str, Callable[[], str]] = {
        "Versions": lambda: _versions(case),
        "Doctor": lambda: as_table(findings),
        "Sound check": lambda: _sound_check(case),
        "Status": lambda: _status(case.status),
        "Configuration": lambda: _configuration(machine, config),
        f"Log, the last {LOG_LINES} lines": lambda: _log(machine),
    }
    sections = (_section(title, hide(plain(make()))) for title, make in parts.items())
    text = "\n".join([HEAD.format(now=time.strftime("%Y-%m-%d %H:%M")), *sections])
    home = machine.env.get("HOME", "").rstrip("/")
    return text.replace(f"{home}/", "~/") if home else text


def _section(title: str, text: str) -> str:
    if len(text) > SECTION_CHARS:
        text = f"{text[:SECTION_CHARS]}\n(cut off here)"
    return f"## {title}\n\n~~~~text\n{text.strip().replace('~~~~', '~ ~ ~')}\n~~~~\n"


def _versions(case: Case) -> str:
    from daemon.cli.about import version_text
    from daemon.doctor.host import versions

    board = case.board.name if case.board else "unknown: the configuration has mistakes"
    return version_text(versions(case.machine) | {"board": board})


def _sound_check(case: Case) -> str:
    from daemon.doctor.sound.check import load_kept

    kept = load_kept(case.machine, case.unit)
    if kept is None:
        return "none was made, or this user may not read it (`sudo conure doctor --sound` makes one)"
    picture = kept.picture()
    text = f"{kept.title}\n{kept.told()}"
    return f"{text}\n\nSave the following lines as FILE.svg to see them:\n{picture}" if picture else text


def _status(status: dict[str, Any] | None) -> str:
    if status is None:
        return "no conure runs"
    if not status:
        return "a conure runs, which this user may not ask (`sudo conure report`)"
    return to_json(_without_words(status), indent=2)


def _without_words(value: Any) -> Any:
    """The status without the names that its user has given."""
    if not isinstance(value, dict):
        return value
    return {
        name: LEFT_OUT if name in PRIVATE_STATUS and one else _without_words(one)
        for name, one in value.items()
    }


def _configuration(machine: Machine, config: Path | None) -> str:
    """What the file sets, value by value: of text that cannot be read only the mistakes are told."""
    from daemon.config import load

    try:
        loaded = load.load(config, machine.env)
    except ConfigError as error:
        return "\n".join(error.problems)
    return "\n".join([f"# {loaded.path or 'no file, all defaults'}", *_set_keys(loaded)])


def _set_keys(loaded: Configuration) -> list[str]:
    from daemon.config.schema import KEYS, shown_value

    lines = []
    for key in KEYS:
        if key.full_name in loaded.given:
            value = getattr(getattr(loaded.settings, key.table), key.name)
            private = key.full_name in PRIVATE_KEYS
            shown = f"({len(value)} characters)" if private else shown_value(key, value)
            lines.append(f"{key.full_name} = {shown}")
    return lines


def _log(machine: Machine) -> str:
    command = ["journalctl", "--unit=conure.service", f"--lines={LOG_LINES}", "--output=short-iso"]
    told = machine.run([*command, "--no-pager", "--quiet"])
    if not told:
        return "nothing that this user may read (`sudo conure report`), or no service"
    lines = [line[:LOG_LINE_CHARS] for line in told.splitlines() if not SPOKEN.search(line)]
    return "\n".join(lines[-LOG_LINES:])


def _write(path: Path, text: str) -> None:
    """A new file, which belongs to whoever called sudo: he is to attach it. Raises ConureError."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
            with suppress(KeyError, ValueError, PermissionError):
                os.fchown(file.fileno(), int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"]))
    except FileExistsError as error:
        raise ConureError(f"{path} is there already: name another file") from error
    except OSError as error:
        raise ConureError(f"{path} cannot be written: {error.strerror or error}") from error
