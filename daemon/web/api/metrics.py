"""`/metrics` for Prometheus: one collector in a registry of its own. Event loop only.

No metrics of this process' Python are in it: they would stand there as if they were the speaker's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from daemon.runtime.heap import resident_bytes
from daemon.web.api.answers import NOT_KEPT
from daemon.web.api.gateway_metrics import gateway_metrics
from daemon.web.api.health import EVERYWHERE
from daemon.web.api.kept_status import KeptStatus, SpeakerStatus
from daemon.web.api.speaker_metrics import speaker_metrics
from daemon.web.entry import Entry, Right, Visitor
from daemon.web.gate.refusals import RefusalName, WebRefused
from daemon.web.gate.rules import LOCAL

PATH = "/metrics"

ACCEPT_CHARS = 1000
"""Longest `Accept` that is looked at; Prometheus' own has some 400."""

FORWARDED = ("forwarded", "x-forwarded-for")
"""What a proxy adds (RFC 7239)."""


def nothing() -> dict[str, Any]:
    """What a part that is not there tells."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayReports:
    """What the gateway's parts tell of themselves; each is asked at every scrape."""

    refusals: Callable[[], Mapping[str, int]] = nothing
    """By the gate's names."""
    talks: Callable[[], Mapping[str, Any]] = nothing
    tokens: Callable[[], int] = int
    """How many were made."""
    counters: Callable[[], Mapping[str, int]] = nothing
    """All that the other parts count, by name."""


class GatewayCollector:
    """Gives one scrape's metrics: those of the speaker as it was last asked, and those of the gateway now."""

    def __init__(self, reports: GatewayReports, *, has_speaker: bool) -> None:
        self._reports = reports
        self._has_speaker = has_speaker
        self.status: SpeakerStatus | None = None

    def collect(self) -> Iterable[Metric]:
        """All of them, for the library."""
        return [*self._of_speaker(), *self._of_gateway()]

    def _of_speaker(self) -> Iterator[Metric]:
        if self._has_speaker:
            up = float(self.status is not None)
            yield GaugeMetricFamily("conure_up", "Whether the speaker answers.", up)
        if self.status is not None:
            yield from speaker_metrics(self.status)

    def _of_gateway(self) -> Iterator[Metric]:
        return gateway_metrics(
            resident_bytes=resident_bytes(),
            refusals=self._reports.refusals(),
            talks=self._reports.talks(),
            tokens=self._reports.tokens(),
            counters=self._reports.counters(),
        )


class MetricsPage:
    """Answers a scrape."""

    def __init__(self, readers: str, status: KeptStatus, reports: GatewayReports) -> None:
        """`readers` is `web.metrics`."""
        self.readers = readers
        self._status = status
        self._collector = GatewayCollector(reports, has_speaker=status.has_speaker)
        self._registry = CollectorRegistry()
        self._registry.register(self._collector)

    async def scrape(self, request: Request) -> Response:
        """In OpenMetrics where it is asked for, else in the text format 0.0.4."""
        self._collector.status = await self._status.newest()
        body, content_type = encoded(self._registry, request.headers.get("accept", ""))
        return Response(body, headers=NOT_KEPT | {"Content-Type": content_type})

    async def scrape_with_token(self, request: Request) -> Response:
        """The same, for whoever is known by more than coming from this machine."""
        if is_local(request):
            raise WebRefused(RefusalName.NOT_PAIRED)
        return await self.scrape(request)

    async def scrape_from_here(self, request: Request) -> Response:
        """The same, for this machine too, unless a proxy on it says that it asks for another."""
        if is_local(request) and any(name in request.headers for name in FORWARDED):
            raise WebRefused(RefusalName.NOT_PAIRED)
        return await self.scrape(request)


def encoded(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """The metrics in the form that `accept` asks for, and the form's name."""
    try:
        encode, content_type = choose_encoder(accept[:ACCEPT_CHARS])
    except (TypeError, ValueError):  # of a version that is no number the library compares text and number
        encode, content_type = generate_latest, CONTENT_TYPE_PLAIN_0_0_4
    return encode(registry), content_type


def is_local(request: Request) -> bool:
    """Whether the gate let somebody in for coming from this machine."""
    visitor: Visitor = request.state.visitor
    return visitor.key == LOCAL.key


def entries(page: MetricsPage) -> list[Entry]:
    """For those who may read them: `[web] metrics`."""
    match page.readers:
        case "off":
            return []
        case "open":
            return [Entry(path=PATH, endpoint=page.scrape, listeners=EVERYWHERE)]
    endpoint = page.scrape_from_here if page.readers == "local" else page.scrape_with_token
    return [Entry(path=PATH, endpoint=endpoint, needs=Right.METRICS, listeners=EVERYWHERE)]
