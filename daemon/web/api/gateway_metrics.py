"""What the gateway tells of itself as Prometheus metrics. Computes only.

Labels are the gateway's own words: dialects, reasons, names of counters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from daemon.web.api.speaker_metrics import buckets_of


def gateway_metrics(
    *,
    resident_bytes: int | None,
    refusals: Mapping[str, int],
    talks: Mapping[str, Any],
    tokens: int,
    counters: Mapping[str, int],
) -> Iterator[Metric]:
    """`talks` as `Talks.report`, `tokens` how many were made, `refusals` by the gate's names."""
    if resident_bytes is not None:
        family = GaugeMetricFamily("conure_web_resident_bytes", "Memory of the gateway that is really there.")
        family.add_metric([], resident_bytes)
        yield family
    yield by_label("conure_web_refusals", "Requests that were turned away.", "reason", refusals)
    yield from _talks(talks)
    yield CounterMetricFamily("conure_web_tokens", "Ephemeral tokens that were made.", tokens)
    yield by_label("conure_web_events", "What was lost, refused or repeated.", "name", counters)


def by_label(name: str, words: str, label: str, counts: Mapping[str, float]) -> CounterMetricFamily:
    """A counter for each name in `counts`, in the order of the alphabet."""
    family = CounterMetricFamily(name, words, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family


def _talks(talks: Mapping[str, Any]) -> Iterator[Metric]:
    talking = Counter(one["dialect"] for one in talks.get("open", ()))
    begun = talks.get("begun", {})
    held = GaugeMetricFamily("conure_web_talks", "Talks that are under way.", labels=["dialect"])
    for dialect in sorted({*talking, *begun}):
        held.add_metric([dialect], talking[dialect])
    yield held
    yield by_label("conure_web_talks_begun", "Talks that have begun.", "dialect", begun)
    yield by_label("conure_web_talks_ended", "Talks that have ended.", "end", talks.get("ended", {}))
    yield by_label("conure_web_talks_refused", "Talks that were refused.", "reason", talks.get("refused", {}))
    spent = talks.get("spent", {})
    seconds = {direction: spent.get(f"{direction}_s", 0.0) for direction in ("sent", "received")}
    yield by_label("conure_web_audio_seconds", "Audio of all talks.", "direction", seconds)
    if (traffic := talks.get("traffic")) is not None:
        yield from _traffic(traffic)


def _traffic(traffic: Mapping[str, Any]) -> Iterator[Metric]:
    messages = CounterMetricFamily(
        "conure_web_messages", "Messages of clients, and to them.", labels=["dialect", "direction"]
    )
    for direction, counts in traffic["messages"].items():
        for dialect, count in sorted(counts.items()):
            messages.add_metric([dialect, direction], count)
    yield messages
    yield by_label(
        "conure_web_decoded_seconds", "Clients' audio that was decoded.", "dialect", traffic["decoded_s"]
    )
    words = "Audio of replies that was not told: cut, unwanted, or too much."
    yield by_label("conure_web_reply_dropped_bytes", words, "dialect", traffic["dropped_bytes"])
    relay = traffic["relay"]
    words = "From a client's audio, decoded, until it is given to the service."
    buckets = buckets_of(relay["bounds_s"], relay["counts"])
    yield HistogramMetricFamily("conure_web_relay_seconds", words, buckets, relay["sum_s"])
