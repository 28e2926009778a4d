"""Says one announcement after the other, when nobody speaks. Event loop only.

It opens no turn and no microphone: an announcement is heard over all else and ducks it. It waits while
somebody speaks or is answered; who speaks into it is heard, and it is said once more afterwards; a press or
`stop` ends it. What cannot be spoken sounds as a chime, and its text is told.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from functools import partial
from typing import Any, Protocol

from daemon.announcements.chime import sound_with
from daemon.announcements.record import FILE, MAX_IDS, content_of, ids_from
from daemon.announcements.requests import announcement_of
from daemon.announcements.speech import SpeechSource, TextSpeaker
from daemon.announcements.waiting import (
    Announcement,
    Priority,
    Waiting,
    is_overtaken,
    with_one,
    without_expired,
)
from daemon.config.announce import AnnounceSettings
from daemon.errors import ControlError
from daemon.events import AnnouncementsChanged
from daemon.runtime.store import Store
from daemon.speaking.overlay import Speech
from daemon.words import Phase
from hw.base import SPEAKER_FORMAT

log = logging.getLogger(__name__)

RECENT = 16
"""Announcements that the status tells of; policy for more: the oldest is forgotten."""

LATE_S = 15.0
"""A speaker that takes this much longer than the sound lasts plays nothing."""


class AnnouncementFate(Enum):
    """What became of an announcement."""

    HEARD = "heard"
    UNSPOKEN = "unspoken"
    """It could not be spoken: there was a chime."""
    INTERRUPTED = "interrupted"
    STOPPED = "stopped"
    EXPIRED = "expired"
    DROPPED = "dropped"
    """There were too many."""
    UNHEARD = "unheard"
    """No speaker played it."""


class Loudspeaker(Protocol):
    """What announcements are heard from (`speaking.volume.Volume`)."""

    def announce(self, speech: Speech | None) -> None:
        """Have it be heard over all else; None: silent at once."""

    def gain_of(self, percent: int | None, *, urgent: bool) -> float:
        """The factor for this loudness."""
        ...


class Announcements:
    """All announcements of one speaker."""

    def __init__(
        self,
        settings: AnnounceSettings | None = None,
        store: Store | None = None,
        *,
        source: SpeechSource | None = None,
        loudspeaker: Loudspeaker | None = None,
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[..., None] = lambda event, **fields: None,
        post: Callable[[AnnouncementsChanged], None] = lambda changed: None,
    ) -> None:
        """Without a store no id outlives the process; without a loudspeaker nothing is heard.

        `tell` is `Feed.tell`.
        """
        self._settings = settings or AnnounceSettings()
        self._store = store
        self._source = source or SpeechSource()
        self._loudspeaker = loudspeaker
        self._clock = clock
        self._tell = tell
        self._post = post
        self._waiting: Waiting = ()
        self._said: deque[str] = deque(store.load(FILE, ids_from) or () if store else (), maxlen=MAX_IDS)
        self._recent: deque[tuple[AnnouncementFate, Announcement]] = deque(maxlen=RECENT)
        self._numbers = itertools.count(1)
        self._now: Announcement | None = None
        """The one whose turn it is."""
        self._sounding: asyncio.Future[AnnouncementFate] | None = None
        self._more = asyncio.Event()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self.fates = dict.fromkeys(AnnouncementFate, 0)

    # --- what others ask

    @property
    def sounding(self) -> bool:
        """Whether one is heard now."""
        return self._sounding is not None

    async def handle(self, args: dict[str, Any]) -> dict[str, Any]:
        """The command `announce`. Raises ControlError for a bad one, and where there are too many.

        Answers at once: the `id`, and whether it is `queued`, or `known` since one with this id was announced
        or waits; then nothing follows.
        """
        one = announcement_of(
            args,
            now_s=self._clock(),
            expires_s=self._settings.expires_s,
            new_id=lambda: f"announcement-{next(self._numbers)}",
        )
        if self._is_known(one.id):
            return {"id": one.id, "state": "known", "waiting": len(self._waiting)}
        self._add(one)
        if one not in self._waiting:
            raise ControlError(f"{len(self._waiting)} announcements wait already; try again later")
        self._tell("announcement", id=one.id, what="queued")
        return {"id": one.id, "state": "queued", "waiting": len(self._waiting)}

    def follow(self, phase: Phase) -> None:
        """The conversation is in this phase."""
        if phase is Phase.IDLE:
            self._quiet.set()
        else:
            self._quiet.clear()
        if phase is Phase.LISTENING:
            self._end(AnnouncementFate.INTERRUPTED)

    def hush(self) -> bool:
        """End the one that is heard; returns whether there was one."""
        return self._end(AnnouncementFate.STOPPED)

    def serve(self, service: TextSpeaker) -> None:
        """The service's client is there."""
        self._source.serve(service)

    def report(self) -> dict[str, Any]:
        """For `conure status`."""
        unspoken = [one.text for fate, one in self._recent if fate is AnnouncementFate.UNSPOKEN]
        return {
            "waiting": len(self._waiting) + (self._now is not None and not self.sounding),
            "sounds": self._now.text if self._now is not None and self.sounding else None,
            "unspoken": unspoken[-1] if unspoken else None,
            "recent": [f"{fate.value}: {one.text}" for fate, one in self._recent] or None,
            **self._source.report(),
        }

    def counters(self) -> dict[str, int]:
        """What became of all of them."""
        return {
            **{f"announcements_{fate.value}": count for fate, count in self.fates.items()},
            "announcement_saves_failed": self._store.failures if self._store else 0,
            **self._source.counters(),
        }

    # --- the task

    async def run(self) -> None:
        """Say what is asked for, for ever. Ends only by cancellation or by a bug."""
        try:
            while True:
                self._now = await self._next()
                fate = await self._say(self._now)
                one, self._now = self._now, None
                self._settle(one, fate)
        finally:
            self._now = None
            self._silence()

    async def _next(self) -> Announcement:
        while True:
            self._waiting, expired = without_expired(self._waiting, self._clock())
            for one in expired:
                self._note(one, AnnouncementFate.EXPIRED)
            if self._waiting:
                first, *rest = self._waiting
                self._waiting = tuple(rest)
                return first
            self._more.clear()
            await self._more.wait()

    async def _say(self, one: Announcement) -> AnnouncementFate | None:
        """What became of it; None: a more important one comes before it."""
        spoken = await self._source.sound_of(one.text)
        try:
            async with asyncio.timeout(one.expires_at_s - self._clock()):
                await self._quiet.wait()
        except TimeoutError:
            return AnnouncementFate.EXPIRED
        if self._clock() >= one.expires_at_s:  # the sound was long in coming
            return AnnouncementFate.EXPIRED
        if is_overtaken(one, self._waiting):
            return None
        await self._remember(one)
        if not self._quiet.is_set():  # somebody began to speak while the disk was written
            return AnnouncementFate.INTERRUPTED
        fate = await self._sound(one, sound_with(spoken, chimes=one.chime))
        return AnnouncementFate.UNSPOKEN if fate is AnnouncementFate.HEARD and not spoken else fate

    async def _sound(self, one: Announcement, pcm: bytes) -> AnnouncementFate:
        """Have it be heard; what became of it."""
        if self._loudspeaker is None:
            return AnnouncementFate.UNHEARD
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[AnnouncementFate] = loop.create_future()
        gain = self._loudspeaker.gain_of(one.volume, urgent=one.priority is Priority.HIGH)
        speech = Speech(
            pcm, gain, partial(loop.call_soon_threadsafe, _settle_once, ended, AnnouncementFate.HEARD)
        )
        self._sounding = ended
        self._post(AnnouncementsChanged())
        self._tell("announcement", id=one.id, what="begins", text=one.text)
        self._loudspeaker.announce(speech)
        try:
            async with asyncio.timeout(SPEAKER_FORMAT.seconds(len(pcm)) + LATE_S):
                return await ended
        except TimeoutError:
            return AnnouncementFate.UNHEARD
        finally:
            self._silence()

    def _end(self, fate: AnnouncementFate) -> bool:
        """End what is heard, at once."""
        if self._sounding is None:
            return False
        _settle_once(self._sounding, fate)
        self._silence()
        return True

    def _silence(self) -> None:
        if self._sounding is not None and self._loudspeaker is not None:
            self._sounding = None
            self._loudspeaker.announce(None)
            self._post(AnnouncementsChanged())

    def _settle(self, one: Announcement, fate: AnnouncementFate | None) -> None:
        if fate is None:
            self._add(one, first=True)
            return
        if fate is AnnouncementFate.INTERRUPTED and not one.interrupted:
            self._add(replace(one, interrupted=True), first=True)
        self._note(one, fate)

    def _add(self, one: Announcement, *, first: bool = False) -> None:
        self._waiting, dropped = with_one(self._waiting, one, first=first)
        if dropped is not None:
            self._note(dropped, AnnouncementFate.DROPPED)
        self._more.set()

    def _note(self, one: Announcement, fate: AnnouncementFate) -> None:
        """Its text is the sender's own, and is no business of the log's."""
        self.fates[fate] += 1
        self._recent.append((fate, one))
        log.info("announcement %s: %s", one.id, fate.value)
        text = {"text": one.text} if fate in (AnnouncementFate.UNSPOKEN, AnnouncementFate.UNHEARD) else {}
        self._tell("announcement", id=one.id, what=fate.value, **text)

    # --- none twice

    def _is_known(self, announcement_id: str) -> bool:
        present = [self._now, *self._waiting]
        return announcement_id in self._said or any(one and one.id == announcement_id for one in present)

    async def _remember(self, one: Announcement) -> None:
        """Before it is heard: a power cut in its middle costs its end, and is no second beginning."""
        if not one.lasting_id or one.id in self._said:
            return
        self._said.append(one.id)
        if self._store is not None:
            await self._store.keep_aside(FILE, content_of(self._said))


def _settle_once(ended: asyncio.Future[AnnouncementFate], fate: AnnouncementFate) -> None:
    if not ended.done():
        ended.set_result(fate)
