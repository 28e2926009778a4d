"""What the playback thread knows of the reply, and the event that tells of its end. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from daemon.events import PlaybackDrained, ReplyRanDry


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedReply:
    """How far the newest reply is."""

    turn: int = 0
    started: bool = False
    """Its first chunk has been taken for the device."""
    sounding: bool = False
    """The device has been given some of a reply, and it has not been told that this was heard."""
    all_here: bool = False
    """The server has sent all of it, though it has not ended the turn: running dry is no loss."""
    finishing: bool = False
    """Nothing more comes: what is left of it is the end."""

    def next(self, turn: int) -> PlayedReply:
        """The reply that begins now. The device may still hold some of this one."""
        return PlayedReply(turn=turn, sounding=self.sounding)

    def taken(self) -> PlayedReply:
        """A chunk of it goes to the device."""
        return replace(self, started=True, sounding=True)

    def ended(self, *, waiting_bytes: int, queued_s: float) -> PlaybackDrained | ReplyRanDry | None:
        """What there is to tell while so much of it waits for the device, and the device holds so much."""
        if waiting_bytes > 0 or queued_s > 0:
            return None
        if self.finishing:
            return PlaybackDrained(self.turn)
        return ReplyRanDry(self.turn, self.all_here) if self.sounding else None

    def told(self) -> PlayedReply:
        """Its end was told; that of what may still come of it was not."""
        return replace(self, finishing=False, sounding=False)
