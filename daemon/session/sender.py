"""The sending half of a session, as the uplink and a second connection see it."""

from __future__ import annotations

from typing import Protocol

from daemon.session.liveness import Evidence


class Sender(Protocol):
    """The sending half of a session; every method may raise LinkError."""

    async def send_audio(self, pcm: bytes) -> None:
        """Send 16 kHz mono s16 PCM."""

    async def start_activity(self) -> None:
        """Open the user's turn."""

    async def end_activity(self) -> None:
        """Close the user's turn."""

    async def end_stream(self) -> None:
        """The open microphone pauses."""

    async def send_text(self, text: str) -> None:
        """A turn in writing."""

    async def send_video(self, jpeg: bytes) -> None:
        """A picture."""

    def evidence(self) -> Evidence | None:
        """What TCP has delivered; None where that cannot be known."""
        ...
