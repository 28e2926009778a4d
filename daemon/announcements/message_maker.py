"""Has the service speak the messages once, in the user's voice and language (`conure messages`).

All of them are spoken before the first is written, so that there are never some in one voice and some in
another. Event loop only.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from daemon.announcements.speech import SpeechSource
from daemon.config.models import DEFAULT_SPEECH_MODEL, SPEECH_TOKENS_PER_S, SPEECH_USD
from daemon.config.settings import LiveSettings
from daemon.errors import ControlError
from daemon.runtime.store import write_whole
from daemon.speaking.messages import Message
from daemon.speaking.recordings import Recordings, recording_of
from daemon.speaking.translations import ENGLISH, WORDS_IN

log = logging.getLogger(__name__)

LETTERS_PER_S = 15.0
"""As people speak; the shipped recordings have 17."""

LETTERS_PER_TOKEN = 4
"""Gemini API guide, tokens."""


class Making(Enum):
    """How far it is."""

    IDLE = "idle"
    MAKING = "making"
    DONE = "done"
    FAILED = "failed"


class MessageMaker:
    """Makes the user's own recordings."""

    def __init__(self, live: LiveSettings, source: SpeechSource, recordings: Recordings) -> None:
        """`recordings` say where they are kept: nowhere with the stand-in."""
        self._live = live
        self._source = source
        self._recordings = recordings
        self._folder = recordings.made
        self._asked = asyncio.Event()
        self._state = Making.IDLE
        self._problem = ""

    @property
    def words(self) -> Mapping[Message, str]:
        """What is to be said. Raises ControlError for a language without words."""
        language = self._live.language.split("-")[0].lower() or ENGLISH
        if language not in WORDS_IN:
            raise ControlError(
                f"there are no words in the language {self._live.language!r} (live.language), only in: "
                + ", ".join(WORDS_IN)
            )
        return WORDS_IN[language]

    async def handle(self, args: dict[str, Any]) -> dict[str, Any]:
        """The command `messages`: `show`, which tells what it would cost, and `make`, which begins.

        Raises ControlError where there is nothing to be made.
        """
        match args:
            case {"action": "show"}:
                return await self._shown()
            case {"action": "make"}:
                if self._folder is None:
                    raise ControlError("with the stand-in no messages are made: it has no voice of its own")
                if self._state is not Making.MAKING:
                    _ = self.words  # raises where there are none
                    self._state, self._problem = Making.MAKING, ""
                    self._asked.set()
                return await self._shown()
        raise ControlError(f"the command messages does not know {args.get('action')!r}")

    async def run(self) -> None:
        """Make them whenever that is asked, for ever. Ends only by cancellation or by a bug."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            self._problem = await self._make()
            self._state = Making.FAILED if self._problem else Making.DONE

    async def _make(self) -> str:
        """Why they could not be made; empty: they were."""
        files: dict[str, bytes] = {}
        for message, text in self.words.items():
            spoken = await self._source.sound_of(text)
            if not spoken:
                return self._source.problem
            try:
                files[f"{message.value}.wav"] = await asyncio.to_thread(recording_of, spoken)
            except ValueError as error:
                return f"what was spoken cannot be used: {error}"
        try:
            await asyncio.to_thread(self._write, files)
        except OSError as error:
            return f"they cannot be written: {error.strerror or error}"
        self._recordings.forget()
        log.info("%d messages were made in %s", len(files), self._folder)
        return ""

    def _write(self, files: Mapping[str, bytes]) -> None:
        assert self._folder is not None, "it was asked before"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, data in files.items():
            write_whole(self._folder / name, data)

    async def _shown(self) -> dict[str, Any]:
        letters = sum(map(len, self.words.values()))
        made = 0 if self._folder is None else await asyncio.to_thread(_count, self._folder)
        return {
            "state": self._state.value,
            "problem": self._problem or None,
            "language": self._live.language or None,
            "voice": self._live.voice or None,
            "model": self._live.speech_model,
            "messages": len(Message),
            "made": made,
            "speech_s": round(letters / LETTERS_PER_S),
            "cost_usd": cost_usd(letters) if self._live.speech_model == DEFAULT_SPEECH_MODEL else None,
        }


def _count(folder: Path) -> int:
    return sum((folder / f"{message.value}.wav").exists() for message in Message)


def cost_usd(letters: int) -> float:
    """About what it costs to have so many letters spoken by the default model, in US dollars."""
    text_usd, speech_usd = SPEECH_USD
    text_tokens, speech_tokens = letters / LETTERS_PER_TOKEN, letters / LETTERS_PER_S * SPEECH_TOKENS_PER_S
    return round((text_tokens * text_usd + speech_tokens * speech_usd) / 1e6, 3)
