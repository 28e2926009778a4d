"""The parts of the gateway, put together from the settings: the composition root."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from daemon.certificates import Certified
from daemon.config.load import effective_base_url, load_api_key, missing_key
from daemon.config.settings import Settings
from daemon.control.client import find_daemon
from daemon.errors import ConfigError
from daemon.session.tokens import TokenWish
from daemon.web.api import entries as api
from daemon.web.api.ephemeral import TokenDesk
from daemon.web.api.events import EventPages
from daemon.web.api.kept_status import KeptStatus
from daemon.web.api.metrics import GatewayReports, MetricsPage
from daemon.web.door import plain
from daemon.web.door.names import domains_of, host_name
from daemon.web.entry import Entry
from daemon.web.gate.codes import CodeFile
from daemon.web.gate.desk import PairingDesk
from daemon.web.gate.devices import Devices
from daemon.web.gate.gate import Gate
from daemon.web.gate.refusals import RefusalCounts
from daemon.web.gate.rules import HouseRules
from daemon.web.gate.tokens import GatewayTokens
from daemon.web.speaker.client import NoSpeaker, RemoteSpeaker, SpeakerDoor
from daemon.web.talk.service import ServiceAddress, TalkService

log = logging.getLogger(__name__)

Counters = Callable[[], dict[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayParts:
    """What the gateway is made of."""

    settings: Settings
    name: str
    """The host's, without a domain."""
    gate: Gate
    devices: Devices
    desk: PairingDesk
    speaker: SpeakerDoor
    remote: RemoteSpeaker | None
    """The speaker, if there is one to be kept in touch with."""
    pages: EventPages
    service: TalkService | None
    """None: there is no key."""
    status: KeptStatus
    tokens: TokenDesk


def build_parts(settings: Settings, folder: Path, *, no_speaker: bool) -> GatewayParts:
    """All of them, connected; nothing is opened. `folder` holds the gateway's state."""
    web = settings.web
    name = host_name(web.name)
    remote = None if no_speaker else RemoteSpeaker(partial(find_daemon, os.environ))
    speaker = remote or NoSpeaker()
    service, status = _service(settings), KeptStatus(speaker)
    devices = Devices(folder)
    names = frozenset({*domains_of(name), *web.hosts})
    rules = HouseRules(names=names, origins=frozenset(web.origins), behind_proxy=web.behind_proxy)
    return GatewayParts(
        settings=settings,
        name=name,
        gate=Gate(rules, devices, GatewayTokens(folder), RefusalCounts()),
        devices=devices,
        desk=PairingDesk(speaker, devices, CodeFile(folder)),
        speaker=speaker,
        remote=remote,
        pages=EventPages(speaker),
        service=service,
        status=status,
        tokens=_token_desk(settings, service, speaker, status),
    )


def _service(settings: Settings) -> TalkService | None:
    """How to reach the service, as the speaker does; None without a key, for the page must tell of that."""
    try:
        key = load_api_key(settings, os.environ)
    except ConfigError as error:
        log.warning("no talks and no tokens: %s", error)
        return None
    if key is None:
        return None
    address = ServiceAddress(key=key, base_url=effective_base_url(settings, os.environ))
    return TalkService(settings.live, address)


def _token_desk(
    settings: Settings, service: TalkService | None, speaker: SpeakerDoor, status: KeptStatus
) -> TokenDesk:
    async def without_key(_wish: TokenWish) -> str:
        raise missing_key()

    live = replace(settings.live, base_url=effective_base_url(settings, os.environ))
    make = without_key if service is None else service.make_token
    return TokenDesk(settings.web, live, make, speaker=speaker, status=status)


def _metrics(parts: GatewayParts, doors: Counters) -> MetricsPage:
    def counters() -> dict[str, int]:
        return doors() | (parts.remote.counters() if parts.remote else {})

    reports = GatewayReports(
        refusals=parts.gate.counts.as_counters, tokens=lambda: parts.tokens.minted, counters=counters
    )
    return MetricsPage(parts.settings.web.metrics, parts.status, reports)


def entries_of(
    parts: GatewayParts, https_port: int, authority: Certified | None, doors: Counters
) -> list[Entry]:
    """Every address of the gateway. The first that fits is taken, so what fits everything comes last.

    `doors` tells what the listeners have counted.
    """
    return [*_entries(parts, doors), *plain.entries(_plain_offer(parts, https_port, authority))]


def _entries(parts: GatewayParts, doors: Counters) -> Iterator[Entry]:
    yield from api.entries(
        api.ApiParts(
            speaker=parts.speaker,
            gate=parts.gate,
            devices=parts.devices,
            desk=parts.desk,
            pages=parts.pages,
            status=parts.status,
            tokens=parts.tokens,
            metrics=_metrics(parts, doors),
        )
    )


def _plain_offer(parts: GatewayParts, https_port: int, authority: Certified | None) -> plain.PlainOffer:
    return plain.PlainOffer(name=parts.name, https_port=lambda: https_port, authority=authority)
