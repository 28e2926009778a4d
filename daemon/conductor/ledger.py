"""What each turn cost in time: a bounded history of when things happened. Pure.

Times are `time.monotonic()` seconds; durations are what users feel, in milliseconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum

from daemon.events import Trigger
from daemon.words import Outcome
from hw.base import MIC_FORMAT, SPEAKER_FORMAT

HISTORY_TURNS = 50
"""Turns that are remembered; older ones are forgotten."""


class Mark(Enum):
    """A moment in a turn; only the first of its kind counts, except where noted."""

    TRIGGERED = "triggered"
    SPEECH_ENDED = "speech_ended"
    """The end of speech or of the hold: the utterance was closed for good."""
    LINK_UP = "link_up"
    FIRST_SENT = "first_sent"
    CLOSED_EAGERLY = "closed_eagerly"
    """The utterance was closed at a pause; the newest counts."""
    ALL_SENT = "all_sent"
    """The newest counts: an utterance may be sent again."""
    FIRST_ANSWER = "first_answer"
    """Of whatever kind: a sound, a call, announced work."""
    FIRST_REPLY = "first_reply"
    FIRST_SAMPLE = "first_sample"
    """The first sample of the reply leaves the device."""
    OVER = "over"


_NEWEST_COUNTS = (Mark.CLOSED_EAGERLY, Mark.ALL_SENT)


@dataclass(slots=True)
class Turn:
    """One line of the ledger."""

    turn: int
    trigger: Trigger
    online_at_start: bool
    marks: dict[Mark, float] = field(default_factory=dict)
    sent_bytes: int = 0
    reply_bytes: int = 0
    eager_ends: int = 0
    """How often it was closed at a pause."""
    eager_wasted: int = 0
    """After how many of them its user went on, so that all of it was sent again."""
    gained_ms: float = 0.0
    """By so much the answer began sooner than if it had been asked for after the full silence."""
    outcome: Outcome | None = None

    def between_ms(self, first: Mark, last: Mark) -> float | None:
        """Milliseconds from one mark to another, 0 where they came in the other order; None while either is
        missing.
        """
        if first not in self.marks or last not in self.marks:
            return None
        return max(0.0, round((self.marks[last] - self.marks[first]) * 1000, 1))

    @property
    def connect_hidden(self) -> bool | None:
        """Whether the connection came up before the user had finished; None if it was up already."""
        if self.online_at_start:
            return None
        up, ended = self.marks.get(Mark.LINK_UP), self.marks.get(Mark.SPEECH_ENDED)
        return up is not None and (ended is None or up <= ended)

    def as_dict(self) -> dict[str, object]:
        """For `conure status`: words and milliseconds."""
        return {
            "turn": self.turn,
            "trigger": self.trigger.value,
            "outcome": self.outcome.value if self.outcome else None,
            "trigger_to_end_ms": self.between_ms(Mark.TRIGGERED, Mark.SPEECH_ENDED),
            "trigger_to_first_sent_ms": self.between_ms(Mark.TRIGGERED, Mark.FIRST_SENT),
            "end_to_all_sent_ms": self.between_ms(Mark.SPEECH_ENDED, Mark.ALL_SENT),
            "end_to_first_reply_ms": self.between_ms(Mark.SPEECH_ENDED, Mark.FIRST_REPLY),
            "end_to_first_sample_ms": self.between_ms(Mark.SPEECH_ENDED, Mark.FIRST_SAMPLE),
            "eager_ends": self.eager_ends,
            "eager_wasted": self.eager_wasted,
            "gained_ms": self.gained_ms,
            "connect_hidden": self.connect_hidden,
            "said_s": round(MIC_FORMAT.seconds(self.sent_bytes), 2),
            "reply_s": round(SPEAKER_FORMAT.seconds(self.reply_bytes), 2),
            "lasted_ms": self.between_ms(Mark.TRIGGERED, Mark.OVER),
        }


class Ledger:
    """The newest turns. Event loop only."""

    def __init__(self) -> None:
        self.turns: deque[Turn] = deque(maxlen=HISTORY_TURNS)

    def open(self, turn: int, trigger: Trigger, at_s: float, *, online: bool) -> None:
        """A turn begins."""
        self.turns.append(Turn(turn, trigger, online, {Mark.TRIGGERED: at_s}))

    def mark(self, turn: int, mark: Mark, at_s: float) -> None:
        """Note when something happened; a turn that is forgotten is passed over."""
        if found := self.find(turn):
            if mark in _NEWEST_COUNTS:
                found.marks[mark] = at_s
            else:
                found.marks.setdefault(mark, at_s)

    def close_eagerly(self, turn: int, at_s: float) -> None:
        """The utterance was closed at a pause."""
        self.mark(turn, Mark.CLOSED_EAGERLY, at_s)
        if found := self.find(turn):
            found.eager_ends += 1

    def reopen(self, turn: int) -> None:
        """Its user went on after the server had got it."""
        if found := self.find(turn):
            found.eager_wasted += 1

    def confirm(self, turn: int, answered_s: float) -> None:
        """The pause was the end. The answer began to come at `answered_s`, or comes after this moment."""
        if (found := self.find(turn)) and (closed_s := found.marks.get(Mark.CLOSED_EAGERLY)) is not None:
            found.gained_ms = round((answered_s - closed_s) * 1000, 1)

    def close(self, turn: int, outcome: Outcome, at_s: float) -> Turn | None:
        """A turn ends; returns its line."""
        self.mark(turn, Mark.OVER, at_s)
        if found := self.find(turn):
            found.outcome = outcome
        return found

    def report(self) -> list[dict[str, object]]:
        """For `conure status`, the oldest first."""
        return [line.as_dict() for line in self.turns]

    def find(self, turn: int) -> Turn | None:
        """The line of a turn, if it is still remembered."""
        return next((line for line in reversed(self.turns) if line.turn == turn), None)
