"""How much of the echo may be left after the canceller, band by band: what exceeds it is somebody else. Pure.

The share of the echo that is left differs by device, room and band: a loudspeaker that distorts leaves more,
and more of it where it distorts. So for each band two shares are learnt: of what the speaker plays, and of
what the microphone hears. What is left may be echo if either explains it: the first holds while somebody
speaks, the second when the volume was turned. Both follow the worst of the last seconds: a band that exceeds
its share pulls it up at once, and else it sinks slowly.

A voice differs from an echo in that it exceeds many bands for many chunks in a row. Such chunks teach nothing
for a while; if nobody takes them for speech they were an echo that is louder than was thought, and teach.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from daemon.hearing.frontend.bands import BANDS, Powers

Decibels = NDArray[np.float32]

FIRST_SHARE_DB = -8.0
"""Until it is learnt, in the first second or two of the first sound."""

LEAST_SHARE_DB, MOST_SHARE_DB = -32.0, 0.0
"""The learnt shares stay between these."""

RISE_DB = 0.5
"""The most by which a share rises in a chunk that exceeds it."""

FALL_DB = 0.01
"""By so much it falls in each other chunk: it comes to rest where one chunk in a hundred exceeds it."""

FIRST_FALL_DB = 0.1
"""The same until it has been exceeded for the first time."""

DECAY_DB = 0.3
"""What rings on after a loud sound falls by no more than this in a chunk, 15 dB a second: as in a room with a
reverberation time of 4 s, since the canceller's own estimate of the tail lags behind it too."""

SPREAD = np.float32(0.003)
"""Of the power of a lower band, as distortion in each higher one: 5 % of its amplitude."""

SETTLING_DB, SETTLING_CHUNKS = 6.0, 45
"""More is left at the beginning of a sound, while the canceller finds the echo again: by so much in the
first 0.9 s."""

CLIPPED_DB, CLIPPED_CHUNKS = 6.0, 5
"""And for 0.1 s after the microphone was overdriven: no path explains a clipped echo."""

MOST_EXCESS_DB = 15.0
"""What exceeds its band by more counts as this: one tone is no voice."""

RUN_CHUNKS = 7
"""0.14 s: so long an excess is averaged before it is decided whether it teaches."""

UNTAUGHT_DB = 1.0
"""A mean excess beyond this may be somebody's voice, and teaches nothing."""

PATIENCE_CHUNKS = 75
"""If it lasts for 1.5 s and nobody took it for speech, it teaches nevertheless."""

BELOW_FLOOR_DB = 9.0
"""A band that is so much softer than the room's whole noise floor says nothing."""

MARGIN_DB, MOST_MARGIN_DB = 3.0, 9.0
"""More is demanded after each time that the device interrupted itself, up to some bound."""

FORGIVEN_DB = 0.5
"""And so much less after each sound throughout which it did not."""

CLEAR_DB = 10.0
"""An echo that would be so much softer than the room's noise was not seen to be small."""


class Residue:
    """Tells how much of a chunk the echo does not explain. Capture thread."""

    def __init__(self, hope_db: float = -LEAST_SHARE_DB) -> None:
        """`hope_db`: by how much an echo may become softer at the best, as far as is known."""
        self._least_share_db = np.array([[LEAST_SHARE_DB], [-hope_db]], np.float32)
        self._share_db: Decibels = np.full((2, BANDS), FIRST_SHARE_DB, np.float32)
        """Of the reference and of the microphone, at most, in what is left."""
        self._met = np.zeros((2, BANDS), bool)
        """Whether a share was ever exceeded."""
        self._ringing: Powers = np.zeros((2, BANDS), np.float32)
        self._newest_reference: Powers = np.zeros(BANDS, np.float32)
        self._excess_db = np.zeros(RUN_CHUNKS, np.float32)
        self._run_chunks = 0
        self._settling_chunks = SETTLING_CHUNKS
        self._clipped_chunks = 0
        self.margin_db = 0.0
        """More than is learnt, demanded since the device has taken its own echo for a voice."""

    @property
    def depth_db(self) -> float:
        """By how much the echo becomes softer at the least, in the median band."""
        return -float(np.median(self._share_db[1]))

    @property
    def settling(self) -> bool:
        """Whether the canceller may still be finding the echo."""
        return self._settling_chunks > 0

    def begin(self) -> None:
        """A sound begins, or the path has changed: the canceller has to find the echo again."""
        self._settling_chunks = SETTLING_CHUNKS

    def demand_more(self) -> None:
        """The device has interrupted itself."""
        self.margin_db = min(MOST_MARGIN_DB, self.margin_db + MARGIN_DB)

    def demand_less(self) -> None:
        """It did not, throughout a sound."""
        self.margin_db = max(0.0, self.margin_db - FORGIVEN_DB)

    def clipped(self) -> None:
        """The microphone was overdriven."""
        self._clipped_chunks = CLIPPED_CHUNKS

    def excess_db(self, powers: Powers, floor_dbfs: float, *, teaches: bool) -> float:
        """By how much this chunk exceeds what echo may be left, as a mean over the bands; 0: it may all be
        echo.

        `powers`: of the reference, the microphone and what is left, by band. `teaches`: the speaker
        sounds, and
        nobody is known to speak.
        """
        limit_db, exposed_db = self._limits_db(powers)
        left_db = _db(powers[2])
        least_db = floor_dbfs - BELOW_FLOOR_DB
        over_db = left_db - np.maximum(limit_db + self._doubt_db(), least_db)
        excess_db = float(np.minimum(np.maximum(over_db, 0), MOST_EXCESS_DB).sum()) / BANDS
        if teaches and self._may_teach(excess_db):
            beyond_db = np.where(left_db > least_db, left_db - exposed_db - self._share_db, -1.0)
            self._learn(beyond_db, limit_db > least_db - CLEAR_DB)
        return excess_db

    def _limits_db(self, powers: Powers) -> tuple[Decibels, Decibels]:
        """What is left of echo at most; and how loud the echo is, by either account."""
        heard = np.stack([np.maximum(powers[0], self._newest_reference), powers[1]])
        heard = np.maximum(heard, SPREAD * np.maximum.accumulate(heard, axis=1))
        self._newest_reference = powers[0]
        self._ringing = np.maximum(heard, self._ringing * np.float32(10 ** (-DECAY_DB / 10)))
        exposed_db = _db(self._ringing)
        return np.max(exposed_db + self._share_db, axis=0), exposed_db

    def _doubt_db(self) -> float:
        settling_db = SETTLING_DB if self._settling_chunks else 0.0
        clipped_db = CLIPPED_DB if self._clipped_chunks else 0.0
        self._settling_chunks = max(0, self._settling_chunks - 1)
        self._clipped_chunks = max(0, self._clipped_chunks - 1)
        return self.margin_db + max(settling_db, clipped_db)

    def _may_teach(self, excess_db: float) -> bool:
        self._excess_db[:-1] = self._excess_db[1:]
        self._excess_db[-1] = excess_db
        self._run_chunks = self._run_chunks + 1 if self._excess_db.sum() > UNTAUGHT_DB * RUN_CHUNKS else 0
        return self._run_chunks == 0 or self._run_chunks > PATIENCE_CHUNKS

    def _learn(self, beyond_db: Decibels, sounding: NDArray[np.bool_]) -> None:
        """`beyond_db`: by how much the chunk exceeds each share; `sounding`: where an echo could be seen."""
        exceeded = beyond_db > 0
        self._met |= exceeded
        fall_db = np.where(self._met, FALL_DB, FIRST_FALL_DB) * sounding
        self._share_db += np.where(exceeded, np.minimum(beyond_db, RISE_DB), -fall_db).astype(np.float32)
        np.maximum(self._share_db, self._least_share_db, out=self._share_db)
        np.minimum(self._share_db, MOST_SHARE_DB, out=self._share_db)


def _db(powers: Powers) -> Decibels:
    decibels: Decibels = 10 * np.log10(powers + np.float32(1e-12))
    return decibels
