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


WAITED_S = 0.001
"""A read that takes longer has waited for the device. One that finds all there takes a tenth of it."""

LATER_S, SOONER_S = 0.0004, 0.001
"""By so much the next read is begun later after one that has waited, and sooner after one that has not: two
crystals that differ by 100 millionths are apart by 2 millionths of a second in a chunk."""


class NextDue:
    """When a sound server's device will have the next frames, so that nobody need wait inside a read.

    Such a read wakes up at each period and at each message of the server, and takes locks with the server's
    own thread each time: more than all that is done with the sound. One thread.
    """

    def __init__(self) -> None:
        self._until_s: float | None = None
        """When all that was read had come, on the caller's clock; None: nothing was read yet."""

    def rest_s(self, sound_s: float, now_s: float) -> float:
        """How long to rest before a read of so much sound; never longer than it lasts."""
        if self._until_s is None:
            return 0.0
        return min(max(0.0, self._until_s + sound_s - now_s), sound_s)

    def note(self, sound_s: float, asked_s: float, now_s: float) -> None:
        """A read of so much sound was begun at `asked_s`, and is over."""
        if self._until_s is None:
            self._until_s = now_s
        elif now_s - asked_s > WAITED_S:
            self._until_s += sound_s + LATER_S
        else:
            self._until_s = min(self._until_s + sound_s, now_s) - SOONER_S
