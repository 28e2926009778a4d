"""What clients of ai-proxy-core speak on `/api/gemini/ws`: text frames of JSON. Pure.

Written from that project's documentation and demo page (`ebowwa/ai-proxy-core`, its WEBSOCKET_API page and
examples/gemini_live_demo.html), with the quirks of its clients: the demo page sends `config` before anything,
wants whole WAV files, and draws a bubble for each `response`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from daemon.outside import OutOfRange, number, whole_number
from daemon.web.dialects.acts import (
    Act,
    BadMessages,
    BeginTalk,
    HearBytes,
    Leave,
    NotTaken,
    Rewish,
    SpeechOver,
    Tell,
    WriteText,
    bytes_of,
    kinds_known,
    object_of,
    text_of,
)
from daemon.web.talk import news as n
from daemon.web.talk.joiner import Joiner
from daemon.web.talk.news import TalkWishes, Trouble
from daemon.web.talk.pacer import Pacer
from hw.base import SPEAKER_FORMAT

CONFIG_WITHIN_S = 0.25
"""So long the set-up waits for a `config`: the demo page sends one at once."""

CONNECT_S = 4.0
"""So long the session may take to be set up: clients wait 5 s for each message (the original's tests)."""

MAX_WISH_CHARS = 8_000
"""Longest instruction of a client; policy: pass over it and say so."""

MAX_OUTPUT_TOKENS = 65_536
"""The longest reply that may be wished for, as `live.max_output_tokens` has it."""

ACKNOWLEDGED = "Configuration acknowledged"
STAYS = f"{ACKNOWLEDGED}; voice and model stay as they are in this conversation"
CONNECTED = "Connected to Gemini Live"

_OF_THE_CALLER = ("app", "client_id", "device", "user_id", "session_id", "request_id", "type", "events")


@dataclass(frozen=True, slots=True, kw_only=True)
class OnOffer:
    """What the gateway's model takes of a client's wishes."""

    model: str
    voices: tuple[str, ...]
    temperature: bool
    max_output_tokens: bool


class ProxyCoreDialect:
    """One such client. `is_page`: it is a browser, which plays whole files only."""

    name = "proxy_core"

    def __init__(self, offer: OnOffer, *, address: str, is_page: bool) -> None:
        """`address` is the client's, by which it is known unless it names itself."""
        self._offer = offer
        self._address = address
        self._bad = BadMessages()
        self._joiner = Joiner()
        self._pacer: Pacer | None = Pacer() if is_page else None
        self._wishes = TalkWishes(text_only=True, connect_s=CONNECT_S)
        self._begun = self._ready = self._said = False
        self._begin_at_s = 0.0
        self._events = False
        self._unacknowledged: list[Tell] = []

    # --- time

    @property
    def takes_sound(self) -> bool:
        """While files wait to be played, the rest waits where it is."""
        return self._pacer is None or not self._pacer.full

    @property
    def next_due_s(self) -> float | None:
        """The set-up, or the next file."""
        if not self._begun:
            return self._begin_at_s
        return self._pacer.due_s() if self._pacer is not None else None

    def opened(self, now_s: float) -> list[Act]:
        """Wait a moment for a `config`."""
        self._begin_at_s = now_s + CONFIG_WITHIN_S
        return []

    def due(self, now_s: float) -> list[Act]:
        """No `config` came; or the file before was played."""
        if not self._begun:
            return self._begin() if now_s >= self._begin_at_s else []
        return self._files(now_s)

    def _begin(self) -> list[Act]:
        if self._begun:
            return []
        self._begun = True
        return [BeginTalk(wishes=self._wishes)]

    # --- what the client says

    def take(self, message: str | bytes, now_s: float) -> list[Act]:
        """A message; whatever comes first begins the talk."""
        try:
            if isinstance(message, bytes):
                return [*self._begin(), self._hear(message, "")]
            said = object_of(message)
            kind = said.get("type")
            if not isinstance(kind, str) or kind not in _UP:
                raise kinds_known(kind, tuple(_UP))
            acts = _UP[kind](self, said)
            return [*self._begin(), *acts]
        except NotTaken as error:
            return self.fault(str(error), now_s)

    def fault(self, sentence: str, now_s: float) -> list[Act]:
        """It is told; who sends nothing else is closed."""
        return self._bad.answered(_error(sentence), now_s)

    def _config(self, said: dict[str, Any]) -> list[Act]:
        data = said.get("data") if isinstance(said.get("data"), dict) else said
        assert isinstance(data, dict), "one or the other"
        before = self._wishes
        ignored = self._read_config(data)
        fixed = self._said and replace(before, text_only=False) != replace(self._wishes, text_only=False)
        if fixed:
            self._wishes = replace(before, text_only=self._wishes.text_only)
        self._unacknowledged.append(self._acknowledgement(data, ignored, STAYS if fixed else ACKNOWLEDGED))
        changed: list[Act] = [Rewish(self._wishes)] if self._begun and self._wishes != before else []
        return [*changed, *self._acknowledge()]

    def _read_config(self, data: dict[str, Any]) -> list[str]:
        """Take what can be taken of it; the names of what cannot."""
        generation = data.get("generation_config")
        generation = generation if isinstance(generation, dict) else {}
        self._events = data.get("events") is True
        self._choose_container(data.get("audio_container"))
        modalities = generation.get("response_modalities", data.get("response_modalities"))
        has_sound = isinstance(modalities, list) and "AUDIO" in [str(one).upper() for one in modalities]
        voice = self._voice(data.get("voice"))
        instruction = data.get("system_instruction")
        instruction = instruction if isinstance(instruction, str) else ""
        self._wishes = TalkWishes(
            voice=voice,
            instruction=instruction if len(instruction) <= MAX_WISH_CHARS else "",
            temperature=self._temperature(generation),
            max_output_tokens=self._max_output_tokens(generation),
            text_only=not has_sound,
            connect_s=CONNECT_S,
        )
        return self._ignored(data, generation)

    def _choose_container(self, container: object) -> None:
        if container == "wav" and self._pacer is None:
            self._pacer = Pacer()
        elif container == "none":
            self._pacer = None

    def _temperature(self, generation: dict[str, Any]) -> float | None:
        if not self._offer.temperature:
            return None
        with suppress(OutOfRange):  # it is told as ignored
            return number(generation.get("temperature"), 0.0, 2.0)
        return None

    def _max_output_tokens(self, generation: dict[str, Any]) -> int:
        if self._offer.max_output_tokens:
            with suppress(OutOfRange):  # it is told as ignored
                return whole_number(generation.get("max_output_tokens"), 1, MAX_OUTPUT_TOKENS)
        return 0

    def _voice(self, name: object) -> str:
        wanted = name.lower() if isinstance(name, str) else ""
        return next((voice for voice in self._offer.voices if voice.lower() == wanted), "")

    def _ignored(self, data: dict[str, Any], generation: dict[str, Any]) -> list[str]:
        honoured = {
            "model": data.get("model") in (self._offer.model, f"models/{self._offer.model}"),
            "voice": bool(self._wishes.voice),
            "system_instruction": bool(self._wishes.instruction),
            "temperature": self._wishes.temperature is not None,
            "max_output_tokens": self._wishes.max_output_tokens > 0,
        }
        known = {*_OF_THE_CALLER, "generation_config", "response_modalities", "audio_container", "data"}
        names = [name for name in (*data, *generation) if name not in known]
        return [str(name)[:60] for name in names if not honoured.get(name, False)][:20]

    def _acknowledgement(self, data: dict[str, Any], ignored: list[str], words: str) -> Tell:
        client_id = data.get("client_id")
        told = {
            "message": words,
            "client_id": client_id if isinstance(client_id, str) else self._address,
            "ip": self._address,
        }
        return _tell("config_success", **told, **({"ignored": ignored} if ignored else {}))

    def _acknowledge(self) -> list[Act]:
        """Only once the connection stands: a client expects `system` before."""
        if not self._ready:
            return []
        told: list[Act] = [*self._unacknowledged]
        self._unacknowledged.clear()
        return told

    def _message(self, said: dict[str, Any]) -> list[Act]:
        data = said.get("data")
        inner = data.get("text") if isinstance(data, dict) else data
        text = text_of(said.get("text") if inner is None else inner)
        self._said = True
        return [WriteText(text)]

    def _audio(self, said: dict[str, Any]) -> list[Act]:
        data = said.get("data")
        if not isinstance(data, dict):
            return [self._hear(bytes_of(data), "")]
        held = next((data[name] for name in ("base64", "data", "b64") if name in data), None)
        hints = [data.get(name) for name in ("mime_type", "mimeType", "format", "codec")]
        mime_type = next((hint for hint in hints if isinstance(hint, str)), "")
        return [self._hear(bytes_of(held), mime_type[:100])]

    def _audio_end(self, _: dict[str, Any]) -> list[Act]:
        return [SpeechOver()]

    def _hear(self, data: bytes, mime_type: str) -> HearBytes:
        self._said = True
        return HearBytes(data, mime_type)

    # --- what the client is told

    def tell(self, told: n.News, now_s: float) -> list[Act]:
        """What happened, in the words that these clients know."""
        match told:
            case n.TalkReady():
                self._ready = True
                return [_tell("system", data=CONNECTED), *self._acknowledge()]
            case n.WordsHeard(who="model"):
                return [_tell("response", text=text) for text in self._joiner.add(told.text)]
            case n.WordsHeard():
                return self._event("transcript", who="user", text=told.text)
            case n.ReplySound(pcm=pcm):
                return self._sound(pcm, now_s)
            case n.ReplyWhole():
                return self._whole(now_s)
            case n.ReplyWasCut():
                if self._pacer is not None:
                    self._pacer.clear()
                return [*self._rest(), *self._event("interrupted")]
            case n.TurnDone():
                return [*self._whole(now_s), *self._event("turn_complete")]
            case n.ToolUsed(name):
                return [_tell("tool_call", tool_name=name)]
            case n.TalkNotice(trouble):
                return self._event("notice", message=str(trouble))
            case n.TalkEnded(reason, trouble):
                return _ended(reason, trouble)
            case _:
                return []

    def _sound(self, pcm: bytes, now_s: float) -> list[Act]:
        if self._pacer is None:
            return [_audio(pcm)]
        self._pacer.add(pcm)
        return self._files(now_s)

    def _files(self, now_s: float) -> list[Act]:
        if self._pacer is None:
            return []
        return [_audio(file, container="wav") for file in self._pacer.take(now_s)]

    def _whole(self, now_s: float) -> list[Act]:
        if self._pacer is not None:
            self._pacer.finish()
        return [*self._rest(), *self._files(now_s)]

    def _rest(self) -> list[Act]:
        return [_tell("response", text=text) for text in self._joiner.flush()]

    def _event(self, kind: str, **fields: Any) -> list[Act]:
        """What the original does not tell, and some of its clients print where they do not know it."""
        return [_tell(kind, **fields)] if self._events else []


def _ended(reason: str, trouble: Trouble | None) -> list[Act]:
    if trouble is None:
        return [Leave(1000, reason)]
    told = _error(str(trouble) if trouble.code != "no_key" else trouble.sentence, code=trouble.code)
    return [told, Leave(trouble.close_code, trouble.code)]


def _error(sentence: str, **fields: Any) -> Tell:
    """In each field in which some client looks for it."""
    return _tell("error", data=sentence, error=sentence, message=sentence, **fields)


def _audio(sound: bytes, **fields: Any) -> Tell:
    data = base64.b64encode(sound).decode()
    return _tell("audio", data=data, format="pcm16", sampleRate=SPEAKER_FORMAT.rate_hz, **fields)


def _tell(kind: str, **fields: Any) -> Tell:
    return Tell(json.dumps({"type": kind, **fields}, ensure_ascii=False))


_UP: dict[str, Callable[[ProxyCoreDialect, dict[str, Any]], list[Act]]] = {
    "config": ProxyCoreDialect._config,  # noqa: SLF001 - the class's own table of its methods, as in own.py
    "message": ProxyCoreDialect._message,  # noqa: SLF001
    "text": ProxyCoreDialect._message,  # noqa: SLF001
    "audio": ProxyCoreDialect._audio,  # noqa: SLF001
    "audio_end": ProxyCoreDialect._audio_end,  # noqa: SLF001
    "end": ProxyCoreDialect._audio_end,  # noqa: SLF001
}
