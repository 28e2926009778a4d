"""The parts of the gateway that reach the service, put together from the settings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from daemon.config.load import effective_base_url, load_api_key, missing_key
from daemon.config.secret import Secret
from daemon.config.settings import LiveSettings, Settings
from daemon.control.remote.client import SpeakerDoor
from daemon.errors import ConfigError
from daemon.session.tokens import TokenWish
from daemon.web.api.ephemeral import TokenDesk
from daemon.web.api.kept_status import KeptStatus
from daemon.web.api.key import TryKey
from daemon.web.talk.life import Patience
from daemon.web.talk.service import ServiceAddress, TalkService
from daemon.web.talk.talks import Talks
from daemon.web.talk.terms import TalkTerms

log = logging.getLogger(__name__)

MINUTE_S = 60.0

KEY_TRIAL_S = 8.0
"""Connecting and setting up take one second; a person waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceParts:
    """What needs a key, or tries one."""

    talks: Talks
    tokens: TokenDesk
    try_key: TryKey


def build_service_parts(
    settings: Settings, speaker: SpeakerDoor, status: KeptStatus, env: Mapping[str, str]
) -> ServiceParts:
    """All of them; nothing is loaded or opened before somebody asks for it. `env` may have the key.

    Raises ConfigError for an address of the service that is none.
    """
    base_url = effective_base_url(settings, env)
    service = _service(settings, base_url, env)
    return ServiceParts(
        talks=_talks(settings, service, speaker),
        tokens=_token_desk(settings, base_url, service, speaker, status),
        try_key=_key_trial(settings.live, base_url),
    )


def _service(settings: Settings, base_url: str, env: Mapping[str, str]) -> TalkService | None:
    """How to reach the service, as the speaker does; None without a good key: the page must tell of that."""
    try:
        key = load_api_key(settings, env)
    except ConfigError as error:
        log.warning("no talks and no tokens: %s", error)
        return None
    return None if key is None else TalkService(settings.live, ServiceAddress(key=key, base_url=base_url))


def _key_trial(live: LiveSettings, base_url: str) -> TryKey:
    brief = replace(live, setup_timeout_s=min(live.setup_timeout_s, KEY_TRIAL_S))

    async def try_key(key: Secret) -> None:
        await TalkService(brief, ServiceAddress(key=key, base_url=base_url)).try_out()

    return try_key


def _talks(settings: Settings, service: TalkService | None, speaker: SpeakerDoor) -> Talks:
    web = settings.web
    patience = Patience(idle_s=web.talk_idle_s, longest_s=web.talk_minutes * MINUTE_S)
    terms = TalkTerms(live=settings.live, patience=patience, reply_buffer_s=settings.sound.reply_buffer_s)
    sessions = None if service is None else service.sessions
    return Talks(terms, sessions, max_talks=web.max_talks, ask=speaker.ask, tools=web.talk_tools)


def _token_desk(
    settings: Settings,
    base_url: str,
    service: TalkService | None,
    speaker: SpeakerDoor,
    status: KeptStatus,
) -> TokenDesk:
    async def without_key(_wish: TokenWish) -> str:
        raise missing_key()

    make = without_key if service is None else service.make_token
    live = replace(settings.live, base_url=base_url)
    return TokenDesk(settings.web, live, make, speaker=speaker, status=status)
