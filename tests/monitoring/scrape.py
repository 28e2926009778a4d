"""Prints what a gateway tells of a speaker and of itself, for `promtool check metrics`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from told_status import STATUS

from daemon.web.api.metrics import GatewayCollector, GatewayReports
from daemon.web.talk.traffic import Traffic

traffic = Traffic()
traffic.received["own"] = traffic.sent["own"] = traffic.dropped_bytes["own"] = 1
traffic.heard("own", 1.0)
traffic.relay.add(0.001)

TALKS = {
    "open": [{"dialect": "own"}],
    "begun": {"own": 1},
    "ended": {"left": 1},
    "refused": {"busy": 1},
    "traffic": traffic.report() | {"dropped_bytes": traffic.dropped_bytes},
}
REPORTS = GatewayReports(
    refusals=lambda: {"wrong_host": 1},
    talks=lambda: TALKS,
    tokens=lambda: 1,
    counters=lambda: {"notes_dropped": 1},
)

collector = GatewayCollector(REPORTS, has_speaker=True)
collector.status = STATUS
registry = CollectorRegistry()
registry.register(collector)
print(generate_latest(registry).decode(), end="")
