"""The newest log lines, for a page: what the daemon itself has told, and nothing that anybody has said.

Policy for one line more than it holds: the oldest goes. Lines are tidied as those for the journal are, so no
key is in them.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from typing import Any

from daemon.runtime.logs import OURS, tidy

LINES = 50
"""Some 10 KB: an hour of a speaker that is used, and all of the last fault."""

PRIVATE = {"CONURE_PRIVATE": "1"}
"""`extra` of a line with what somebody has said: it goes where log lines go, and is not kept here."""


@dataclass(frozen=True, slots=True)
class KeptLine:
    """One line."""

    at_s: float
    """The wall clock's, as `time.time`."""
    level: str
    """In small letters: "info", "warning", "error"."""
    text: str


class NewestLines(logging.Handler):
    """Keeps them. Any thread; never waits for anything but another line."""

    def __init__(self) -> None:
        """Below INFO nothing is kept: such lines hold what programs say to each other."""
        super().__init__(logging.INFO)
        self._lines: deque[KeptLine] = deque(maxlen=LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it, if it is our own and private to nobody. The caller holds the handler's lock."""
        if record.name.split(".")[0] not in OURS or PRIVATE.keys() <= record.__dict__.keys():
            return
        try:
            text = str(tidy(record).msg)
        except Exception:  # noqa: BLE001 - a line ends nobody; the log's own handler tells of it
            return
        self._lines.append(KeptLine(record.created, record.levelname.lower(), text))

    def lines(self) -> list[KeptLine]:
        """What is kept, the oldest first."""
        with self.lock:  # type: ignore[union-attr]  # `createLock` has made it
            return list(self._lines)

    async def handle_command(self, _args: dict[str, Any]) -> dict[str, Any]:
        """The control command `log`."""
        told = [
            {"at_s": round(line.at_s, 3), "level": line.level, "text": line.text} for line in self.lines()
        ]
        return {"lines": told}


def keep_newest(logger: logging.Logger) -> NewestLines:
    """Keep what this logger tells from now on, in the place of what kept it before."""
    for handler in [one for one in logger.handlers if isinstance(one, NewestLines)]:
        logger.removeHandler(handler)
    kept = NewestLines()
    logger.addHandler(kept)
    return kept
