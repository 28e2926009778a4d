"""Who may do what: the API key and the mode of its file, and the groups of the user who runs Conure."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from daemon.config import load
from daemon.config.secret import Secret
from daemon.config.settings import Settings
from daemon.doctor.case import Case
from daemon.doctor.finding import Check, Finding, fine, skipped, wrong
from daemon.doctor.machine import Machine
from daemon.doctor.unit import RUNNING_CREDENTIALS, Unit
from daemon.errors import ConfigError
from hw.lights.kinds import KINDS

OTHERS = 0o007
"""Permissions of everybody else (chmod(2))."""

NODES: dict[str, tuple[str, str]] = {
    # group: a pattern of its devices below /dev, and what they are for
    "audio": ("snd/pcm*", "the sound card"),
    "gpio": ("gpiochip*", "the button, LEDs on GPIO lines, and the kernel's LEDs"),
    "spi": ("spidev*", "the lights on SPI"),
}
"""The groups that Raspberry Pi OS gives these devices (raspberrypi-sys-mods, 99-com.rules), and Debian
those of sound (systemd, 50-udev-default.rules)."""


# --- the key ---------------------------------------------------------------------------------------


def find_key(case: Case) -> tuple[Secret | None, Finding]:
    """The API key, as the service would find it and else as this user would, and what is to be said of it."""
    if case.settings is None:
        return None, skipped(Check.API_KEY, "the configuration, which may name its file, has mistakes")
    return look_for_key(case.machine, case.settings, case.unit)


def look_for_key(machine: Machine, settings: Settings, unit: Unit) -> tuple[Secret | None, Finding]:
    """As `find_key`, with the settings in force."""
    if closed := _closed_file(machine, settings, unit):
        return None, skipped(Check.API_KEY, f"{closed} is not for this user to read", "`sudo conure doctor`")
    try:
        key = _load(machine, settings, unit)
    except ConfigError as error:
        return None, _unusable(error.problems[0])
    if fault := _mode_fault(machine, settings, unit):
        return key, fault
    if key is not None:
        return key, fine(Check.API_KEY, _origin(machine, settings, unit))
    if unit.encrypted and unit.credential and machine.at(unit.credential).exists():
        return None, fine(Check.API_KEY, f"encrypted in {unit.credential}, for the service alone")
    return None, wrong(Check.API_KEY, "there is none", _where_to_put(unit), refuses_start=True)


def _load(machine: Machine, settings: Settings, unit: Unit) -> Secret | None:
    """As `config.load_api_key`, with the credential where the service's unit has it. Raises ConfigError."""
    env: Mapping[str, str] = machine.env
    folder = machine.at(RUNNING_CREDENTIALS)
    if "CREDENTIALS_DIRECTORY" not in env and os.access(folder / load.CREDENTIAL, os.R_OK):
        env = {**env, "CREDENTIALS_DIRECTORY": str(folder)}
    elif unit.credential and not unit.encrypted and machine.at(unit.credential).exists():
        live = replace(settings.live, api_key_file=str(machine.at(unit.credential)))
        settings = replace(settings, live=live)
    return load.load_api_key(settings, env)


def _key_files(machine: Machine, settings: Settings, unit: Unit) -> Iterator[Path]:
    """The files on disk that hold the key in the clear."""
    if unit.credential and not unit.encrypted:
        yield machine.at(unit.credential)
    if settings.live.api_key_file:
        yield Path(settings.live.api_key_file)


def _closed_file(machine: Machine, settings: Settings, unit: Unit) -> str:
    """The first file of a key that is there, but not for this user."""
    for file in _key_files(machine, settings, unit):
        try:
            file.stat()
        except PermissionError:
            return str(file)
        except OSError:
            continue
        if not os.access(file, os.R_OK):
            return str(file)
    return ""


def _mode_fault(machine: Machine, settings: Settings, unit: Unit) -> Finding | None:
    for file in _key_files(machine, settings, unit):
        try:
            mode = file.stat().st_mode & 0o777
        except OSError:
            continue
        if mode & OTHERS:
            found = f"{file} may be read by everybody on this machine (mode {mode:04o})"
            return wrong(Check.API_KEY, found, f"`sudo chmod 600 {file}`")
    return None


def _where_to_put(unit: Unit) -> str:
    get = "get one at https://aistudio.google.com/apikey"
    if unit.installed:
        return f"{get}; `sudo scripts/install` asks for it"
    return (
        f"{get}, write it to a file (chmod 600) and name that in [live] api_key_file, or set GEMINI_API_KEY"
    )


def _origin(machine: Machine, settings: Settings, unit: Unit) -> str:
    file = next((file for file in _key_files(machine, settings, unit) if file.exists()), None)
    if file is not None:
        return f"in {file}"
    return "a systemd credential" if unit.credential else "in the environment"


def _unusable(problem: str) -> Finding:
    remedy = "write the key alone into it: no name, no quotes, one line"
    return wrong(Check.API_KEY, problem, remedy, refuses_start=True)


# --- groups ----------------------------------------------------------------------------------------


def groups_needed(settings: Settings, *, has_button: bool) -> list[str]:
    """The groups whose devices this configuration uses."""
    kind = KINDS.get(settings.lights.kind)
    gpio = has_button or (
        kind is not None and bool(kind.pins or kind.named)
    )  # named: by systemd/conure.rules
    return ["audio", *(["gpio"] if gpio else []), *(["spi"] if kind is not None and kind.spi else [])]


def probe(case: Case) -> Iterator[Finding]:
    """The groups."""
    if case.settings is None or case.board is None:
        yield skipped(Check.GROUPS, "the configuration has mistakes")
    elif case.simulated:
        yield skipped(Check.GROUPS, "the simulated board needs none")
    else:
        needed = groups_needed(case.settings, has_button=case.board.has_button)
        yield _judge_service(case, needed) if case.unit.installed else _judge_self(case.machine, needed)


def _judge_service(case: Case, needed: list[str]) -> Finding:
    unit, machine = case.unit, case.machine
    if unit.user == "root":
        return fine(Check.GROUPS, "the service runs as root, who needs none")
    known = parse_groups(machine.read("/etc/group") or "")
    has = {name for name, members in known.items() if unit.user in members} | {*unit.groups}
    here = _with_devices(machine, needed)
    # One that the unit names and that does not exist keeps the service from starting.
    asked = [name for name in needed if name in here or name in unit.groups]
    missing = [name for name in asked if name not in has or name not in known]
    if not missing:
        return _well(here, needed, f"{unit.user} is in {', '.join(here)}")
    names = ",".join(missing)
    create = "".join(f"sudo groupadd --system {name} && " for name in missing if name not in known)
    return wrong(
        Check.GROUPS,
        f"{unit.user}, who runs the service, is not in {_with_purpose(missing)}",
        f"`{create}sudo usermod -aG {names} {unit.user} && sudo systemctl restart conure`",
    )


def _judge_self(machine: Machine, needed: list[str]) -> Finding:
    """By what may be opened, for a desktop gives its user the sound card without the group."""
    here = _with_devices(machine, needed)
    missing = [name for name in here if name not in machine.groups and not _may_open(machine, name)]
    if not missing:
        return _well(here, needed, f"{machine.user} may use {_with_purpose(here)}")
    remedy = f"`sudo usermod -aG {','.join(missing)} {machine.user}`, then log out and in again"
    return wrong(Check.GROUPS, f"{machine.user} may not use {_with_purpose(missing)}", remedy)


def _well(here: list[str], needed: list[str], found: str) -> Finding:
    """No group is missing; of some there may be no device, and of those nothing is known."""
    absent = [name for name in needed if name not in here]
    if not here:
        return skipped(Check.GROUPS, f"there is no device here of {_with_purpose(absent)}")
    return fine(
        Check.GROUPS, f"{found}; there is no device here of {_with_purpose(absent)}" if absent else found
    )


def _with_devices(machine: Machine, groups: list[str]) -> list[str]:
    """Those of the groups that have a device on this machine."""
    return [name for name in groups if any(_devices_of(machine, name))]


def _devices_of(machine: Machine, group: str) -> Iterator[Path]:
    return machine.at("/dev").glob(NODES[group][0])


def _may_open(machine: Machine, group: str) -> bool:
    """Whether no device of the group is closed to this user."""
    found = _devices_of(machine, group)
    return machine.is_root or all(os.access(node, os.R_OK | os.W_OK) for node in found)


def _with_purpose(names: list[str]) -> str:
    return ", ".join(f"{name} ({NODES[name][1]})" for name in names)


def parse_groups(text: str) -> dict[str, frozenset[str]]:
    """Members by group, from /etc/group (group(5)). A user's own first group is not among them."""
    rows = (line.split(":") for line in text.splitlines())
    return {row[0]: frozenset(row[3].split(",")) for row in rows if len(row) == 4}
