"""Whether a capture device runs in real time. Pure.

A plug-in that stands for a device that is not there (ALSA's `null`) gives hours of silence in seconds, and a
broken driver a second's sound in two. Neither is heard as it was said, and whoever counts seconds of sound
counts wrongly. So such a device counts as one that has failed.
"""

from __future__ import annotations

TOLERANCE = 0.25
"""So far off is no drift of a crystal (0.01 %), and no rate taken for its neighbour (9 %)."""

LIMIT_S = 3.0
"""What may come at once or late without a fault: a device's depth, a sound server that hands over two seconds
at a time, a machine that stood still for a moment."""


class DevicePace:
    """How far one stream is ahead of the clock, or behind it. One thread."""

    def __init__(self) -> None:
        self._ahead_s = 0.0
        self._behind_s = 0.0

    def note(self, sound_s: float, passed_s: float, waited_s: float) -> str | None:
        """Tell of sound that came: its length, the time since the last came, and what of that was waiting.

        Returns what is wrong with the device, if that is certain. Whoever does not ask for sound in time
        makes the device neither slow nor fast: it is ahead of all the time that has passed, and behind what
        was waited for only.
        """
        self._ahead_s = max(0.0, self._ahead_s + sound_s - (1 + TOLERANCE) * passed_s)
        self._behind_s = max(0.0, self._behind_s + waited_s - (1 + TOLERANCE) * sound_s)
        if self._ahead_s > LIMIT_S:
            return "runs far faster than real time: it is no device that hears (ALSA's `null`, perhaps)"
        if self._behind_s > LIMIT_S:
            return "runs far slower than real time: its driver or its sound server does not keep up"
        return None
