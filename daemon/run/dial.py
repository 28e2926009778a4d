"""How to reach the service: with a key Google's, without one the stand-in, in this process."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from ssl import SSLContext
from typing import Any

from daemon.announcements.speech import TextSpeaker
from daemon.config.secret import Secret
from daemon.config.settings import LiveSettings, Settings
from daemon.errors import ConfigError
from daemon.session.second import Dialler
from daemon.session.slow.dialler import FallbackDialler, SlowWay
from daemon.tools.declaring.declarations import Equipment

STAND_IN_KEY = Secret("stand-in")
"""The stand-in takes any key."""


@dataclass(frozen=True, slots=True)
class ServiceClient:
    """The service's client: sessions, and calls over plain HTTP."""

    dialler: Dialler
    content: TextSpeaker


Dial = Callable[[Equipment], Awaitable[ServiceClient]]
"""Makes the client; called after READY, since it imports the service's library."""


async def load_client(
    settings: Settings,
    api_key: Secret,
    base_url: str,
    trust: SSLContext | None,
    equipment: Equipment | None = None,
) -> ServiceClient:
    """Import the service's library aside, since that takes longer than the start may, and make a client."""

    def load() -> ServiceClient:
        gemini = importlib.import_module("daemon.session.gemini.client")
        client = gemini.LiveClient(
            settings.live, api_key, base_url=base_url or None, trust=trust, equipment=equipment
        )
        return ServiceClient(_with_fallback(settings.live, client, equipment), client.content)

    try:
        return await asyncio.to_thread(load)
    except ImportError as error:
        # Without a module's name it is the HTTP library's own, whose text may hold the proxy's password.
        words = "a SOCKS proxy is set in the environment (ALL_PROXY), which cannot be used: unset it"
        if error.name:
            words = f"the service's library cannot be loaded (module {error.name}): install Conure again"
        raise ConfigError([words]) from error


def _with_fallback(live: LiveSettings, client: Any, equipment: Equipment | None) -> Dialler:
    """The client, and where its sessions do not pass, its calls over HTTPS.

    Those need to know when an utterance ends, which nobody does where the server takes turns.
    """
    if live.fallback == "off" or live.turn_taking == "server":
        dialler: Dialler = client
        return dialler
    words = equipment or Equipment(lambda: live.instruction)
    slow = SlowWay(client.content, words, voice=live.voice, language=live.language)
    return FallbackDialler(client, slow, time.monotonic)


@contextlib.asynccontextmanager
async def reach_service(settings: Settings, api_key: Secret | None, base_url: str) -> AsyncIterator[Dial]:
    """How to reach the service: with a key Google's (or `base_url`), without one the stand-in, in here."""
    if api_key is not None:
        yield partial(load_client, settings, api_key, base_url, None)
        return
    module = await asyncio.to_thread(importlib.import_module, "daemon.standin.server")
    async with module.StandIn() as server:
        yield partial(load_client, settings, STAND_IN_KEY, server.base_url, server.client_ssl_context())
