"""Whether the device has interrupted itself: it took its echo for a voice, and nobody spoke on. Pure.

Who interrupts a reply goes on for a while after it has fallen silent: the start is noticed in the middle
of the
first word. An echo ends with the reply.
"""

from __future__ import annotations

SKIPPED_CHUNKS = 3
"""For 60 ms after the start the reply may still be heard."""

JUDGED_CHUNKS = 50
"""After 1 s it is decided."""

VOICE_CHUNKS = 3
"""So many chunks of speech in that time were somebody: more than a click, less than what is left of
"stop"."""


class SelfInterruption:
    """Looks at each start of speech over a reply. Capture thread."""

    def __init__(self) -> None:
        self._chunks = 0
        """Since the start; 0: there was none."""
        self._voice_chunks = 0

    def hear(self, *, started: bool, voice: bool) -> bool:
        """Take the next chunk; returns whether a start a second ago was the device itself.

        `started`: speech was noticed over the device's own sound with this chunk. `voice`: this chunk is
        speech.
        """
        if started:
            self._chunks, self._voice_chunks = 1, 0
            return False
        if not self._chunks:
            return False
        self._chunks += 1
        self._voice_chunks += voice and self._chunks > SKIPPED_CHUNKS
        if self._chunks <= JUDGED_CHUNKS:
            return False
        self._chunks = 0
        return self._voice_chunks < VOICE_CHUNKS
