"""Gathers what the examination needs: settings, board, unit, and what a running daemon says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.config import load
from daemon.config.checks import notes
from daemon.config.settings import Settings
from daemon.doctor.finding import Check, Finding, fine, wrong
from daemon.doctor.machine import Machine
from daemon.doctor.unit import Unit, read_unit
from daemon.errors import ConfigError, ControlError
from daemon.hearing.extras import check_extras
from hw.base import Board


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asked for."""

    config: Path | None = None
    board: str | None = None
    offline: bool = False
    """Leave the network alone."""
    sound: bool = False
    """Make a sound, to hear it again."""
    tell: Callable[[str], object] = lambda text: None
    """Told what will be heard before it is. Any thread."""


@dataclass(frozen=True, slots=True)
class Case:
    """One examination."""

    machine: Machine
    wishes: Wishes
    unit: Unit
    settings: Settings | None
    """None: the configuration has mistakes."""
    board: Board | None
    """The configured board, no device of which is open; None as `settings`."""
    status: dict[str, Any] | None
    """What the running daemon tells of itself; None: none runs, or it does not answer."""
    stuck: str
    """Why a running daemon does not answer; empty: none runs, or it does."""

    @property
    def simulated(self) -> bool:
        """Whether the board only pretends."""
        return self.board is not None and self.board.stage is not None

    @property
    def devices_taken(self) -> bool:
        """Whether a running daemon has the devices that would be looked at."""
        return (self.status is not None or bool(self.stuck)) and not self.simulated


def admit(machine: Machine, wishes: Wishes) -> tuple[Case, list[Finding]]:
    """The case, and what its configuration is found to be."""
    settings, board, findings = _configured(machine, wishes)
    unit = read_unit(machine)
    status, stuck = _ask(machine)
    return Case(
        machine=machine, wishes=wishes, unit=unit, settings=settings, board=board, status=status, stuck=stuck
    ), findings


def _configured(machine: Machine, wishes: Wishes) -> tuple[Settings | None, Board | None, list[Finding]]:
    try:
        loaded = load.load(wishes.config, machine.env, wishes.board)
        check_extras(loaded.settings)
        board = machine.open_board(loaded.settings)
    except ConfigError as error:
        return None, None, [_mistake(line, machine) for line in error.problems]
    words = "; ".join([str(loaded.path or "no file: all values are defaults"), *notes(loaded.settings)])
    how = " (detected)" if loaded.detected else ""
    return loaded.settings, board, [fine(Check.CONFIGURATION, f"{words}; board {board.name}{how}")]


def _mistake(line: str, machine: Machine) -> Finding:
    if "Permission denied" in line and not machine.is_root:
        remedy = "it may be the service's own: look with `sudo conure doctor`"
    else:
        remedy = "correct it, then `conure config check`"
    return wrong(Check.CONFIGURATION, line, remedy, refuses_start=True)


def _ask(machine: Machine) -> tuple[dict[str, Any] | None, str]:
    try:
        return machine.ask_daemon(machine.env), ""
    except ControlError as error:
        return None, str(error)
