"""Sorts what the server says by the turn to which it belongs. Pure.

After a barge-in the server goes on talking for a while: its audio is in flight, then come `interrupted`
and `turnComplete` of the turn that was cut. The `ReplyGate` lets through what belongs to the newest turn
and drops the rest, so that a cut reply is never heard again and its `turnComplete` never ends the next
turn.

What the server promises (`LiveServerContent`, google-genai `types.py`): messages come in order; after an
interruption the order is `interrupted`, then `turnComplete`, without `generationComplete`; content of a
new turn follows that. What it does not always keep (reported): a `turnComplete` may be missing or come
twice.
"""

from __future__ import annotations

from collections.abc import Iterator

from daemon.events import DialogueEvent, ReplyEnded, ReplyInterrupted, ReplyStarted
from daemon.server_events import GenerationComplete, ReplyAudio, ServerEvent, ServerInterrupted, TurnComplete

OLD_END_TIMEOUT_S = 3.0
"""A cut reply whose end has not come this long after the next question was asked is taken as ended
(the fallback that the aiden firmware settled on for a missing `turnComplete`)."""

UNHEARD_END_TIMEOUT_S = 0.5
"""The same for a question that was withdrawn before its answer began, and for a reply that goes on after a
`turnComplete`: whether the server marks the end of such a turn is not documented, and an answer seldom begins
sooner after its question."""

UNASKED_S = 20.0
"""So long after the model was told what a tool brought it may speak of it without another question: it waits
until nobody speaks (`scheduling` WHEN_IDLE), and `turnComplete` waits for the play-out before that."""


WORK_S = 60.0
"""So long the server may work, as it has announced, without a sound: an utterance is held for as long too."""


class ReplyGate:
    """Sorts the server's events by turn. Event loop only; the clock is given with each call.

    `audio_dropped_bytes` counts the speech of cut turns that was thrown away, `ends_repeated` the ends of
    turns that came once more.
    """

    def __init__(self, *, streaming: bool) -> None:
        """`streaming` is true where the server takes turns: then a reply needs no question."""
        self._streaming = streaming
        self._asked = streaming
        self._server_speaks = False
        self._speaking = False
        self._old_turn_open = False
        self._old_interrupted = False
        self._end_owed = False
        """The last reply was heard, but its `turnComplete` never came, and may still."""
        self._asked_at_s = 0.0
        self._unasked_until_s = 0.0
        """Until then a reply is let through that no question asked for."""
        self._reopened_at_s: float | None = None
        """When the server was made to cut the old turn, where that was before the next question was asked."""
        self._old_end_timeout_s = OLD_END_TIMEOUT_S
        self._ended = False
        """A turn has ended on this connection, and its end may be told again."""
        self._whole = False
        """The server has said that all of the answer to the newest question was sent."""
        self._works_since_s: float | None = None
        """Since when there was no sound while the server works."""
        self.audio_dropped_bytes = 0
        self.ends_repeated = 0

    def reset(self) -> None:
        """A new connection: nothing of the old one can arrive any more."""
        self._server_speaks = self._speaking = False
        self._old_turn_open = self._old_interrupted = self._end_owed = False
        self._asked = self._streaming
        self._unasked_until_s = 0.0
        self._ended = False
        self._works_since_s = None

    def cut(self) -> None:
        """The device cut the reply, or began a new turn: what the server still says of it is void."""
        self._reopened_at_s = None
        unheard = self._asked and not self._server_speaks and not self._streaming
        if self._server_speaks or unheard:
            self._old_turn_open = True
            self._old_end_timeout_s = UNHEARD_END_TIMEOUT_S if unheard else OLD_END_TIMEOUT_S
        self._server_speaks = self._speaking = False
        self._asked = self._streaming
        self._unasked_until_s = 0.0
        self._works_since_s = None

    def reopen(self, now_s: float) -> None:
        """The question goes on, which cuts its answer on the server too, and is asked once more later."""
        self.cut()
        self._reopened_at_s = now_s

    def withdraw(self) -> None:
        """A question was begun but not finished: the server may answer what it got of it."""
        if not self._streaming:
            self._old_turn_open = True
            self._old_end_timeout_s = UNHEARD_END_TIMEOUT_S

    def asked(self, now_s: float) -> None:
        """The question has been sent, whole: the next turn of the server answers it."""
        if self._server_speaks and not self._streaming:
            self._end_owed = True
            self._server_speaks = self._speaking = False
        self._asked = True
        self._asked_at_s = now_s
        self._whole = False
        self._works_since_s = None

    def called(self, now_s: float) -> bool:
        """The model calls a tool: whether for the newest turn. What it says then is a reply of its own."""
        if self._old_turn_open:
            if not self._new_turn_must_have_begun(now_s):
                return False
            self._old_turn_open = self._old_interrupted = False
        self._speaking = False
        return True

    def announced(self, now_s: float) -> None:
        """The server works on the newest turn. Announced again it may not be silent for longer."""
        if self._asked and not self._old_turn_open and self._works_since_s is None:
            self._works_since_s = now_s

    def works(self, now_s: float) -> bool:
        """Whether the server works on the newest turn, and may still be silent."""
        return self._works_since_s is not None and now_s - self._works_since_s < WORK_S

    def pause(self) -> None:
        """The dialogue waits for more of the reply: when it comes it is to be told as a beginning."""
        self._speaking = False

    def expect(self, now_s: float) -> None:
        """The model was told what a tool brought: it may speak of it, in a turn that nobody asked for."""
        self._unasked_until_s = now_s + UNASKED_S

    def sort(
        self, event: ServerEvent, now_s: float
    ) -> Iterator[ReplyAudio | GenerationComplete | DialogueEvent]:
        """What the event means for the newest turn: audio to play, that it is all here, a dialogue event."""
        if self._old_turn_open and self._belongs_to_old(event, now_s):
            return
        if isinstance(event, ReplyAudio) and now_s < self._unasked_until_s:
            self._asked = True
        match event:
            case ReplyAudio(pcm) if not self._asked:
                self.audio_dropped_bytes += len(pcm)
                # It goes on after an end that was not its own: none of it may answer the next question.
                self._old_turn_open = True
                self._old_end_timeout_s = UNHEARD_END_TIMEOUT_S
            case ReplyAudio():
                self._server_speaks, self._end_owed = True, False
                if self._works_since_s is not None:
                    self._works_since_s = now_s
                if not self._speaking:
                    self._speaking = True
                    yield ReplyStarted()
                yield event
            case ServerInterrupted():
                yield from self._interrupted()
            case TurnComplete() if self._end_owed:
                self._end_owed, self._ended = False, True
            case TurnComplete("") if self._is_repeated(now_s):
                self.ends_repeated += 1
            case TurnComplete(reason) if self._asked:
                self._answered()
                yield ReplyEnded(reason)
            case GenerationComplete() if self._server_speaks:
                if self._streaming:  # what comes next is another reply, even if this one's end is missing
                    self._speaking = False
                yield event
            case GenerationComplete():
                self._whole = self._asked

    def _is_repeated(self, now_s: float) -> bool:
        """Whether this end is the one before, told again: nothing of the newest turn has come before it, and
        it comes sooner after the question than an answer does.
        """
        soon = now_s - self._asked_at_s < UNHEARD_END_TIMEOUT_S
        return self._ended and soon and not self._server_speaks and not self._whole

    def _belongs_to_old(self, event: ServerEvent, now_s: float) -> bool:
        """Whether the event is of the turn that was cut; notes when that turn ends."""
        match event:
            case TurnComplete():
                self._old_turn_open = self._old_interrupted = False
                self._ended = True
                return True
            case ServerInterrupted():
                self._old_interrupted = True
                return True
            case ReplyAudio(pcm):
                if self._new_turn_must_have_begun(now_s):
                    self._old_turn_open = self._old_interrupted = False
                    return False
                self.audio_dropped_bytes += len(pcm)
                return True
            case _:
                return True

    def _new_turn_must_have_begun(self, now_s: float) -> bool:
        if not self._asked and now_s >= self._unasked_until_s:
            return False
        since_s = self._asked_at_s if self._reopened_at_s is None else self._reopened_at_s
        return self._old_interrupted or now_s - since_s >= self._old_end_timeout_s

    def _interrupted(self) -> Iterator[DialogueEvent]:
        if not self._server_speaks:
            return
        self._server_speaks = self._speaking = False
        self._old_turn_open = self._old_interrupted = True
        self._asked = self._streaming
        self._works_since_s = None
        yield ReplyInterrupted()

    def _answered(self) -> None:
        self._server_speaks = self._speaking = False
        self._asked = self._streaming
        self._ended = True
        self._works_since_s = None
