"""How talks reach the service: one client for all of them, made at the first."""

from __future__ import annotations

import asyncio
import importlib
from dataclasses import dataclass
from ssl import SSLContext
from typing import TYPE_CHECKING

from daemon.config.secret import Secret
from daemon.config.settings import LiveSettings
from daemon.session.tokens import TokenWish

if TYPE_CHECKING:
    from daemon.web.talk.sessions import LiveSessions


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
