"""The command `conure`: chooses the family of commands, and turns what it raises into words and a status."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper

from daemon.cli import (
    about,
    apply,
    boards,
    configuration,
    devices,
    doctor,
    messages,
    mqtt,
    reminders,
    report,
    run,
    running,
    standin,
    tools,
    trials,
    web,
)
from daemon.cli.arguments import add_choices, complain
from daemon.cli.text.clean_output import clean_output
from daemon.cli.usage import Parser, add_help
from daemon.errors import EX_CONFIG, ConfigError, ConureError, UsageError
from hw.base import DeviceError
from hw.sound.quiet import keep_stderr_apart

EX_INTERRUPTED = 130

PARTS = (
    run, running, messages, reminders, doctor, report, trials, devices, boards, configuration, tools, standin,
    web, mqtt, apply, about,
)  # fmt: skip
"""One module for each family of commands; its `add` declares them. In the order of the help."""

EPILOGUE = (
    "`conure help COMMAND` tells more. Exit status: 0 done, 1 failed, 2 wrong usage, 78 the configuration "
    "or the key cannot work."
)

Command = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code. What users can mend is told in one line, on stderr."""
    _open_what_was_closed()
    keep_stderr_apart()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a sign that the terminal does not know becomes a "?"
    with clean_output():
        return _run(argv)


def _run(argv: Sequence[str] | None) -> int:
    arguments = make_parser().parse_args(argv)
    parser: Parser = arguments.parser
    command: Command = arguments.command
    try:
        _raise_at_signals()
        code = command(arguments)
        sys.stdout.flush()  # here, where a reader that went away is understood
        return code
    except UsageError as error:
        parser.error(str(error))
    except ConfigError as error:
        complain(error.problems)
        return EX_CONFIG
    except DeviceError as error:
        complain([str(error)])
        return EX_CONFIG if error.permanent else 1
    except ConureError as error:
        complain([str(error)])
        return 1
    except BrokenPipeError:  # `conure status | head`
        _write_no_more()
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EIO) or error.filename is not None:
            raise
        _write_no_more()  # `conure doctor >FILE`, on a full card; or the terminal has gone
        if error.errno == errno.EIO:
            return 1
        complain([f"the output cannot be written: {error.strerror}"])
        return 1
    except KeyboardInterrupt:
        return EX_INTERRUPTED
    except _ToldToEnd as told:
        return _end_by(told.number)


def _open_what_was_closed() -> None:
    """Put nothing behind each standard stream that was closed (`conure run <&-`).

    Else the next file, socket or device that is opened has its number, and is written to as standard error.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            setattr(sys, name, open(nothing, mode, closefd=False))  # noqa: SIM115 - a number; for ever


def _write_no_more() -> None:
    """Nothing is left to write to; what is still held would be a traceback at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _ToldToEnd(BaseException):
    """SIGTERM, or SIGHUP since the terminal is gone: what is open is closed on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _raise_at_signals() -> None:
    """End by an exception from here on, so that lights go out, unless whoever started us ignores the signal.

    Only where this is the program (see `daemon.__main__`).
    """
    if signal.getsignal(signal.SIGINT) not in (signal.SIG_DFL, signal.SIG_IGN):
        return
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else _raise_told)


def _raise_told(number: int, _frame: object) -> None:
    raise _ToldToEnd(number)


def _end_by(number: int) -> int:
    """End as a program that knows nothing of the signal: whoever sent it is told so by the kernel."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number


def make_parser() -> Parser:
    """All commands with their options. Whatever is made from the command line is made from this."""
    parser = Parser(
        prog="conure", description="A smart speaker that talks with Gemini Live.", epilog=EPILOGUE
    )
    parser.add_argument(
        "--version",
        action="store_const",
        dest="command",
        const=about.show_version,
        help="the same as `conure version`",
    )
    commands = add_choices(parser, "COMMAND")
    for part in PARTS:
        part.add(commands)
    add_help(commands, parser)
    return parser
