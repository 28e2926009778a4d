"""What talks need of a client of the service, and a talk's own sessions with it. Event loop only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Protocol

from daemon.config.models import VOICES
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
        max_output_tokens=wishes.max_output_tokens or live.max_output_tokens,
    )


def voice_named(name: str) -> str:
    """The voice of this name, whatever its capitals; empty where there is none."""
    return next((voice for voice in VOICES if voice.lower() == name.lower()), "")
