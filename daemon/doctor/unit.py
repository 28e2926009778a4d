"""The systemd unit as it is read: whether it is there, whom it runs as, and where its key is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.config.load import CREDENTIAL

if TYPE_CHECKING:
    from daemon.doctor.machine import Machine

UNIT = "conure.service"
RUNNING_CREDENTIALS = Path("/run/credentials") / UNIT
"""Where systemd keeps a running service's credentials, for the service and for root (systemd.exec(5))."""
CREDENTIAL_STORE = Path("/etc/credstore")
ENCRYPTED_STORE = Path("/etc/credstore.encrypted")
"""Where LoadCredential= and LoadCredentialEncrypted= without a path look first (systemd.exec(5))."""

PROPERTIES = (
    "LoadState", "ActiveState", "SubState", "Result", "ExecMainStatus", "NRestarts", "StatusText", "User",
    "SupplementaryGroups", "UnitFileState",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unit:
    """What systemd knows of the service."""

    systemd: bool = False
    """Whether this machine is run by systemd."""
    installed: bool = False
    active: str = ""
    """active, activating, failed, inactive …"""
    result: str = ""
    exit_status: int = 0
    restarts: int = 0
    """How often systemd has started it again by itself."""
    says: str = ""
    """The service's own word for its state."""
    enabled: bool = True
    user: str = ""
    """Whom it runs as; empty where it is not installed."""
    groups: tuple[str, ...] = ()
    """Those that the unit adds to the user's own."""
    credential: Path | None = None
    """The file that holds the API key."""
    encrypted: bool = False
    """Whether that file can be read by systemd alone."""


def read_unit(machine: Machine) -> Unit:
    """What systemd knows; nothing where there is none."""
    if not machine.at("/run/systemd/system").is_dir():  # sd_booted(3)
        return Unit()
    told = machine.run(["systemctl", "show", UNIT, "--no-pager", f"--property={','.join(PROPERTIES)}"])
    # systemctl show prints a credential's name as [unprintable] (tried on systemd 252).
    text = machine.run(["systemctl", "cat", UNIT, "--no-pager"])
    return parse_unit(told or "", text or "")


def parse_unit(told: str, text: str) -> Unit:
    """What `systemctl show` tells, and `systemctl cat`: the unit's file, then its drop-ins."""
    about = _properties(told)
    if about.get("LoadState") != "loaded":
        return Unit(systemd=True)
    credential, encrypted = _credential(text)
    return Unit(
        systemd=True,
        installed=True,
        active=about.get("ActiveState", ""),
        result=about.get("Result", ""),
        exit_status=_number(about.get("ExecMainStatus")),
        restarts=_number(about.get("NRestarts")),
        says=about.get("StatusText", ""),
        enabled=about.get("UnitFileState", "enabled").startswith("enabled"),
        user=about.get("User") or "root",
        groups=tuple(about.get("SupplementaryGroups", "").split()),
        credential=credential,
        encrypted=encrypted,
    )


def _properties(told: str) -> Mapping[str, str]:
    """By name."""
    return {name: value for name, _, value in (line.partition("=") for line in told.splitlines())}


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def _credential(text: str) -> tuple[Path | None, bool]:
    """The API key's file, and whether it is encrypted: of several lines for it, systemd takes the last."""
    lines = re.findall(r"^LoadCredential(Encrypted)?=([^:\n]+):?(.*)$", text, re.MULTILINE)
    for encrypted, name, path in reversed(lines):
        if name.strip() == CREDENTIAL:
            store = ENCRYPTED_STORE if encrypted else CREDENTIAL_STORE
            return store / (path.strip() or CREDENTIAL), bool(encrypted)  # a path from / stands for itself
    return None, False
