"""`conure run`: the speaker itself."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.cli.arguments import add_config_option, complain, shows_pictures

if TYPE_CHECKING:
    from daemon.config.secret import Secret
    from daemon.config.settings import Settings
    from daemon.run.options import RunOptions


def add(commands: Any) -> None:
    """Add `conure run`."""
    run = commands.add_parser("run", help="run the speaker in the foreground")
    run.set_defaults(command=_run)
    add_config_option(run)
    run.add_argument("--once", action="store_true", help="end after one turn")
    run.add_argument("--board", metavar="NAME", help="use this board instead of the configured one")
    run.add_argument(
        "--demo", action="store_true", help="simulate what is missing: the key, the microphone, the speaker"
    )
    run.add_argument("--standin", action="store_true", help="talk to a built-in stand-in: no key, no network")
    run.add_argument("--wav-out", type=Path, metavar="FILE", help="record what is played; --once: the reply")


def _run(arguments: argparse.Namespace) -> int:
    from daemon.config import load
    from daemon.config.checks import notes

    loaded = load.load(arguments.config, os.environ, board=arguments.board)
    api_key = _api_key(loaded.settings, arguments)
    complain(notes(loaded.settings))
    options = replace(_options(arguments, board_detected=loaded.detected), hidden=_hide_keys())
    from daemon.runtime.heap import keep_heap_small

    keep_heap_small()
    from daemon.run import modes  # numpy comes with it: a mistake in the configuration is told before

    return modes.run(loaded.settings, api_key, options)


def _api_key(settings: Settings, arguments: argparse.Namespace) -> Secret | None:
    """The key; None where none is needed. Raises ConfigError, which a service shows on its lights first."""
    from daemon.config import load
    from daemon.errors import ConfigError

    try:
        api_key = None if arguments.standin else load.load_api_key(settings, os.environ)
        if api_key is None and not (arguments.standin or arguments.demo):
            raise load.missing_key()
    except ConfigError as error:
        from daemon.runtime.supervision import under_service_manager

        if under_service_manager(os.environ):
            from daemon.run import refusal

            refusal.show(settings, error)
        raise
    return api_key


def _hide_keys() -> dict[str, Secret]:
    """Take the key out of the environment, where the programs of tools could read it."""
    from daemon.config.load import KEY_VARIABLES
    from daemon.config.secret import Secret
    from daemon.runtime.environment import erase

    return {name: Secret(value) for name, value in erase(KEY_VARIABLES, os.environ).items()}


def _options(arguments: argparse.Namespace, *, board_detected: bool) -> RunOptions:
    from daemon.run.options import RunOptions

    return RunOptions(
        once=arguments.once,
        interactive=sys.stdin.isatty() and shows_pictures(sys.stdout),
        demo=arguments.demo,
        standin=arguments.standin,
        config=arguments.config,
        board=arguments.board,
        board_detected=board_detected,
        wav_out=arguments.wav_out,
    )
