"""The speaker's status, asked for at most once a second, whoever looks at it and however often.

Event loop only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from daemon.control.remote.client import NoSpeaker, SpeakerDoor
from daemon.errors import ControlError

KEPT_S = 1.0
"""Who looks more often sees the same again: `/readyz` is open to all, and the speaker is to be left alone."""

ANSWER_S = 5.0
"""A speaker that has not answered by then counts as away; Prometheus waits ten seconds for a scrape."""

SpeakerStatus = dict[str, Any]
"""What `conure status --json` gives."""


class KeptStatus:
    """Asks the speaker, and keeps what it said."""

    def __init__(self, speaker: SpeakerDoor, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._speaker = speaker
        self._clock = clock
        self._asking = asyncio.Lock()
        self._status: SpeakerStatus | None = None
        self._until_s = float("-inf")

    @property
    def has_speaker(self) -> bool:
        """Whether there is one at all, be it away."""
        return not isinstance(self._speaker, NoSpeaker)

    async def newest(self) -> SpeakerStatus | None:
        """Not older than KEPT_S; None while the speaker does not answer."""
        async with self._asking:
            if self.has_speaker and self._clock() >= self._until_s:
                self._status = await self._asked()
                self._until_s = self._clock() + KEPT_S
            return self._status

    async def _asked(self) -> SpeakerStatus | None:
        try:
            async with asyncio.timeout(ANSWER_S):
                status: SpeakerStatus = await self._speaker.ask("status")
                return status
        except (ControlError, TimeoutError):
            return None
