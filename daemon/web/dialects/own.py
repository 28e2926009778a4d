"""`conure.talk.1`: what the speaker's own page speaks on `/ws/talk`. Pure.

Text frames are JSON objects with a `type`. Binary frames begin with four bytes: the kind (1 sound, 2
picture), zero, and the turn as two bytes, least significant first. A name that is not known is passed over by
both sides.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

from daemon.web.dialects.acts import (
    POLICY_CODE,
    Act,
    BadMessages,
    BeginTalk,
    HearBytes,
    Leave,
    NotTaken,
    Press,
    ShowPicture,
    SpeechOver,
    StopReply,
    Tell,
    WriteText,
    object_of,
    text_of,
)
from daemon.web.entry import TALK_SUBPROTOCOL
from daemon.web.talk import news as n
from daemon.web.talk.news import TalkWishes, Trouble

SUBPROTOCOL = TALK_SUBPROTOCOL

SOUND, PICTURE = 1, 2
HEAD = struct.Struct("<BBH")

MAX_PCM_BYTES = 8 * 1024
"""Of one frame: 250 ms."""

MAX_JPEG_BYTES = 256 * 1024

START_WITHIN_S = 10.0
"""A client that does not say `start` for so long is none."""

PCM_TYPE = "audio/pcm;rate=16000"


class OwnDialect:
    """The page's side of a talk."""

    name = "own"
    takes_sound = True

    def __init__(self, *, device: str, limits: dict[str, float]) -> None:
        """`device` is what the user speaks with, in words; `limits` is told as it is."""
        self._device = device
        self._limits = limits
        self._bad = BadMessages()
        self._started = False
        self._manual = False
        self.next_due_s: float | None = None

    def opened(self, now_s: float) -> list[Act]:
        """Nothing happens before `start`."""
        self.next_due_s = now_s + START_WITHIN_S
        return []

    def due(self, now_s: float) -> list[Act]:
        """Nobody has said `start`."""
        if self._started or self.next_due_s is None or now_s < self.next_due_s:
            return []
        self.next_due_s = None
        return [
            _tell("error", code="start", message="nothing was started"),
            Leave(POLICY_CODE, "not started"),
        ]

    def take(self, message: str | bytes, now_s: float) -> list[Act]:
        """What the page says."""
        try:
            if isinstance(message, bytes):
                return self._take_frame(message)
            said = object_of(message)
            kind = said.get("type")
            return _UP[kind](self, said) if isinstance(kind, str) and kind in _UP else []
        except NotTaken as error:
            return self.fault(str(error), now_s)

    def fault(self, sentence: str, now_s: float) -> list[Act]:
        """It is told; who sends nothing else is closed."""
        return self._bad.answered(_tell("error", code="message", message=sentence), now_s)

    def _take_frame(self, frame: bytes) -> list[Act]:
        if len(frame) < HEAD.size or not self._started:
            raise NotTaken("a binary frame begins with four bytes, and comes after `start`")
        kind, _, _ = HEAD.unpack_from(frame)
        payload = frame[HEAD.size :]
        if kind == SOUND:
            _check_size(payload, MAX_PCM_BYTES, "of sound")
            return [HearBytes(payload, PCM_TYPE)]
        if kind == PICTURE:
            _check_size(payload, MAX_JPEG_BYTES, "of a picture")
            return [ShowPicture(payload)]
        return []

    def _start(self, said: dict[str, Any]) -> list[Act]:
        if self._started:
            raise NotTaken("it was started already")
        voice = said.get("voice", "")
        self._started, self.next_due_s = True, None
        self._manual = said.get("push_to_talk") is True
        wishes = TalkWishes(
            voice=voice if isinstance(voice, str) else "", manual=self._manual, device=self._device
        )
        return [BeginTalk(wishes=wishes, take_over=said.get("take_over") is True)]

    def _text(self, said: dict[str, Any]) -> list[Act]:
        return [WriteText(text_of(said.get("text")))] if self._started else []

    def _press(self, _: dict[str, Any]) -> list[Act]:
        return [Press()] if self._manual else []

    def _release(self, _: dict[str, Any]) -> list[Act]:
        return [SpeechOver()] if self._started else []

    def _stop(self, _: dict[str, Any]) -> list[Act]:
        return [StopReply()] if self._started else []

    def _end(self, _: dict[str, Any]) -> list[Act]:
        return [_tell("ended", reason="asked"), Leave(1000, "ended")]

    def tell(self, told: n.News, now_s: float) -> list[Act]:
        """What happened, for the page."""
        match told:
            case n.TalkReady():
                return [_tell("ready", talk=SUBPROTOCOL, limits=self._limits)]
            case n.PhaseShown(phase):
                return [_tell("state", state=phase.value)]
            case n.ReplySound(turn, pcm):
                return [Tell(HEAD.pack(SOUND, 0, turn & 0xFFFF) + pcm)]
            case n.WordsHeard(turn, who, text):
                return [_tell("transcript", who=who, text=text, turn=turn & 0xFFFF)]
            case n.ReplyWasCut(turn):
                return [_tell("interrupted", turn=turn & 0xFFFF)]
            case n.TurnDone(turn, reason):
                return [_tell("turn_complete", turn=turn & 0xFFFF, reason=reason)]
            case n.PictureTaken():
                return [_tell("image_taken")]
            case n.ToolUsed(name):
                return [_tell("tool", name=name)]
            case n.TalkNotice(trouble):
                return [_trouble("notice", trouble)]
            case n.TalkEnded():
                return _ended(told)
            case n.ReplyWhole():
                return []


def _ended(told: n.TalkEnded) -> list[Act]:
    trouble = told.trouble
    end = _tell("ended", reason=told.reason)
    if trouble is None:
        return [end, Leave(1000, told.reason)]
    words = _trouble("notice" if trouble.expected else "error", trouble)
    return [words, end, Leave(trouble.close_code, told.reason)]


def _check_size(payload: bytes, limit_bytes: int, what: str) -> None:
    if len(payload) > limit_bytes:
        raise NotTaken(f"a frame holds at most {limit_bytes} bytes {what}, not {len(payload)}")


def _trouble(kind: str, trouble: Trouble) -> Tell:
    told: dict[str, Any] = {"code": trouble.code, "message": trouble.sentence, "remedy": trouble.remedy}
    if trouble.retry_after_s is not None:
        told["retry_after_s"] = trouble.retry_after_s
    return _tell(kind, **told)


def _tell(kind: str, **fields: Any) -> Tell:
    return Tell(json.dumps({"type": kind, **fields}, ensure_ascii=False))


_UP: dict[str, Callable[[OwnDialect, dict[str, Any]], list[Act]]] = {
    "start": OwnDialect._start,  # noqa: SLF001 - the class's own table of its methods, which can only stand after it
    "text": OwnDialect._text,  # noqa: SLF001
    "press": OwnDialect._press,  # noqa: SLF001
    "release": OwnDialect._release,  # noqa: SLF001
    "stop": OwnDialect._stop,  # noqa: SLF001
    "end": OwnDialect._end,  # noqa: SLF001
}
