"""What the live audio app speaks on `/ws/audio-live`: slices of a recorder up, text down. Pure.

Written from the app's documentation and its recorder ("DSPy Streaming Webapp": LiveAudioRecorder.js,
test_gemini_live.py). The recorder closes its socket in the same breath as it stops, so that the end of speech
is found while it runs.
"""

from __future__ import annotations

import json
from typing import Any

from daemon.web.dialects.acts import (
    Act,
    BadMessages,
    BeginTalk,
    HearBytes,
    Leave,
    NotTaken,
    SpeechOver,
    Tell,
    bytes_of,
    kinds_known,
    object_of,
)
from daemon.web.talk import news as n
from daemon.web.talk.news import TalkWishes

LAST_WORDS_S = 0.3
"""After the last sound of an answer its last words may still come; the service's own end of the turn comes
only when it thinks that the answer was heard, which here nobody does."""

_UP = ("audio_chunk", "audio_complete", "stop")


class TextEnd:
    """When an answer in text is over: some time after it was all sent, or when the service says so. Pure."""

    def __init__(self) -> None:
        self._turn = self._told = 0
        self.due_s: float | None = None

    def whole(self, turn: int, now_s: float) -> None:
        """All of the answer was sent."""
        self._turn, self.due_s = turn, now_s + LAST_WORDS_S

    def more(self, now_s: float) -> None:
        """There are words all the same."""
        if self.due_s is not None:
            self.due_s = now_s + LAST_WORDS_S

    def over(self, turn: int) -> bool:
        """The service says that the turn is over: whether that was not told before."""
        self.due_s = None
        was_told, self._told = self._told >= turn, max(self._told, turn)
        return not was_told

    def is_over(self, now_s: float) -> bool:
        """Whether the time after the answer has passed just now."""
        return self.due_s is not None and now_s >= self.due_s and self.over(self._turn)


class AudioLiveDialect:
    """One recorder. `both`: what the user said is shown too, in the one type that it shows."""

    name = "audio_live"
    takes_sound = True

    def __init__(self, *, both: bool) -> None:
        self._both = both
        self._bad = BadMessages()
        self._end = TextEnd()

    @property
    def next_due_s(self) -> float | None:
        """When the answer under way is over."""
        return self._end.due_s

    def opened(self, now_s: float) -> list[Act]:
        """The recorder sends sound at once."""
        return [BeginTalk(wishes=TalkWishes(text_only=True))]

    def due(self, now_s: float) -> list[Act]:
        """The answer has ended."""
        return [_tell("turn_complete")] if self._end.is_over(now_s) else []

    def take(self, message: str | bytes, now_s: float) -> list[Act]:
        """A slice, or what becomes of the recording."""
        try:
            if isinstance(message, bytes):
                return [HearBytes(message)]
            said = object_of(message)
            match said.get("type"):
                case "audio_chunk":
                    return [HearBytes(bytes_of(said.get("audio")))]
                case "audio_complete":
                    return [SpeechOver(), _tell("processing_complete")]
                case "stop":
                    return [Leave(1000, "stopped")]
                case kind:
                    raise kinds_known(kind, _UP)
        except NotTaken as error:
            return self.fault(str(error), now_s)

    def fault(self, sentence: str, now_s: float) -> list[Act]:
        """It is shown under "Microphone Debug Info"; who sends nothing else is closed."""
        return self._bad.answered(_tell("error", message=sentence), now_s)

    def tell(self, told: n.News, now_s: float) -> list[Act]:
        """The answer in pieces, as they come: the recorder appends them."""
        match told:
            case n.WordsHeard(who="model"):
                self._end.more(now_s)
                return [_text(told.text)]
            case n.WordsHeard():
                also: list[Act] = [_text(f"You: {told.text}\n")] if self._both else []
                return [_tell("transcript", who="user", text=told.text), *also]
            case n.ReplyWhole(turn):
                self._end.whole(turn, now_s)
                return []
            case n.TurnDone(turn) | n.ReplyWasCut(turn):
                return [_tell("turn_complete")] if self._end.over(turn) else []
            case n.TalkEnded(reason, trouble) if trouble is not None:
                return [
                    _tell("error", message=str(trouble), code=trouble.code),
                    Leave(trouble.close_code, reason),
                ]
            case n.TalkEnded(reason):
                return [Leave(1000, reason)]
            case _:
                return []


def _text(text: str) -> Tell:
    return _tell("text", content=text, is_complete=False)


def _tell(kind: str, **fields: Any) -> Tell:
    return Tell(json.dumps({"type": kind, **fields}, ensure_ascii=False))
