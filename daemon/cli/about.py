"""`conure version`: what runs here, for whoever asks for help."""

from __future__ import annotations

import argparse
import os
from typing import Any

from daemon.cli.arguments import add_json_option, to_json


def add(commands: Any) -> None:
    """Add the command."""
    version = commands.add_parser("version", help="tell the versions of Conure, its libraries and the system")
    version.set_defaults(command=show_version)
    add_json_option(version)


def show_version(arguments: argparse.Namespace) -> int:
    """Also for `conure --version`."""
    from daemon.doctor.host import versions
    from daemon.doctor.machine import Machine

    told = versions(Machine()) | {"board": board_in_words()}
    if getattr(arguments, "json", False):
        print(to_json(told, indent=2))
    else:
        print(version_text(told))
    return 0


def board_in_words() -> str:
    """The configured or detected board."""
    from daemon.config import load
    from daemon.config.board import AUTO
    from daemon.errors import ConfigError

    try:
        loaded = load.load(None, os.environ)
    except ConfigError:
        return "unknown: the configuration has mistakes (`conure config check`)"
    name = loaded.settings.board.name
    if name == AUTO:
        return "generic (none was detected)"
    return f"{name} (detected)" if loaded.detected else name


def version_text(told: dict[str, Any]) -> str:
    """`conure VERSION` first, as everywhere, then a line for each part."""
    libraries = ", ".join(f"{name} {version or 'missing'}" for name, version in told["libraries"].items())
    rows = {
        "board": told["board"],
        "machine": told["machine"],
        "Python": told["python"],
        "system": f"{told['system']}, {told['kernel']}",
        "libraries": libraries,
    }
    lines = (f"{name:<11}{words}" for name, words in rows.items() if words)
    return "\n".join([f"conure {told['conure']}", *lines])
