"""`conure config check` and `conure config show`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from daemon.cli.arguments import add_choices, add_config_option, add_json_option, to_json

if TYPE_CHECKING:
    from daemon.config.settings import Settings

_NO_KEY = "none (needed by `conure run`, unless with --standin)"


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
        if name == "show":
            add_json_option(action, "as JSON: file, settings, given")


def _config_check(arguments: argparse.Namespace) -> int:
    from daemon.config import load
    from daemon.config.checks import notes
    from daemon.hearing.extras import check_extras

    loaded = load.load(arguments.config, os.environ)
    check_extras(loaded.settings)
    api_key = load.load_api_key(loaded.settings, os.environ)
    print(f"configuration: {loaded.path or 'no file, all defaults'}")
    for line in _keys(loaded.settings, found=api_key is not None):
        print(line)
    for note in notes(loaded.settings):
        print(f"note: {note}")
    print("ok; devices are not looked at: `conure devices` shows what there is")
    return 0


def _keys(settings: Settings, *, found: bool) -> Iterator[str]:
    """What is known of the key of who runs this command, and of the installed service's, which is its own."""
    from daemon.doctor.access import look_for_key
    from daemon.doctor.machine import Machine
    from daemon.doctor.unit import read_unit

    machine = Machine(env={})
    unit = read_unit(machine)
    if found or not unit.installed:
        yield f"API key: {'found' if found else _NO_KEY}"
    if unit.installed:
        of_service = look_for_key(machine, settings, unit)[1]
        remedy = f" ({of_service.remedy})" if of_service.remedy else ""
        yield f"API key of the service: {of_service.found}{remedy}"


def _config_show(arguments: argparse.Namespace) -> int:
    from daemon.cli.text.configuration import describe, describe_as_data
    from daemon.config import load

    loaded = load.load(arguments.config, os.environ)
    if arguments.json:
        print(to_json(describe_as_data(loaded.settings, loaded.given, str(loaded.path or "")), indent=2))
        return 0
    print(f"# {loaded.path or 'no file, all defaults'}\n\n{describe(loaded.settings, loaded.given)}", end="")
    return 0
