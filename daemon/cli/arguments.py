"""What several commands share: options, kinds of arguments, and how an answer is printed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO


def add_choices(parser: argparse.ArgumentParser, metavar: str) -> Any:
    """Where the commands or actions of `parser` are added; without one of them its whole help is shown."""

    def show_help(_: argparse.Namespace) -> int:
        parser.print_help(sys.stderr)
        parser.exit(2)

    parser.set_defaults(command=show_help)
    return parser.add_subparsers(title=f"{metavar.lower()}s", metavar=metavar)


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """`--config FILE`, for the commands that read the configuration."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="use this configuration file")


def add_json_option(parser: argparse.ArgumentParser, what: str = "as JSON", *, nested: bool = False) -> None:
    """`--json`, for every command that shows data.

    `nested`: for a command and its action alike, where it counts if one of them has it; the command's
    defaults have `json` then.
    """
    parser.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS if nested else False, help=what
    )


def percent(text: str) -> int:
    """An argument from 0 to 100."""
    return _whole_number(text, 100)


STEP_PERCENT = 5
"""One step of the loudness: it is just heard."""


def loudness(text: str) -> dict[str, int]:
    """A loudness from 0 to 100, or what is added to it: what `volume` asks of the daemon."""
    if not text.startswith(("+", "-")):
        return {"percent": percent(text)}
    size = percent(text[1:]) if text[1:] else STEP_PERCENT
    return {"change": size if text[0] == "+" else -size}


def port(text: str) -> int:
    """A TCP port; 0 stands for a free one."""
    return _whole_number(text, 65535)


def _whole_number(text: str, high: int) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > high:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to {high}, not {text!r}")
    return int(text)


def to_json(value: Any, indent: int | None = None) -> str:
    """A value as JSON, readable for people who do not write in ASCII; what cannot be seen is escaped."""
    import json

    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text)


def shows_pictures(stream: TextIO) -> bool:
    """Whether it is a terminal that obeys escape sequences: a dumb one prints them (TERM of term(7))."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


def complain(problems: Iterable[str]) -> None:
    """Tell each problem in a line on standard error."""
    for problem in problems:
        print(f"conure: {problem}", file=sys.stderr)
