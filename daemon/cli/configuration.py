"""`conure config check` and `conure config show`."""

from __future__ import annotations

import argparse
import os
from typing import Any

from daemon.cli.arguments import add_choices, add_config_option

_NO_KEY = (
    "none for who runs this command (needed by `conure run`, unless with --standin); the service has its own "
    "from systemd, which `sudo conure doctor` looks at"
)


def add(commands: Any) -> None:
    """Add `conure config`."""
    config = commands.add_parser("config", help="check or show the configuration")
    actions = add_choices(config, "ACTION")
    for name, what, command in (
        ("check", "report every mistake", _config_check),
        ("show", "print every key with its value", _config_show),
    ):
        action = actions.add_parser(name, help=what)
        action.set_defaults(command=command)
        add_config_option(action)


def _config_check(arguments: argparse.Namespace) -> int:
    from daemon.config import load
    from daemon.config.checks import notes
    from daemon.hearing.extras import check_extras

    loaded = load.load(arguments.config, os.environ)
    check_extras(loaded.settings)
    api_key = load.load_api_key(loaded.settings, os.environ)
    print(f"configuration: {loaded.path or 'no file, all defaults'}")
    print(f"API key: {'found' if api_key else _NO_KEY}")
    for note in notes(loaded.settings):
        print(f"note: {note}")
    print("ok; devices are not looked at: `conure devices` shows what there is")
    return 0


def _config_show(arguments: argparse.Namespace) -> int:
    from daemon.cli.config_text import describe
    from daemon.config import load

    loaded = load.load(arguments.config, os.environ)
    print(f"# {loaded.path or 'no file, all defaults'}\n\n{describe(loaded.settings, loaded.given)}", end="")
    return 0
