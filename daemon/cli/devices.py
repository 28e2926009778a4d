"""`conure devices`: the sound devices that there are."""

from __future__ import annotations

import argparse
from typing import Any

from daemon.cli.arguments import table


def add(commands: Any) -> None:
    """Add `conure devices`."""
    commands.add_parser("devices", help="list the sound devices").set_defaults(command=_devices)


def _devices(_: argparse.Namespace) -> int:
    from dataclasses import asdict

    from hw.portaudio import list_devices

    rows = [asdict(device) for device in list_devices()]
    if not rows:
        print("no sound devices")
        return 1
    print(table([list(rows[0]), *([str(value) for value in row.values()] for row in rows)]))
    return 0
