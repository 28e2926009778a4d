"""`conure devices`: the sound devices that there are, and what they take."""

from __future__ import annotations

import argparse
import os
from typing import Any

from daemon.cli.arguments import complain, table

COLUMNS = ("name", "kind", "card", "usb", "port", "default", "opened with")


def add(commands: Any) -> None:
    """Add `conure devices`."""
    commands.add_parser("devices", help="list the sound devices").set_defaults(command=_devices)


def _devices(_: argparse.Namespace) -> int:
    from hw.sound.library import survey_devices

    in_use = _in_use()
    found = survey_devices()
    if not found:
        complain(["there is no sound device; `conure doctor` tells what may help"])
        return 1
    rows = [
        [one.name, one.kind, one.card, one.usb, one.port, "yes" if one.default else "", form]
        for one, form in found
    ]
    print(table([list(COLUMNS), *rows]))
    for kind, about in in_use.items():
        print(f"in use as {kind}: {about}")
    return 0


def _in_use() -> dict[str, str]:
    """What a running daemon has opened, by kind; nothing where none runs."""
    from daemon.control.client import call, find_daemon
    from daemon.errors import ControlError

    try:
        devices = call(find_daemon(os.environ), "status", None)["devices"]
    except ControlError:
        return {}
    return {kind: devices[kind]["device"] for kind in ("mic", "speaker") if devices[kind].get("device")}
