"""All addresses of the page's own API, put together from the parts that they need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from daemon.control.remote.client import SpeakerDoor
from daemon.web.api import (
    commands,
    doctor,
    ephemeral,
    events,
    health,
    history,
    metrics,
    pairing,
    timers,
)
from daemon.web.api.answers import answering
from daemon.web.api.doctor import DoctorPage
from daemon.web.api.ephemeral import TokenDesk
from daemon.web.api.events import EventPages
from daemon.web.api.kept_status import KeptStatus
from daemon.web.api.metrics import MetricsPage
from daemon.web.entry import Entry
from daemon.web.gate.desk import PairingDesk
from daemon.web.gate.devices import Devices
from daemon.web.gate.gate import Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiParts:
    """What the endpoints work with."""

    speaker: SpeakerDoor
    gate: Gate
    devices: Devices
    desk: PairingDesk
    pages: EventPages
    status: KeptStatus
    tokens: TokenDesk
    metrics: MetricsPage
    doctor: DoctorPage = field(default_factory=DoctorPage)


def entries(parts: ApiParts) -> list[Entry]:
    """Each answers what it raises by a sentence, and counts it."""
    counts = parts.gate.counts
    return [replace(entry, endpoint=answering(entry.endpoint, counts)) for entry in _all(parts)]


def _all(parts: ApiParts) -> Iterator[Entry]:
    yield from commands.entries(parts.speaker)
    yield from events.entries(parts.pages)
    yield from history.entries(parts.speaker)
    yield from timers.entries(parts.speaker)
    yield from pairing.entries(pairing.DevicePages(parts.speaker, parts.gate, parts.desk, parts.devices))
    yield from doctor.entries(parts.doctor)
    yield from health.entries(parts.status)
    yield from ephemeral.entries(parts.tokens)
    yield from metrics.entries(parts.metrics)
