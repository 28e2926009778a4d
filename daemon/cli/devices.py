"""`conure devices`: the sound devices that there are, and what they take."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict
from typing import Any

from daemon.cli.arguments import add_json_option, complain, to_json
from daemon.cli.text.layout import table, terminal_width

COLUMNS = ("name", "kind", "card", "usb", "port", "default", "opened with")

JSON_HELP = "as JSON: devices (name, kind, card, usb, port, default, opened_with), in_use"


def add(commands: Any) -> None:
    """Add `conure devices`."""
    devices = commands.add_parser("devices", help="list the sound devices")
    devices.set_defaults(command=_devices)
    add_json_option(devices, JSON_HELP)


def _devices(arguments: argparse.Namespace) -> int:
    from hw.sound.library import survey_devices

    in_use = _in_use()
    found = survey_devices()
    if arguments.json:
        devices = [asdict(one) | {"opened_with": form} for one, form in found]
        print(to_json({"devices": devices, "in_use": in_use}, indent=2))
        return 0 if found else 1
    if not found:
        complain(["there is no sound device; `conure doctor` tells what may help"])
        return 1
    rows = [
        [one.name, one.kind, one.card, one.usb, one.port, "yes" if one.default else "", form]
        for one, form in found
    ]
    print(table(COLUMNS, rows, terminal_width(sys.stdout)))
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
