"""The opposite fault: a canceller that takes the user for echo and gates the room to silence. Pure.

It has been seen in the field: with a reference much louder than the microphone, two thirds of the samples
were exact zeros (thirdreality/voice-music-assistant #13). What is lost while the speaker sounds may well be
echo. But once it has been quiet for a while nothing has to be taken away, and a sound that is lost
nevertheless bears witness.
"""

from __future__ import annotations

QUIET_CHUNKS = 25
"""The speaker must have been quiet for 0.5 s: no echo, not even a late one, explains a loss then."""

QUIET_DBFS = -70.0
"""A reference below this is a pause."""

SOUND_DB = 15.0
"""What is so much above the noise floor is somebody or something in the room."""

LOST_DB = 20.0
"""A sound that lost so much is not heard any more by a listener who waits for speech."""

WITNESSES = 50
"""Chunks that bear witness before it is decided: 1 s of sound, over several replies if need be."""

GUILTY_SHARE = 0.5
"""So many of them must be lost. The end of a long echo is fewer."""


class Guard:
    """Judges the canceller chunk by chunk, while it works. Capture thread."""

    def __init__(self) -> None:
        self._quiet_chunks = 0
        self._witnesses = 0
        self._lost = 0

    def gates(self, far_dbfs: float, mic_dbfs: float, left_dbfs: float, floor_dbfs: float) -> bool:
        """Whether by now it must be said to gate the room; then the judgement begins anew.

        Levels of a chunk: of the reference, before and after the canceller, and the noise floor.
        """
        self._quiet_chunks = self._quiet_chunks + 1 if far_dbfs < QUIET_DBFS else 0
        if self._quiet_chunks < QUIET_CHUNKS or mic_dbfs < floor_dbfs + SOUND_DB:
            return False
        self._witnesses += 1
        self._lost += mic_dbfs - left_dbfs > LOST_DB
        if self._witnesses < WITNESSES:
            return False
        guilty = self._lost >= GUILTY_SHARE * WITNESSES
        self._witnesses = self._lost = 0
        return guilty
