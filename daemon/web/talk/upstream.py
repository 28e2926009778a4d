"""What a client says, on its way into a talk's uplink: speech and texts, one at a time. Event loop only.

The client's open microphone is a *stream* utterance: the service finds the ends of speech, and a connection
that is lost begins again where the last answer left it. A client that says itself where it speaks (`manual`)
makes utterances with a beginning and an end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from daemon.runtime.ring import HistoryRing
from daemon.session.uplink import Told, Uplink
from hw.base import MIC_FORMAT

KEPT_S = 10.0
"""Speech that is kept for a connection which comes late or breaks; policy: overwrite the oldest."""

NO_CLOCK = 1e6
"""How much faster than real time sound may come: a recording comes at once. What is too much, each client's
door says."""

MAX_UNDER_WAY = 512
"""Pieces of speech whose time until they leave is taken, 20 s of a page's; policy: forget the oldest."""

MAX_TEXTS = 8
"""Texts that may wait for their turn; policy: refuse the newest."""


class Upstream:
    """`unheard_bytes` counts speech that came where none was open."""

    def __init__(
        self,
        *,
        manual: bool,
        message_ms: int,
        kept_s: float = KEPT_S,
        post: Callable[[Told], None],
        clock: Callable[[], float],
        relayed: Callable[[float], object] = lambda _: None,
    ) -> None:
        """`relayed` is told how many seconds each piece of speech took until it left."""
        self._ring = HistoryRing(MIC_FORMAT.bytes(kept_s))
        self._message_bytes = MIC_FORMAT.bytes(message_ms / 1000)
        self.uplink = Uplink(
            self._ring,
            message_bytes=self._message_bytes,
            preroll_bytes=0,
            post=post,
            clock=clock,
            speed=NO_CLOCK,
        )
        self._manual = manual
        self._clock = clock
        self._relayed = relayed
        self._under_way: deque[tuple[int, float]] = deque(maxlen=MAX_UNDER_WAY)
        """The ends of pieces in the ring, and when they came."""
        self._turn = 0
        self._texts: deque[str] = deque()
        self._text_out = False
        """The uplink holds a text that no connection has got yet."""
        self._speaks = False
        """The uplink holds speech."""
        self._open = False
        """More of it may come."""
        self._close_at: int | None = None
        self._sent_to = 0
        self._speech_from: int | None = None
        """Speech that waits until the texts before it are out, and whether it has ended meanwhile."""
        self._speech_over = False
        self.asked_at_s: float | None = None
        """When a question was whole that has no answer yet."""
        self.unheard_bytes = 0

    @property
    def listening(self) -> bool:
        """Whether what the client says now goes to the service."""
        return self._open or self._speech_from is not None

    @property
    def must_be_answered(self) -> bool:
        """Whether what was asked last was a question for sure: an open microphone may have heard a door."""
        return self._manual or not self._speaks

    # --- speech

    def hear(self, pcm: bytes) -> None:
        """The next piece: 16 kHz mono s16, whole samples."""
        if self._manual and not self.listening:
            self.unheard_bytes += len(pcm)
            return
        first = self._ring.head
        self._ring.write(pcm)
        self._under_way.append((self._ring.head, self._clock()))
        self._close_at = None
        self._speech_over = False
        if not self.listening:
            self._begin(first)
        self.uplink.wake()

    def press(self) -> None:
        """From now on the client speaks. With `manual` only."""
        if not self.listening:
            self.asked_at_s = None
            self._begin(self._ring.head)

    def end(self) -> None:
        """What was said is whole: the service need not wait for silence."""
        if self._speech_from is not None:
            self._speech_over = True
        elif self._open and self._manual:
            self._close()
        elif self._open and self._close_at is None:
            self._close_at = self._ring.head
            self._ring.write(bytes(self._message_bytes))  # less than a message would wait for more
            self.uplink.wake()
            self._close_if_sent()

    def _begin(self, first: int) -> None:
        if self._text_out:
            self._speech_from, self._speech_over = first, False
            return
        self._turn += 1
        self._speaks = self._open = True
        self._close_at = None
        self.uplink.open(self._turn, first, stream=not self._manual, released=True)

    def _close_if_sent(self) -> None:
        if self._close_at is not None and self._sent_to >= self._close_at:
            self._close()

    def _close(self) -> None:
        self._open, self._close_at = False, None
        self.asked_at_s = self._clock()
        self.uplink.close(self._turn)

    # --- texts

    def write(self, text: str) -> bool:
        """A turn in writing; False: too many wait."""
        if self._text_out:
            if len(self._texts) >= MAX_TEXTS:
                return False
            self._texts.append(text)
            return True
        self._send_text(text)
        return True

    def _send_text(self, text: str) -> None:
        self._turn += 1
        self._text_out, self._speaks, self._open, self._close_at = True, False, False, None
        self.asked_at_s = self._clock()
        self.uplink.write_text(self._turn, text)

    # --- what becomes of it

    def note_sent(self) -> None:
        """A piece has left."""
        self._sent_to = max(self._sent_to, self.uplink.sent_to(self._turn))
        while self._under_way and self._under_way[0][0] <= self._sent_to:
            self._relayed(self._clock() - self._under_way.popleft()[1])
        self._close_if_sent()

    def note_given(self, turn: int) -> None:
        """An utterance or a text has left, whole."""
        if turn != self._turn or not self._text_out:
            return
        self._text_out = False
        if self._texts:
            self._send_text(self._texts.popleft())
        elif self._speech_from is not None:
            first, self._speech_from = self._speech_from, None
            self._begin(first)
            if self._speech_over:
                self.end()

    def note_answered(self) -> bool:
        """The reply begins, or will not come. Returns whether the service had got a part of a question."""
        self.asked_at_s = None
        if self._open and not self._manual:
            self.uplink.note_answered(self._turn)
            return False
        if self._text_out or self._open:
            return False
        return self.uplink.settle(self._turn)

    def note_lost(self) -> None:
        """The connection is gone: a stream that has ended and was not answered is to be said again."""
        if self._speaks and not self._open and not self._manual and self.asked_at_s is not None:
            self.uplink.reopen(self._turn)
            self._open, self._sent_to = True, 0
            self._close_at = self._ring.head - self._message_bytes
