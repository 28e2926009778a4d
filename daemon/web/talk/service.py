"""How talks reach the service: one client for all, made at the first, and a set-up of each one's own."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from ssl import SSLContext
from typing import Protocol

from daemon.config.models import VOICES
from daemon.config.secret import Secret
from daemon.config.settings import LiveSettings
from daemon.session.second import Session
from daemon.session.tokens import TokenWish
from daemon.tools.declaring.declarations import Equipment
from daemon.web.talk.equipment import TalkEquipment
from daemon.web.talk.news import TalkWishes


class LiveSessions(Protocol):
    """Makes sessions (`gemini.client.LiveClient`)."""

    def session(
        self, handle: str | None, settings: LiveSettings | None = None, equipment: Equipment | None = None
    ) -> AbstractAsyncContextManager[Session]:
        """A session, resumed if a handle is given. Entering it raises LinkError."""
        ...

    async def make_token(self, wish: TokenWish) -> str:
        """A new ephemeral token. Raises LinkError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAddress:
    """Where the service is, and the key for it. Empty `base_url`, `trust` None: Google's."""

    key: Secret
    base_url: str = ""
    trust: SSLContext | None = None


class TalkService:
    """The service's library, loaded when the first talk begins: it costs 30 MB. Event loop only."""

    def __init__(self, live: LiveSettings, address: ServiceAddress) -> None:
        self._live = live
        self._address = address
        self._client: asyncio.Task[LiveSessions] | None = None

    async def sessions(self) -> LiveSessions:
        """The client of all talks."""
        if self._client is None or (self._client.done() and self._client.exception() is not None):
            self._client = asyncio.create_task(asyncio.to_thread(self._load), name="service's library")
        return await asyncio.shield(self._client)

    async def make_token(self, wish: TokenWish) -> str:
        """As `MakeToken`."""
        return await (await self.sessions()).make_token(wish)

    async def try_out(self) -> None:
        """Set a session up, and end it. Raises LinkError."""
        async with (await self.sessions()).session(None):
            pass

    def _load(self) -> LiveSessions:
        gemini = importlib.import_module("daemon.session.gemini.client")
        where = self._address
        client: LiveSessions = gemini.LiveClient(
            self._live, where.key, base_url=where.base_url or None, trust=where.trust
        )
        return client


class TalkDialler:
    """Sessions of one talk, each set up as its client wishes at that moment."""

    def __init__(
        self, client: LiveSessions, live: LiveSettings, equipment: TalkEquipment, wishes: TalkWishes
    ) -> None:
        self._client = client
        self._live = live
        self._equipment = equipment
        self.wishes = wishes
        self._present: Session | None = None

    @asynccontextmanager
    async def session(self, handle: str | None) -> AsyncIterator[Session]:
        """As `connection.Dialler`."""
        live = live_for(self._live, self.wishes)
        equipment = self._equipment.for_session(live, self.wishes)
        async with self._client.session(handle, live, equipment) as self._present:
            try:
                yield self._present
            finally:
                self._present = None

    async def show(self, jpeg: bytes) -> bool:
        """As `camera.Show`."""
        if self._present is None:
            return False
        await self._present.send_video(jpeg)
        return True


def live_for(live: LiveSettings, wishes: TalkWishes) -> LiveSettings:
    """The speaker's settings with what a talk needs and its client wishes; without a voice that is none."""
    return replace(
        live,
        turn_taking="device" if wishes.manual else "server",
        transcribe=True,
        voice=voice_named(wishes.voice) or live.voice,
        temperature=live.temperature if wishes.temperature is None else wishes.temperature,
    )


def voice_named(name: str) -> str:
    """The voice of this name, whatever its capitals; empty where there is none."""
    return next((voice for voice in VOICES if voice.lower() == name.lower()), "")
