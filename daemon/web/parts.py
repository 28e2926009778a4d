"""The parts of the gateway, put together from the settings: the composition root."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from daemon.config.settings import Settings
from daemon.control.client import find_daemon
from daemon.control.remote.client import NoSpeaker, RemoteSpeaker, SpeakerDoor
from daemon.control.remote.recent import RecentWords
from daemon.web.api import entries as api
from daemon.web.api.doctor import DoctorPage, examine
from daemon.web.api.events import EventPages
from daemon.web.api.kept_status import KeptStatus
from daemon.web.api.key import KeyPage
from daemon.web.api.key import entries as key_entries
from daemon.web.api.metrics import GatewayReports, MetricsPage
from daemon.web.api.name import NamePage
from daemon.web.api.name import entries as name_entries
from daemon.web.api.settings import APPLY_VARIABLE, SettingsPages
from daemon.web.api.settings import entries as settings_entries
from daemon.web.clients import entries as clients
from daemon.web.door import plain
from daemon.web.door.certificates import AuthorityFile
from daemon.web.door.names import domains_of, host_name
from daemon.web.entry import Entry
from daemon.web.gate.codes import CodeFile
from daemon.web.gate.desk import PairingDesk
from daemon.web.gate.devices import Devices
from daemon.web.gate.gate import Gate
from daemon.web.gate.refusals import RefusalCounts
from daemon.web.gate.rules import HouseRules
from daemon.web.gate.tokens import GatewayTokens
from daemon.web.page import files
from daemon.web.service_parts import ServiceParts, build_service_parts
from daemon.web.wishes.desk import WishDesk

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
    status: KeptStatus
    service: ServiceParts
    config: SettingsPages
    doctor: DoctorPage
    key: KeyPage


def build_parts(
    settings: Settings, folder: Path, *, config: Path | None = None, no_speaker: bool
) -> GatewayParts:
    """All of them, connected; nothing is opened.

    `folder` holds the gateway's state; `config` is the file that the settings are from, None: the system's.
    """
    web = settings.web
    name = host_name(web.name)
    remote = None if no_speaker else _remote(web.transcript_minutes)
    speaker = remote or NoSpeaker()
    status = KeptStatus(speaker)
    devices = Devices(folder)
    names = frozenset({*domains_of(name), *web.hosts})
    service = build_service_parts(settings, speaker, status, os.environ)
    wishes = WishDesk(folder) if os.environ.get(APPLY_VARIABLE) else None
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
        status=status,
        service=service,
        config=SettingsPages(config, wishes),
        doctor=DoctorPage(partial(examine, config)),
        key=KeyPage(service.try_key, wishes),
    )


def _remote(transcript_minutes: float) -> RemoteSpeaker:
    return RemoteSpeaker(partial(find_daemon, os.environ), RecentWords(transcript_minutes, time.monotonic))


def _metrics(parts: GatewayParts, doors: Counters) -> MetricsPage:
    def counters() -> dict[str, int]:
        remote = parts.remote.counters() if parts.remote else {}
        return doors() | remote | dict(parts.service.talks.counts)

    reports = GatewayReports(
        refusals=parts.gate.counts.as_counters,
        talks=parts.service.talks.report,
        tokens=lambda: parts.service.tokens.minted,
        counters=counters,
    )
    return MetricsPage(parts.settings.web.metrics, parts.status, reports)


def entries_of(
    parts: GatewayParts, https_port: int, authority: AuthorityFile | None, doors: Counters
) -> list[Entry]:
    """Every address of the gateway. The first that fits is taken, so what fits everything comes last.

    `doors` tells what the listeners have counted.
    """
    return [*_entries(parts, doors), *plain.entries(_plain_offer(parts, https_port, authority))]


def _entries(parts: GatewayParts, doors: Counters) -> Iterator[Entry]:
    yield from files.entries()
    yield from api.entries(
        api.ApiParts(
            speaker=parts.speaker,
            gate=parts.gate,
            devices=parts.devices,
            desk=parts.desk,
            pages=parts.pages,
            status=parts.status,
            tokens=parts.service.tokens,
            metrics=_metrics(parts, doors),
            doctor=parts.doctor,
        )
    )
    yield from settings_entries(parts.config, parts.gate.counts)
    yield from key_entries(parts.key, parts.gate.counts)
    yield from name_entries(NamePage(parts.name))
    yield from clients.entries(parts.service.talks, message_mib=parts.settings.web.message_mib)


def _plain_offer(parts: GatewayParts, https_port: int, authority: AuthorityFile | None) -> plain.PlainOffer:
    return plain.PlainOffer(name=parts.name, https_port=lambda: https_port, authority=authority)
