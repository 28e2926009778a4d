"""Where the gateway keeps its state: the same folder for `conure web` and for the commands about it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from daemon.errors import ConureError
from daemon.outside import one_line, whole_number
from daemon.runtime.store import Store

WHEREABOUTS_FILE = "whereabouts.json"
FINGERPRINT_CHARS = 100

SYSTEM_FOLDER = Path("/var/lib/conure-web")
"""The unit has StateDirectory=conure-web."""


def web_folder(env: Mapping[str, str], system: Path = SYSTEM_FOLDER) -> Path:
    """The unit's StateDirectory; else the system service's, if it is installed; else the user's own.

    Raises ConureError without a home.
    """
    if service := env.get("STATE_DIRECTORY"):  # set by systemd; several are separated by colons
        return Path(service.split(":")[0])
    if named := env.get("CONURE_WEB_STATE"):
        return Path(named)
    if system.is_dir():
        return system
    state = env.get("XDG_STATE_HOME", "")
    if state.startswith("/"):  # XDG base directory specification: a relative one is to be ignored
        return Path(state) / "conure-web"
    if home := env.get("HOME"):
        return Path(home) / ".local/state/conure-web"
    raise ConureError("there is no place for the gateway's state: set CONURE_WEB_STATE to a folder")


def become_owner(folder: Path) -> None:
    """Go on as the folder's owner, if root runs the command: the service must read what is written.

    Raises ConureError if others cannot be kept from reading it, or if it is another user's.
    """
    try:
        found = folder.stat()
    except FileNotFoundError:
        return  # it is made by whoever runs the command
    if os.geteuid() == 0 and found.st_uid != 0:
        os.setegid(found.st_gid)
        os.seteuid(found.st_uid)
    elif found.st_uid != os.geteuid():
        raise ConureError(f"{folder} belongs to another user; try again with sudo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """What the running gateway tells of itself to `conure web pair`."""

    port: int = 0
    """Of the page; 0: it has not told."""
    fingerprint: str = ""
    """Of its certificate, SHA-256, as browsers show it."""


def write_whereabouts(folder: Path, found: Whereabouts) -> None:
    """Tell it; blocks on the disk."""
    Store(folder).keep(WHEREABOUTS_FILE, asdict(found))


def read_whereabouts(folder: Path) -> Whereabouts:
    """What the gateway told last."""
    return Store(folder).load(WHEREABOUTS_FILE, _whereabouts) or Whereabouts()


def _whereabouts(data: Any) -> Whereabouts:
    return Whereabouts(
        port=whole_number(data["port"], 0, 65_535),
        fingerprint=one_line(str(data["fingerprint"]), FINGERPRINT_CHARS),
    )
