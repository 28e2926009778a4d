"""`conure doctor`: what is wrong here, and what helps."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.cli.arguments import add_config_option, add_json_option, to_json
from daemon.cli.text.layout import terminal_width
from daemon.errors import ConureError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daemon.doctor.case import Case
    from daemon.doctor.finding import Finding

EPILOGUE = (
    "exit status: 0 no fault, 1 some fault, 78 the configuration or the key keeps `conure run` from starting"
)


def add(commands: Any) -> None:
    """Add `conure doctor`."""
    doctor = commands.add_parser("doctor", help="find out what is wrong", epilog=EPILOGUE)
    doctor.set_defaults(command=_doctor)
    add_config_option(doctor)
    doctor.add_argument("--board", metavar="NAME", help="use this board instead of the configured one")
    add_json_option(doctor)
    doctor.add_argument("--offline", action="store_true", help="leave the network alone")
    doctor.add_argument(
        "--sound",
        action=argparse.BooleanOptionalAction,
        help="measure how the microphone hears the speaker, by a test sound; on a terminal you are asked",
    )
    doctor.add_argument(
        "--picture", type=Path, metavar="FILE", help="draw the last measurement as a picture (SVG)"
    )
    doctor.add_argument("--interactive", action="store_true", help="try lights and button with your help")


def _doctor(arguments: argparse.Namespace) -> int:
    from daemon.doctor.case import Wishes
    from daemon.doctor.examination import examine
    from daemon.doctor.machine import Machine
    from daemon.doctor.report import as_data, as_table, exit_status

    wishes = Wishes(
        config=arguments.config,
        board=arguments.board,
        offline=arguments.offline,
        sound=_sound_wanted(arguments),
        tell=_tell,
    )
    case, findings = examine(Machine(env=os.environ), wishes)
    if arguments.interactive:
        findings = _with_tried(case, findings)
    width = terminal_width(sys.stdout)
    text = f"{to_json(as_data(findings), indent=2)}\n" if arguments.json else as_table(findings, width)
    print(text, end="")
    if arguments.picture is not None:
        _draw(case, arguments.picture)
    return exit_status(findings)


def _sound_wanted(arguments: argparse.Namespace) -> bool:
    if arguments.sound is not None:
        return bool(arguments.sound)
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if not on_terminal or arguments.json:
        return False

    from daemon.doctor.sound.check import ANNOUNCED

    return _ask(f"Measure the sound? You would hear {ANNOUNCED}.")


def _draw(case: Case, file: Path) -> None:
    """Write the picture. Raises ConureError."""
    from daemon.doctor.sound.check import load_kept

    kept = load_kept(case.machine, case.unit)
    if kept is None or kept.path is None:
        raise ConureError("there is nothing to draw yet: `conure doctor --sound` measures")
    try:
        file.write_text(kept.picture(), "utf-8")
    except OSError as error:
        raise ConureError(f"{file} cannot be written: {error.strerror or error}") from error
    _tell(f"{file} is written: measured on {kept.measured_on}")


def _with_tried(case: Case, findings: Iterable[Finding]) -> list[Finding]:
    """The findings, with what the user tells in the place of what was only opened."""
    from threading import Event

    from daemon.doctor.by_hand import try_by_hand
    from daemon.doctor.finding import in_order

    tried = list(try_by_hand(case, _ask, _tell, Event().wait))
    checks = {finding.check for finding in tried}
    return in_order([*(finding for finding in findings if finding.check not in checks), *tried])


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _ask(question: str) -> bool:
    """Ask on standard error, which is not the answer that a program may be reading."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
