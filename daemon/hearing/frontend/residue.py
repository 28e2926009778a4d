"""How much of the echo may be left after the canceller: the level that a voice must exceed. Pure.

The canceller's depth (level at the microphone less level after it) is 30 to 50 dB while the speaker alone is
heard, and small while somebody speaks over it. What is usual depends on the device: a loudspeaker that
distorts leaves more. So the depth that mere echo has is learnt: what stands out of the room's noise with less
than it pulls it down, everything else lets it rise. A sentence that is spoken over a reply is noticed, and
ends the reply, long before it has been learnt as echo; a canceller that does badly is learnt in some seconds.
"""

from __future__ import annotations

from math import inf

FIRST_DEPTH_DB = 25.0
"""Until it is learnt. Mere echo in a simulated room goes below it only at the bad moments that are told of
below, and a voice 13 dB softer than the echo still exceeds what it leaves (docs/inside/frontend.md)."""

DEEPEST_DB, SHALLOWEST_DB = 28.0, 3.0
"""The learnt depth stays between these: a canceller that does better shows it only in a quiet room."""

FALL_DB, RISE_DB = 0.06, 0.01
"""Of the learnt depth, a chunk: 3 dB and 0.5 dB a second."""

SOUNDING_DBFS = -50.0
"""Only a chunk whose reference is louder teaches: in its pauses, and after a cut, it is the user's voice."""

DOUBTED_DEPTH_DB = 12.0
"""What may be expected of the canceller at a bad moment: depths of 13 dB are seen."""

SETTLING_CHUNKS = 15
"""In the first 0.3 s of a sound it may have to find the echo again."""

CLIPPED_CHUNKS = 5
"""And for 0.1 s after the microphone was overdriven: no path explains a clipped echo."""

DECAY_DB = 1.0
"""What is left rings on after a loud sound: its level counts as falling by no more than this in a chunk."""

SEEN_DB = 6.0
"""What is left must be so much above the noise floor to tell anything."""


class Residue:
    """The level that mere echo does not exceed. Capture thread."""

    def __init__(self) -> None:
        self.depth_db = FIRST_DEPTH_DB
        """The learnt depth that mere echo seldom falls below."""
        self._doubted = 0
        self._loudest_dbfs = -inf

    def doubt(self, chunks: int) -> None:
        """For so many chunks the canceller may do badly (SETTLING_CHUNKS, CLIPPED_CHUNKS)."""
        self._doubted = max(self._doubted, chunks)

    def judge(self, far_dbfs: float, mic_dbfs: float, left_dbfs: float, floor_dbfs: float) -> float:
        """The level in dBFS which this chunk must exceed to be a voice, whatever the noise floor.

        `far_dbfs` is the level of the reference, `mic_dbfs` and `left_dbfs` those before and after the
        canceller. Learns from the chunk.
        """
        self._loudest_dbfs = max(mic_dbfs, self._loudest_dbfs - DECAY_DB)
        limit_dbfs = self._loudest_dbfs - self.depth_db
        if self._doubted:
            self._doubted -= 1
            return self._loudest_dbfs - min(self.depth_db, DOUBTED_DEPTH_DB)
        if far_dbfs < SOUNDING_DBFS:
            return limit_dbfs
        seen = left_dbfs > floor_dbfs + SEEN_DB
        step_db = -FALL_DB if seen and left_dbfs > limit_dbfs else RISE_DB
        self.depth_db = min(DEEPEST_DB, max(SHALLOWEST_DB, self.depth_db + step_db))
        return limit_dbfs
