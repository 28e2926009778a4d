"""What was measured of the echo path before (`conure doctor --sound`): the front end starts from it. Pure.

It holds for these devices, in these ports, alone. It may be wrong all the same: somebody has moved the box,
or a sound server holds more than it did. So each value only shortens the search or makes the front end more
careful, and what is heard overrules it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log10
from typing import Any

from daemon.outside import number

FILE = "sound.json"
"""In the folder where state is kept. The doctor writes it; nobody else does."""

VERSION = 1

MOST_HIDDEN_S = 1.0

UNSURE_S = 0.02
"""Devices are believed to a period of 10 ms, at both ends."""

LEAST_LATER_S = 0.02
"""For less nothing is changed: the linear stage is long enough."""

LEAST_HOPE_DB, MOST_HOPE_DB = 12.0, 32.0
"""The depth that is hoped for stays between these, whatever was measured: with less, nobody could
interrupt."""

SUPPRESSED_DB = 6.0
"""So much of a distortion the suppressor takes away, which knows no path; what is linear is deeper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPath:
    """What the front end may start from. The values without any are those of nothing known."""

    hidden_s: float = 0.0
    """From when the devices say that a sample is heard until the microphone hears it."""
    heard: bool = True
    """Whether the microphone hears the speaker at all."""
    distortion: float = 0.0
    """The loudspeaker's overtones, 0 to 1."""

    @property
    def hope_db(self) -> float:
        """By how much an echo may become softer at the best: a canceller does not explain distortion."""
        depth_db = SUPPRESSED_DB - 20 * log10(max(self.distortion, 1e-3))
        return min(MOST_HOPE_DB, max(LEAST_HOPE_DB, depth_db))

    @property
    def later_s(self) -> float:
        """So much later than the devices tell, the linear stage may read what was played; 0: as they tell.

        It can find an echo that comes later than its reference, and none that comes earlier.
        """
        later_s = self.hidden_s - UNSURE_S
        return later_s if later_s >= LEAST_LATER_S else 0.0


NOTHING_KNOWN = KnownPath()


def known_path_from(data: Any, devices: Mapping[str, Any]) -> KnownPath | None:
    """What a file of the doctor's holds for these devices (`config.board.sound_devices`); None if it was
    measured with others. Raises ValueError."""
    try:
        if data["version"] != VERSION:
            raise ValueError("another version")
        if data["devices"] != devices:
            return None
        start = data["start"]
        return KnownPath(
            hidden_s=number(start["hidden_s"], 0.0, MOST_HIDDEN_S),
            heard=start["heard"] is not False,
            distortion=number(start["distortion"], 0.0, 1.0),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"it holds no measurement: {type(error).__name__}") from error


def start_content(known: KnownPath) -> dict[str, Any]:
    """What `known_path_from` reads under `start`."""
    return {"hidden_s": known.hidden_s, "heard": known.heard, "distortion": known.distortion}
