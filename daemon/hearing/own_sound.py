"""Tells when the microphone may hear the device itself: then what it hears is no speech. Capture thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from daemon.hearing.frontend.front_end import FrontEnd

EARCON_TAIL_S = 0.15
"""After an earcon the microphone hears the room for a while; its own tone is no speech."""

ECHO_TAIL_S = 0.35
"""The same after a reply, where the microphone hears the speaker (autonomous-os PR #423)."""


class Played(Protocol):
    """What the microphone has to know of the speaker: `time.monotonic()` seconds, read by any thread."""

    @property
    def clip_until_s(self) -> float:
        """Until when the newest tone or message is heard."""
        ...

    @property
    def audible_until_s(self) -> float:
        """Until when anything is heard."""
        ...


class OwnSound:
    """Looks at what is played. Called on the capture thread, for each chunk."""

    def __init__(
        self,
        playback: Played,
        front_end: FrontEnd,
        *,
        echo_free: bool,
        barge_in: str,
        clock: Callable[[], float],
    ) -> None:
        """`echo_free`: this board's microphone does not hear its speaker. `barge_in` is the key of [trigger]:
        what `auto` means changes when the front end has to give up.
        """
        self._playback = playback
        self._front_end = front_end
        self._echo_free = echo_free
        self._barge_in = barge_in
        self._clock = clock

    def __call__(self) -> bool:
        """Whether to pass over what is heard now."""
        now_s = self._clock()
        echo_free = self._echo_free or self._front_end.cancels
        if not echo_free and now_s < self._playback.clip_until_s + EARCON_TAIL_S:
            return True
        half_duplex = self._barge_in == "off" or (self._barge_in == "auto" and not echo_free)
        return half_duplex and now_s < self._playback.audible_until_s + ECHO_TAIL_S
