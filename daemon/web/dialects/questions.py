"""Questions in writing: `/ws`, and what the app's start page asks for (`/`, `/models`). Pure."""

from __future__ import annotations

import json
from typing import Any

from daemon.web.dialects.acts import (
    Act,
    BadMessages,
    BeginTalk,
    Leave,
    NotTaken,
    Tell,
    WriteText,
    object_of,
    text_of,
)
from daemon.web.dialects.audio_live import TextEnd
from daemon.web.talk import news as n
from daemon.web.talk.news import TalkWishes

TEXT_MODELS = {"gemini-flash": "Gemini Live, answering in text", "mock": "the size of what was sent"}
AUDIO_MODELS = {"gemini-flash": "Gemini Live, hearing", "mock": "the size of what was sent"}
"""Words of the app for its lists; the model itself is the one of the settings."""

SEED_ENDPOINTS = {
    "websocket": "/api/gemini/ws",
    "audio_live": "/ws/audio-live",
    "audio_stream": "/audio-stream",
    "stream": "/stream/{question}",
    "transcribe": "/transcribe",
    "models": "/models",
    "health": "/health",
}


def start_page() -> dict[str, Any]:
    """What the app's front end needs before it can draw anything, with the keys of ai-proxy-core beside."""
    return {
        "message": "Conure's gateway is running",
        "text_models": list(TEXT_MODELS),
        "audio_models": list(AUDIO_MODELS),
        "endpoints": SEED_ENDPOINTS,
        "config": {"mock_mode": False, "available_endpoints": list(SEED_ENDPOINTS.values())},
    }


class QuestionDialect:
    """`{"question": "…"}` up; `chunk` pieces and `complete` down."""

    name = "questions"
    takes_sound = True

    def __init__(self) -> None:
        self._bad = BadMessages()
        self._end = TextEnd()

    @property
    def next_due_s(self) -> float | None:
        """When the answer is over."""
        return self._end.due_s

    def opened(self, now_s: float) -> list[Act]:
        """A session is set up while the first question is written."""
        return [BeginTalk(wishes=TalkWishes(text_only=True))]

    def due(self, now_s: float) -> list[Act]:
        """The answer has ended."""
        return [_tell("complete")] if self._end.is_over(now_s) else []

    def take(self, message: str | bytes, now_s: float) -> list[Act]:
        """A question."""
        try:
            if isinstance(message, bytes):
                raise NotTaken("a question is one JSON object")
            said = object_of(message)
            return [WriteText(text_of(said.get("question", said.get("text"))))]
        except NotTaken as error:
            return self.fault(str(error), now_s)

    def fault(self, sentence: str, now_s: float) -> list[Act]:
        """It is told; who sends nothing else is closed."""
        return self._bad.answered(_tell("error", message=sentence, error=sentence), now_s)

    def tell(self, told: n.News, now_s: float) -> list[Act]:
        """The answer in pieces."""
        match told:
            case n.WordsHeard(who="model"):
                self._end.more(now_s)
                return [_tell("chunk", content=told.text, chunk=told.text)]
            case n.ReplyWhole(turn):
                self._end.whole(turn, now_s)
                return []
            case n.TurnDone(turn):
                return [_tell("complete")] if self._end.over(turn) else []
            case n.TalkEnded(reason, trouble) if trouble is not None:
                sentence = str(trouble)
                return [_tell("error", message=sentence, error=sentence), Leave(trouble.close_code, reason)]
            case n.TalkEnded(reason):
                return [Leave(1000, reason)]
            case _:
                return []


def _tell(kind: str, **fields: Any) -> Tell:
    return Tell(json.dumps({"type": kind, **fields}, ensure_ascii=False))
