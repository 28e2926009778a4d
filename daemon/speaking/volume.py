"""Sets the loudness, from what the user asked for and from the limits that hold. Event loop only.

Three limits meet: what the user asked for, `[sound] max_volume`, and `[sound] night_volume` in the night of
`[lights]`. The card's mixer does as much of it as it can, the samples do the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from daemon.config.settings import SoundSettings
from daemon.errors import ControlError
from daemon.events import VolumeSet
from daemon.lights.night import Night
from daemon.outside import whole_number
from daemon.runtime.local_clock import local_minute
from daemon.runtime.store import Store
from daemon.speaking.gain import gain_for
from daemon.speaking.overlay import Speech, over_all
from daemon.speaking.playback import Bell, Playback
from hw.base import HardwareVolume

VOLUME_FILE = "volume.json"

NIGHT_TICK_S = 20.0
"""How late a night may begin."""


def load_percent(store: Store | None, configured: int) -> int:
    """The volume of an earlier run, unless `[sound] volume` has been changed since."""
    kept = store.load(VOLUME_FILE, _read) if store is not None else None
    return kept[0] if kept is not None and kept[1] == configured else configured


def _read(data: Any) -> tuple[int, int]:
    """Percent, and what was configured then. Raises ValueError."""
    match data:
        case {"percent": percent, "configured": configured}:
            return whole_number(percent, 0, 100), whole_number(configured, 0, 100)
    raise ValueError("it does not hold a volume")


class Volume:
    """Loudness in percent, 0 to 100."""

    def __init__(
        self,
        playback: Playback,
        settings: SoundSettings,
        *,
        percent: int,
        night: Night | None = None,
        hardware: HardwareVolume | None = None,
        minute: Callable[[], int] = local_minute,
        post: Callable[[VolumeSet], None] = lambda volume: None,
    ) -> None:
        """`percent` is what it begins with; `minute` gives the local time, in minutes after midnight."""
        self._playback = playback
        self._settings = settings
        self._night = night
        self._hardware = hardware
        self._minute = minute
        self._bell: Bell | None = None
        self._speech: Speech | None = None
        self._post = post
        self.percent = min(percent, settings.max_volume)
        """What was asked for, within `sound.max_volume`."""
        if hardware is not None:
            hardware.on_rest = self._leave_to_samples
        self._apply()

    @property
    def heard(self) -> int:
        """Percent that is heard now: less than what was asked for in the night."""
        return min(self.percent, self._limit())

    def set(self, percent: int) -> None:
        """Change the loudness, also of what is playing now. Raises ControlError out of range."""
        if not 0 <= percent <= 100:
            raise ControlError(f"the volume must be from 0 to 100, not {percent}")
        self.percent = min(percent, self._settings.max_volume)
        self._apply()
        self._post(VolumeSet(self.percent / 100))

    def change(self, by: int) -> None:
        """Add to the loudness; it ends at 0 and at `sound.max_volume`."""
        self.set(max(0, min(100, self.percent + by)))

    def ring(self, bell: Bell | None) -> None:
        """As `Playback.ring`: a bell has its own loudness, so the mixer is opened for it.

        What is playing beneath may be heard louder for as long as the device holds it (0.2 s).
        """
        self._bell = bell
        self._sound_over()

    def announce(self, speech: Speech | None) -> None:
        """Have an announcement be heard over all else, a bell included; None: silent at once."""
        self._speech = speech
        self._sound_over()

    def gain_of(self, percent: int | None, *, urgent: bool) -> float:
        """The factor for an announcement: of this loudness, or (None) of the present one.

        `urgent`: the night does not make it softer.
        """
        wanted = self.percent if percent is None else percent
        return gain_for(min(wanted, self._settings.max_volume if urgent else self._limit()))

    def content(self) -> Mapping[str, Any]:
        """What `load_percent` takes back."""
        return {"percent": self.percent, "configured": self._settings.volume}

    def report(self) -> dict[str, Any]:
        """For the status and for `conure volume`."""
        heard = self.heard
        return {"volume": self.percent} | ({"night_volume": heard} if heard != self.percent else {})

    def speaker_report(self) -> dict[str, Any]:
        """The speaker for the status, with the mixer that makes it softer."""
        told, mixer = self._playback.report(), self._hardware
        if mixer is None:
            return told | {"mixer": None}
        return told | {"mixer": mixer.about or None, "problem": told["problem"] or mixer.problem}

    async def run(self, sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep) -> None:
        """Follow the night, for ever. `sleep` takes seconds."""
        was = self.heard
        while True:
            await sleep(NIGHT_TICK_S)
            if self.heard != was:
                was = self.heard
                self._apply()

    def _limit(self) -> int:
        """No loudness above this is heard now."""
        at_night = self._night is not None and self._night.is_on(self._minute())
        loudest = self._settings.max_volume
        return min(loudest, self._settings.night_volume) if at_night else loudest

    def _sound_over(self) -> None:
        self._apply()
        self._playback.ring(over_all(self._speech, self._bell))

    def _apply(self) -> None:
        gain = gain_for(self.heard)
        if self._hardware is None:
            self._leave_to_samples(gain)
        else:
            self._hardware.set_gain(gain, by_samples=bool(self._bell or self._speech))

    def _leave_to_samples(self, gain: float) -> None:
        self._playback.gain = gain
