"""What the user says, on its way to the service: one utterance at a time, whole, in order.

An utterance is a range of the uplink ring. Sending does not consume it, so that an utterance which was not
answered is sent again, from its beginning, on the next connection; `settle` ends that. One that is not
settled when the next begins goes with it: a connection that has got it does not get it twice. Everything here
runs on the event loop, except that the capture thread reads `due_byte`, and calls `wake` through the loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from daemon.events import PictureChanged, PieceSent, UtteranceGiven, UtteranceSent
from daemon.runtime.ring import HistoryRing
from daemon.session.glance import Glance
from daemon.session.sender import Sender
from daemon.session.utterance import SaidByTheClock, Utterance, unanswered
from hw.base import MIC_FORMAT

DELIVERY_POLL_S = 0.01
"""How often it is looked whether the end of an utterance has been acknowledged; an acknowledgement takes a
round trip, and up to 40 ms more where the other end delays it (RFC 1122, 4.2.3.2: at most 500)."""


Told = UtteranceSent | UtteranceGiven | PieceSent | PictureChanged
"""What the uplink posts."""


class Uplink:
    """Holds the newest utterance and gives it to whichever session is there.

    `resent_bytes` counts audio that was sent more than once, over all utterances; `ahead_bytes` what came
    faster than the clock, and `unanswered_lost_bytes` what had to wait for too long: neither is ever sent.
    """

    def __init__(
        self,
        ring: HistoryRing,
        *,
        message_bytes: int,
        preroll_bytes: int,
        post: Callable[[Told], None],
        clock: Callable[[], float] = time.monotonic,
        speed: float = 1.0,
        picture: Callable[[], bytes | None] = lambda: None,
    ) -> None:
        """`speed` is 1 but in simulations that hurry, and for recordings, which come at once.

        `picture` gives the picture that is to leave now with what is said, if there is one.
        """
        self._ring = ring
        self._message_bytes = message_bytes
        self._preroll_bytes = preroll_bytes
        self._post = post
        self._clock = clock
        self._speed = speed
        self._picture = picture
        self.glance = Glance(post)
        self._by_clock = SaidByTheClock(0, clock(), speed)
        self._utterance: Utterance | None = None
        self._activity_open = False
        self._stream_open = False
        self._spoken_for = 0
        self._changed = asyncio.Event()
        self._on_hold = False
        self._unproven: int | None = None
        """The turn of what was given last to this connection, if it is not known that it has arrived."""
        self._leaving = False
        self._again = False
        self.due_byte = 0
        """The ring's head at which the next message is whole, as the pump saw it last. Any thread. Whatever
        else makes one sooner wakes the pump itself."""
        self.resent_bytes = 0
        self.ahead_bytes = 0
        self.unanswered_lost_bytes = 0

    @property
    def hungry(self) -> bool:
        """Whether audio that is captured now should be sent now: the capture thread then wakes the pump."""
        held = self._utterance
        return held is not None and held.released and held.end is None and held.text is None

    @property
    def leaving(self) -> bool:
        """Whether audio is on its way out. Also of an utterance that was settled since: it waits in the
        kernel, and nobody can take it back.
        """
        return self._leaving or self._again or self.glance.leaving

    def sent_to(self, turn: int) -> int:
        """Up to where in the ring this utterance has left on the present connection; 0: it is not held."""
        held = self._held(turn)
        return held.position if held is not None else 0

    def counters(self) -> dict[str, int]:
        """What was sent more than once, and what never."""
        return {
            "resent_bytes": self.resent_bytes,
            "uplink_ahead_bytes": self.ahead_bytes,
            "unanswered_lost_bytes": self.unanswered_lost_bytes,
        }

    def gone(self) -> None:
        """There is no connection any more on which something could leave."""
        self._unproven, self._leaving = None, False
        self.glance.gone()

    def wake(self) -> None:
        """There is more in the ring."""
        self._changed.set()

    def hold(self, on_hold: bool) -> None:
        """Send nothing for now, since it would end the session; the ring keeps what is said meanwhile."""
        self._on_hold = on_hold
        self._changed.set()

    def open(
        self,
        turn: int,
        onset_byte: int | None,
        *,
        stream: bool,
        released: bool,
        quiet_s: float | None = None,
    ) -> None:
        """Begin an utterance at `onset_byte` (None: now), less the pre-roll.

        It never reaches back into what an earlier utterance has already said; nor, where `quiet_s` says for
        how long the device has been silent, into the device's own voice. An utterance that is closed and not
        settled goes with it.
        """
        head = self._ring.head
        onset = head if onset_byte is None else onset_byte
        begin = max(onset - self._preroll_bytes, self._spoken_for, self._ring.tail)
        if quiet_s is not None:
            begin = min(onset, max(begin, head - MIC_FORMAT.bytes(max(0.0, quiet_s))))
        utterance = Utterance(turn, begin, stream, released, position=begin)
        if not stream:
            utterance.before, lost_bytes = unanswered(self._utterance)
            self.unanswered_lost_bytes += lost_bytes
            utterance.started = (
                self._utterance is not None and self._utterance.under_way and self._activity_open
            )
        self._by_clock = SaidByTheClock(head, self._clock(), self._speed)
        self._replace(utterance)

    def write_text(self, turn: int, text: str) -> None:
        """A turn in writing takes the place of an utterance."""
        self._replace(Utterance(turn, 0, stream=False, released=True, text=text))

    def release(self, turn: int) -> None:
        """It may be sent now."""
        if held := self._held(turn):
            held.released = True
            self._changed.set()

    def close(self, turn: int) -> None:
        """It ends here."""
        held = self._held(turn)
        if held is None or held.end is not None:
            return
        # Of a stream what has not left yet stays: the listening light goes out with this.
        head = self._ring.head  # once: the capture thread goes on
        held.end = held.position if held.stream else self._said(head)
        if not held.stream and held.text is None:
            held.begin, held.kept = self._ring.read_at(held.begin, held.end - held.begin)
            held.position = max(held.position, held.begin)
            self.ahead_bytes += head - held.end
        self._spoken_for = held.end if held.stream else head
        self._changed.set()

    def reopen(self, turn: int) -> int:
        """What was closed at a pause goes on, and with it what was captured since.

        Returns how many bytes are sent again: all, if the server has got its end, and else none.
        """
        held = self._held(turn)
        if held is None or held.end is None:
            return 0
        held.end, held.kept = None, None
        self._changed.set()
        if not held.finished:
            return 0
        begin = max(held.begin, self._ring.tail)
        again_bytes = held.position - begin + (held.before.rewind() if held.before else 0)
        self.resent_bytes += again_bytes
        held.rewind(begin)
        return again_bytes

    def note_answered(self, turn: int) -> None:
        """What a stream has said until now has been answered: another connection need not hear it again."""
        held = self._held(turn)
        if held is not None and held.stream:
            held.begin = held.position

    def settle(self, turn: int) -> bool:
        """It was answered, or nobody wants an answer any more: it is never sent again.

        Returns whether the server had got a part of it, but not its end: it may still answer that.
        """
        held = self._held(turn)
        if held is None:
            return False
        self._replace(None)
        return held.under_way

    def pause(self) -> None:
        """Stop streaming; the server is told that the microphone pauses."""
        if self._utterance is not None:
            self.close(self._utterance.turn)

    def resume(self, turn: int) -> None:
        """Stream again from now on."""
        head = self._ring.head
        self._by_clock = SaidByTheClock(head, self._clock(), self._speed)
        self._replace(Utterance(turn, head, stream=True, released=True, position=head))

    def restart(self, asked: int | None = None) -> None:
        """A new connection: the utterance starts again from its beginning.

        An open stream starts again where the last answer left it; one that was closed is over. `asked` is the
        turn that this connection has got already, by `ask_again`.
        """
        self._activity_open = self._stream_open = False
        held = self._utterance
        if held is None or (asked == held.turn and held.finished):
            return
        if held.stream and held.end is not None:
            self._replace(None)
            return
        begin = held.begin if held.kept is not None else max(held.begin, self._ring.tail)
        self.resent_bytes += max(0, held.position - begin) if held.started else 0
        self.resent_bytes += held.before.restart(known=asked is not None) if held.before else 0
        held.rewind(begin)
        self._changed.set()

    async def ask_again(self, turn: int, session: Sender) -> None:
        """Give a second connection what the first has got and not answered, and wait until it has arrived.

        Raises LinkError. Nothing is given that is settled, or that may still grow.
        """
        held = self._held(turn)
        if held is None or not held.finished:
            return
        self._again = True
        try:
            await (session.send_text(held.text) if held.text is not None else self._say_again(held, session))
            while (evidence := session.evidence()) is not None and evidence.outstanding_bytes > 0:  # noqa: ASYNC110 - see below
                await asyncio.sleep(DELIVERY_POLL_S)  # the kernel tells nobody
        finally:
            self._again = False
        self._post(UtteranceSent(turn))

    async def _say_again(self, held: Utterance, session: Sender) -> None:
        said = held.said
        await session.start_activity()
        for position in range(0, len(said), self._message_bytes):
            if self._utterance is not held:
                return
            pcm = said[position : position + self._message_bytes]
            self.resent_bytes += len(pcm)
            await session.send_audio(pcm)
            self._post(PieceSent(held.turn, len(pcm), self._clock()))
        await session.end_activity()

    async def pump(self, session: Sender) -> None:
        """Send whatever there is to send, for as long as the session lasts. Raises LinkError."""
        while True:
            self._changed.clear()
            while await self._send_next(session):
                pass
            held = self._utterance
            if self._unproven is None or (held is not None and held.under_way):
                await self._changed.wait()
            elif not self._note_delivered(self._unproven, session):
                with suppress(TimeoutError):
                    async with asyncio.timeout(DELIVERY_POLL_S):
                        await self._changed.wait()

    def _note_delivered(self, turn: int, session: Sender) -> bool:
        """Whether it has left the device for good: until then the listening light must be on."""
        evidence = session.evidence()
        if evidence is not None and evidence.outstanding_bytes > 0:
            return False
        self._unproven, self._leaving = None, False
        self._post(UtteranceSent(turn))
        return True

    def _held(self, turn: int) -> Utterance | None:
        held = self._utterance
        return held if held is not None and held.turn == turn else None

    def _replace(self, utterance: Utterance | None) -> None:
        self._utterance = utterance
        self._changed.set()

    async def _send_next(self, session: Sender) -> bool:
        """Send the next piece; False when there is none yet."""
        if self._on_hold:
            return False
        held = self._utterance
        if self._activity_open and (held is None or not held.started):
            self._activity_open = False
            await session.end_activity()
            return True
        if self._stream_open and (held is None or not held.started):
            self._stream_open = False
            await session.end_stream()
            return True
        if held is None or not held.released or held.finished:
            return False
        if held.text is not None:
            await session.send_text(held.text)
            self._finish(held)
            return False
        if not held.started:
            held.started = True
            if held.stream:
                self._stream_open = True
            else:
                self._activity_open = True
                await session.start_activity()
            return True
        return (
            await self._send_audio(session, held)
            or await self._send_picture(session, held)
            or await self._send_end(session, held)
        )

    async def _send_picture(self, session: Sender, held: Utterance) -> bool:
        """One that is due, while the user speaks; what is said goes first."""
        picture = self._picture() if held.end is None else None
        if picture is None:
            return False
        self._unproven, self._leaving = held.turn, True
        await session.send_video(picture)
        return True

    async def _send_audio(self, session: Sender, held: Utterance) -> bool:
        pcm = self._next_unanswered(held) or self._next_said(held)
        if not pcm:
            return False
        self._unproven, self._leaving = held.turn, True
        await session.send_audio(pcm)
        self._post(PieceSent(held.turn, len(pcm), self._clock()))
        return True

    def _next_unanswered(self, held: Utterance) -> bytes:
        before = held.before
        if before is None or not before.left_bytes:
            return b""
        pcm = before.pcm[before.position : before.position + self._message_bytes]
        before.position += len(pcm)
        return pcm

    def _next_said(self, held: Utterance) -> bytes:
        """Empty while less than a whole message waits, unless it is the last."""
        self.due_byte = held.position + self._message_bytes
        waiting = (self._said(self._ring.head) if held.end is None else held.end) - held.position
        if waiting <= 0 or (held.end is None and waiting < self._message_bytes):
            return b""
        first, pcm = self._read(held, min(waiting, self._message_bytes))
        held.position = first + len(pcm)
        self._spoken_for = max(self._spoken_for, held.position)
        return pcm

    def _said(self, head: int) -> int:
        """How far the ring, which is filled up to `head`, counts as said."""
        return min(head, self._by_clock.limit(self._clock()))

    def _read(self, held: Utterance, size: int) -> tuple[int, bytes]:
        if held.kept is None:
            return self._ring.read_at(held.position, size)
        offset = held.position - held.begin
        return held.position, held.kept[offset : offset + size]

    async def _send_end(self, session: Sender, held: Utterance) -> bool:
        if held.end is None or held.position < held.end:
            return False
        self._activity_open = self._stream_open = False
        held.finished = True  # before it leaves, for whoever reopens the utterance meanwhile
        await (session.end_stream() if held.stream else session.end_activity())
        if held.finished:
            self._finish(held)
        return True

    def _finish(self, held: Utterance) -> None:
        held.finished = True
        self._unproven = held.turn
        self._post(UtteranceGiven(held.turn))
