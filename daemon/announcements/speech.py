"""Where the sound of an announcement comes from: the cache, else the service. Event loop only."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Protocol

from daemon.announcements.cache import SpeechCache, SpeechKey
from daemon.config.settings import LiveSettings
from daemon.errors import ConureError
from daemon.session.content import NotSpoken
from daemon.session.failures import LinkError

log = logging.getLogger(__name__)

SERVICE_WAIT_S = 20.0
"""After a start the service's library is imported first; on a Pi Zero 2 W it takes some ten seconds."""

TRIES = 2
"""The models of speech fail now and then for no reason (speech-generation guide, limitations)."""

PAUSE_S = 1.0
"""Between two tries."""


class TextSpeaker(Protocol):
    """Speaks texts (`gemini.content.Content`)."""

    def speak(self, text: str, *, voice: str, language: str, model: str) -> AsyncGenerator[bytes, None]:
        """The sound of a text, 24 kHz mono s16. Raises LinkError and NotSpoken."""
        ...


class SpeechSource:
    """Gives the sound of texts in the configured voice and language."""

    def __init__(
        self,
        live: LiveSettings | None = None,
        cache: SpeechCache | None = None,
        *,
        may_ask: Callable[[], bool] = lambda: True,
        note_received: Callable[[int], None] = lambda size_bytes: None,
    ) -> None:
        """`may_ask` is false while the day's budget is used up; `note_received` counts what is paid for."""
        self._live = live or LiveSettings()
        self._cache = cache
        self._may_ask = may_ask
        self._note_received = note_received
        self._service: TextSpeaker | None = None
        self._served = asyncio.Event()
        self.problem = ""
        """Why the newest text could not be spoken; empty: it could."""
        self.from_cache = 0
        self.from_service = 0

    def serve(self, service: TextSpeaker) -> None:
        """The service's client is there."""
        self._service = service
        self._served.set()

    async def sound_of(self, text: str) -> bytes:
        """The sound, 24 kHz mono s16; b"" where it cannot be had: `problem` says why."""
        live = self._live
        key = SpeechKey(text=text, voice=live.voice, language=live.language, model=live.speech_model)
        self.problem = ""
        if self._cache is not None and (kept := await asyncio.to_thread(self._cache.load, key)):
            self.from_cache += 1
            return kept
        pcm = await self._asked(key)
        if pcm and self._cache is not None:
            await asyncio.to_thread(self._cache.keep, key, pcm)
        return pcm

    async def _asked(self, key: SpeechKey) -> bytes:
        if not self._may_ask():
            return self._failed("the day's budget is used up (usage)")
        try:
            async with asyncio.timeout(SERVICE_WAIT_S):
                await self._served.wait()
        except TimeoutError:
            return self._failed("the service's client is not ready")
        for left in reversed(range(TRIES)):
            try:
                return await self._spoken(key)
            except (LinkError, NotSpoken) as error:
                if not left or _is_refused(error):
                    return self._failed(str(error))
            await asyncio.sleep(PAUSE_S)
        raise AssertionError("the last try returns")

    async def _spoken(self, key: SpeechKey) -> bytes:
        assert self._service is not None, "it is waited for"
        pieces: list[bytes] = []
        try:
            spoken = self._service.speak(key.text, voice=key.voice, language=key.language, model=key.model)
            async with aclosing(spoken):
                async for piece in spoken:
                    pieces.append(piece)  # noqa: PERF401 - what came before an error counts, too
        finally:
            self._note_received(sum(map(len, pieces)))
        self.from_service += 1
        return b"".join(pieces)

    def _failed(self, problem: str) -> bytes:
        self.problem = problem
        log.warning("an announcement cannot be spoken: %s", problem)
        return b""

    def report(self) -> dict[str, Any]:
        """For `conure status`."""
        kept_bytes = None if self._cache is None else self._cache.size_bytes
        return {"problem": self.problem or None, "cache_bytes": kept_bytes}

    def counters(self) -> dict[str, int]:
        """Where sounds came from, and what the cache has lost."""
        evicted, failures = (0, 0) if self._cache is None else (self._cache.evicted, self._cache.failures)
        return {
            "speech_from_cache": self.from_cache,
            "speech_from_service": self.from_service,
            "speech_cache_evicted": evicted,
            "speech_cache_failures": failures,
        }


def _is_refused(error: ConureError) -> bool:
    """Whether trying again cannot help until somebody acts."""
    return isinstance(error, LinkError) and error.failure.refused
