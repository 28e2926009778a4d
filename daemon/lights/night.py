"""How bright the lights may be at this time of day. Pure.

At night they are dimmed, never dark: what is lit stays lit, for the listening light is a promise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from daemon.config.schema import minute_of
from daemon.config.settings import LightSettings
from hw.base import Colour

DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Night:
    """From when to when it is night, and how much of the day's light is left then."""

    from_min: int
    """Minutes after midnight, local time, 0 to 1439."""
    to_min: int
    share: float
    """What the colours are multiplied by, above 0 and up to 1."""

    def is_on(self, minute: int) -> bool:
        """Whether it is night at this minute of the day, 0 to 1439."""
        return (minute - self.from_min) % DAY_MINUTES < (self.to_min - self.from_min) % DAY_MINUTES

    def share_at(self, minute: int) -> float:
        """What the colours are multiplied by at this minute of the day, 0 to 1439."""
        return self.share if self.is_on(minute) else 1.0


def night_from(lights: LightSettings) -> Night | None:
    """The night of these (checked) settings; None if there is none."""
    if not lights.night_from or not lights.night_to:
        return None
    share = min(1.0, lights.night_brightness / lights.brightness)
    return Night(minute_of(lights.night_from), minute_of(lights.night_to), share)


def dimmed(pixels: Iterable[Colour], share: float) -> tuple[Colour, ...]:
    """The pixels with that share of their light; a channel that is lit stays lit."""
    return tuple(Colour(*(_dim(channel, share) for channel in (p.red, p.green, p.blue))) for p in pixels)


def _dim(channel: int, share: float) -> int:
    return max(1, round(channel * share)) if channel else 0
