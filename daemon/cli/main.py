"""The command `conure`: chooses the family of commands, and turns what it raises into words and a status."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper

from daemon import __version__
from daemon.cli import boards, configuration, devices, doctor, reminders, run, running, standin, tools, trials
from daemon.cli.arguments import add_choices, complain
from daemon.errors import EX_CONFIG, ConfigError, ConureError
from hw.base import DeviceError
from hw.sound.quiet import keep_stderr_apart

EX_INTERRUPTED = 130

PARTS = (run, running, reminders, doctor, trials, devices, boards, configuration, tools, standin)
"""One module for each family of commands; its `add` declares them. In the order of the help."""

EPILOGUE = (
    "`conure COMMAND --help` tells more. Exit status: 0 done, 1 failed, 2 wrong usage, 78 the configuration "
    "or the key cannot work."
)

Command = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code. What users can mend is told in one line, on stderr."""
    _open_what_was_closed()
    keep_stderr_apart()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a sign that the terminal does not know becomes a "?"
    arguments = _parser().parse_args(argv)
    command: Command = arguments.command
    try:
        _raise_at_ctrl_c()
        code = command(arguments)
        sys.stdout.flush()  # here, where a reader that went away is understood
        return code
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
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        _write_no_more()  # `conure doctor >FILE`, on a full card
        complain([f"the output cannot be written: {error.strerror}"])
        return 1
    except KeyboardInterrupt:
        return EX_INTERRUPTED


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


def _raise_at_ctrl_c() -> None:
    """End by KeyboardInterrupt from here on (see `daemon.__main__`), unless whoever started us ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="conure", description="A smart speaker that talks with Gemini Live.", epilog=EPILOGUE
    )
    parser.add_argument("--version", action="version", version=f"conure {__version__}")
    commands = add_choices(parser, "COMMAND")
    for part in PARTS:
        part.add(commands)
    return parser
