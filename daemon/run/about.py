"""What the program as a whole tells of itself: what runs, for how long, and which saves failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from daemon.config.settings import Settings
from daemon.reminders.service import Reminders
from daemon.runtime.heap import resident_bytes
from daemon.runtime.keeper import Keeper
from daemon.tools.memory import Memory


class About:
    """What was asked for, and since when it runs. For `conure status`."""

    def __init__(self, settings: Settings, board: str, *, stand_in: bool, clock: Callable[[], float]) -> None:
        """It runs from now on. `board` is the name of the board that is in use."""
        self._live = settings.live
        self._board = board
        self._stand_in = stand_in
        self._clock = clock
        self._started_s = clock()

    def report(self) -> dict[str, Any]:
        """As the status has it."""
        return {
            "up_s": round(self._clock() - self._started_s, 1),
            "board": self._board,
            "model": self._live.model,
            "service": "stand-in" if self._stand_in else "gemini",
            "turn_taking": self._live.turn_taking,
            "resident_bytes": resident_bytes(),
        }


class Saves:
    """The files that could not be written, whoever writes them."""

    def __init__(self, keeper: Keeper, reminders: Reminders, memory: Memory) -> None:
        self._keeper = keeper
        self._reminders = reminders
        self._memory = memory

    def counters(self) -> dict[str, int]:
        """All of them together."""
        failures = self._keeper.failures + self._reminders.save_failures + self._memory.save_failures
        return {"state_saves_failed": failures}
