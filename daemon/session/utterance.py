"""What the user has said, and how much of it the present connection has got. Pure.

An utterance is a range of the uplink ring. What was said before it, and never answered, goes first.
"""

from __future__ import annotations

from dataclasses import dataclass

from hw.base import MIC_FORMAT
from hw.sound.pace import LIMIT_S, TOLERANCE

MAX_UNANSWERED_BYTES = MIC_FORMAT.bytes(60.0)
"""What was said and not answered, and goes with the next utterance; policy: the oldest is forgotten and
counted. A minute is what one utterance may be."""


@dataclass(slots=True)
class Unanswered:
    """What was said before, in an order that the service has not answered."""

    pcm: bytes = b""
    kept_from: int = 0
    """Where the part begins that this connection has not got in a turn that is over."""
    position: int = 0
    """How much of it this connection has got."""

    @property
    def left_bytes(self) -> int:
        """What is still to be sent."""
        return len(self.pcm) - self.position

    def rewind(self) -> int:
        """The turn begins again on this connection. Returns how much is sent once more, in bytes."""
        again_bytes, self.position = self.position - self.kept_from, self.kept_from
        return again_bytes

    def restart(self, *, known: bool = False) -> int:
        """Another connection has got nothing, or all of it (`known`). Returns how much is sent once more."""
        again_bytes = 0 if known else self.position
        self.kept_from = self.position = len(self.pcm) if known else 0
        return again_bytes


@dataclass(slots=True)
class Utterance:
    """A range of the ring, and how much of it the present connection has got. Positions in bytes."""

    turn: int
    begin: int
    stream: bool
    released: bool
    end: int | None = None
    text: str | None = None
    position: int = 0
    started: bool = False
    finished: bool = False
    kept: bytes | None = None
    """All of it, once it is closed: the ring goes on, and would overwrite it while a connection comes."""
    before: Unanswered | None = None

    def rewind(self, begin: int) -> None:
        """Nothing of it has been sent on this connection."""
        self.position = begin
        self.started = self.finished = False

    @property
    def said(self) -> bytes:
        """All that a service that knows nothing has to hear of it, once it is closed."""
        return (self.before.pcm if self.before else b"") + (self.kept or b"")

    @property
    def under_way(self) -> bool:
        """Whether the server has got a part of it, and not its end."""
        return self.started and not self.finished


def unanswered(held: Utterance | None) -> tuple[Unanswered | None, int]:
    """What of an utterance goes with the next one, and how many bytes of it found no room.

    One that is still open, a stream and a text do not: the first is cut by its user, a stream keeps what is
    not answered itself, and what is written can be written again.
    """
    if held is None or held.kept is None or held.stream or held.text is not None:
        return None, 0
    whole = held.said
    sent_before = held.before.position if held.before else 0
    sent_bytes = sent_before + held.position - held.begin
    lost_bytes = max(0, len(whole) - MAX_UNANSWERED_BYTES)
    position = max(0, sent_bytes - lost_bytes)
    kept_from = (
        position if held.finished else max(0, (held.before.kept_from if held.before else 0) - lost_bytes)
    )
    return Unanswered(whole[lost_bytes:], kept_from, position), lost_bytes


class SaidByTheClock:
    """How far the ring may have been filled since an utterance began, if its sound came in real time.

    A device that gives hours of sound in seconds is found out (`hw/sound/pace.py`), but not at once: until
    then nobody has said more than such a device may give.
    """

    def __init__(self, head: int, now_s: float, speed: float) -> None:
        """`head` is the ring's at `now_s`; `speed` is 1 but in simulations that hurry."""
        self._head = head
        self._since_s = now_s
        self._speed = speed

    def limit(self, now_s: float) -> int:
        """The position in the ring up to which it counts as said."""
        allowed_s = (1 + TOLERANCE) * (now_s - self._since_s) + LIMIT_S
        return self._head + MIC_FORMAT.bytes(allowed_s * self._speed)
