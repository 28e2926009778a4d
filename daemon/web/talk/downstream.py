"""What the service says to a talk, sorted by the turn, into the outbox of its client. Event loop only."""

from __future__ import annotations

from collections.abc import Callable

from daemon import events as e
from daemon.conductor.reply_gate import ReplyGate
from daemon.events import DialogueEvent, GenerationComplete, ReplyAudio, ServerEvent
from daemon.web.talk import news
from daemon.web.talk.outbox import Outbox
from hw.base import SPEAKER_FORMAT


class Downstream:
    """`turn` counts the exchanges from 1; `replying`: a reply is under way.

    `heard_until_s` is when all of the reply that has come will have been played, on the clock.
    """

    def __init__(
        self,
        *,
        manual: bool,
        text_only: bool,
        sound_bytes: int,
        clock: Callable[[], float],
        answered: Callable[[], bool],
    ) -> None:
        """`answered` is told that a question has its reply; it tells whether the question had no end yet."""
        self.gate = ReplyGate(streaming=not manual)
        self.outbox = Outbox(sound_bytes)
        self.text_only = text_only
        self._clock = clock
        self._answered = answered
        self.turn = 1
        self.replying = False
        self.heard_until_s = float("-inf")
        self.received_bytes = 0
        self.dropped_bytes = 0

    def hear(self, event: ServerEvent) -> None:
        """Sound, or what becomes of the reply."""
        if isinstance(event, ReplyAudio):
            self.received_bytes += len(event.pcm)
        for said in self.gate.sort(event, self._clock()):
            self._take(said)

    def tell_words(self, who: str, text: str) -> None:
        """A piece of a transcript."""
        self.outbox.put(news.WordsHeard(self.turn, who, text))

    def cut(self) -> None:
        """The rest of the reply is void, here and at the client."""
        self.dropped_bytes += self.outbox.drop_sound()
        self.heard_until_s = self._clock()
        self.outbox.put(news.ReplyWasCut(self.turn))
        self._next_turn()

    def finish(self, reason: str) -> None:
        """The exchange is over."""
        self.outbox.put(news.TurnDone(self.turn, reason))
        self._next_turn()

    def lose(self) -> None:
        """The connection has gone, and with it the rest of the reply."""
        self.gate.reset()
        if self.replying:
            self.finish("connection_lost")

    def _next_turn(self) -> None:
        self.turn += 1
        self.replying = False

    def _take(self, said: ReplyAudio | GenerationComplete | DialogueEvent) -> None:
        match said:
            case e.ReplyStarted():
                self.replying = True
                if self._answered():
                    self.gate.withdraw()
            case ReplyAudio(pcm):
                self._take_sound(pcm)
            case GenerationComplete():
                self.outbox.put(news.ReplyWhole(self.turn))
            case e.ReplyInterrupted():
                self.cut()
            case e.ReplyEnded(reason):
                self._answered()
                self.finish(reason)

    def _take_sound(self, pcm: bytes) -> None:
        self.heard_until_s = max(self._clock(), self.heard_until_s) + SPEAKER_FORMAT.seconds(len(pcm))
        if self.text_only:
            self.dropped_bytes += len(pcm)
        else:
            self.outbox.put_sound(self.turn, pcm)
