"""`conure apply`: carries out what the page wishes of settings and key. systemd starts it, as root."""

from __future__ import annotations

import argparse
from typing import Any


def add(commands: Any) -> None:
    """Add `conure apply`."""
    apply = commands.add_parser(
        "apply", help="carry out what the page wishes of the configuration (for systemd)"
    )
    apply.set_defaults(command=_apply)


def _apply(_arguments: argparse.Namespace) -> int:
    from daemon.cli.web import check_libraries

    check_libraries()
    from daemon.config.load import SYSTEM_FILE
    from daemon.runtime import logs
    from daemon.web.gate.places import SYSTEM_FOLDER
    from daemon.web.wishes.helper import Helper, SystemdService
    from daemon.web.wishes.key_store import KeyStore

    logs.configure("info")
    try:
        Helper(SYSTEM_FOLDER, SYSTEM_FILE, SystemdService(), KeyStore()).run()
    finally:
        logs.flush()
    return 0
