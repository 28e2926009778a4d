"""Answers as Server-Sent Events, to a recording (`POST /audio-stream`) or a question (`/stream/…`). Pure.

The app that reads them (App.js of the "DSPy Streaming Webapp") takes each read of its connection for whole
lines, and decodes it by itself. So an event is short, is written at once, and has no letter beyond ASCII.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from daemon.web.dialects.acts import Act, Leave, Tell
from daemon.web.dialects.audio_live import TextEnd
from daemon.web.talk import news as n

CHUNK_CHARS = 120
"""Of one event, so that it stays under 1,000 bytes even where each character takes six."""

EVENT_GAP_S = 0.01
"""Between two events, so that each is read by itself; the original sleeps 10 to 50 ms a word."""


@dataclass(slots=True)
class AnswerSpeed:
    """How much was said, and how fast."""

    began_s: float
    tokens: int = 0

    def count(self, text: str) -> int:
        """Words stand for tokens: the service tells only how many there were at the end."""
        self.tokens += (added := len(text.split()))
        return added

    def per_second(self, now_s: float) -> float:
        """The average until now."""
        return round(self.tokens / max(0.001, now_s - self.began_s), 2)


class AnswerEvents:
    """One answer as events; after `done` there is nothing more. `paced`: with figures of its speed."""

    def __init__(self, now_s: float, *, model: str, paced: bool) -> None:
        """`model` is the client's own word, which is told back."""
        self._model = model
        self._pace = AnswerSpeed(now_s)
        self._paced = paced
        self._end = TextEnd()
        self.said = False

    @property
    def next_due_s(self) -> float | None:
        """When the answer is over."""
        return self._end.due_s

    def opened(self) -> list[Act]:
        """It begins."""
        return [event(start=True, model=self._model)]

    def due(self, now_s: float) -> list[Act]:
        """The answer has ended."""
        return self._done(now_s) if self._end.is_over(now_s) else []

    def tell(self, told: n.News, now_s: float) -> list[Act]:
        """What happened."""
        match told:
            case n.WordsHeard(who="model", text=text):
                self._end.more(now_s)
                self.said = True
                return [self._chunk(piece, now_s) for piece in pieces(text)]
            case n.ReplyWhole(turn):
                self._end.whole(turn, now_s)
                return []
            case n.TurnDone(turn, reason):
                if not self._end.over(turn):
                    return []
                return (
                    self._done(now_s)
                    if self.said or not reason
                    else self.failed(f"No answer came ({reason}).")
                )
            case n.TalkEnded(reason, trouble):
                return self.failed(str(trouble) if trouble is not None else f"The talk has ended ({reason}).")
            case _:
                return []

    def failed(self, sentence: str) -> list[Act]:
        """No answer can be had."""
        return [event(error=sentence[:CHUNK_CHARS]), event(done=True), Leave()]

    def _chunk(self, text: str, now_s: float) -> Tell:
        if not self._paced:
            return event(chunk=text)
        tokens = self._pace.count(text)
        return event(chunk=text, tokens=tokens, tokens_per_sec=self._pace.per_second(now_s))

    def _done(self, now_s: float) -> list[Act]:
        if not self._paced:
            return [event(turn_complete=True), event(done=True), Leave()]
        figures = {
            "total_tokens": self._pace.tokens,
            "total_time": round(now_s - self._pace.began_s, 3),
            "avg_tokens_per_sec": self._pace.per_second(now_s),
        }
        return [event(done=True, **figures), Leave()]


def pieces(text: str) -> list[str]:
    """Cut where an event would be too long."""
    return [text[at : at + CHUNK_CHARS] for at in range(0, len(text), CHUNK_CHARS)]


def event(**fields: Any) -> Tell:
    """One event, in ASCII."""
    return Tell(f"data: {json.dumps(fields)}\n\n".encode())
