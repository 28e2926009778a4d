"""What the speaker tells of itself (`conure status`) as Prometheus metrics. Computes only.

Labels come from closed sets: the program's own words, never what users or strangers say. A number that the
status does not have is left out, so that an older speaker, or a newer one, is told as far as it is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)

from daemon.lights.ladder import LADDER
from daemon.words import LinkPhase, Outcome, Phase, Trigger

GAUGES = {
    "conure_muted": ("Whether the microphone is closed.", "muted"),
    "conure_microphone_dbfs": ("Level of the microphone.", "devices.mic.level_dbfs"),
    "conure_microphone_floor_dbfs": ("Noise floor that speech has to exceed.", "devices.mic.floor_dbfs"),
    "conure_budget_used_ratio": ("How much of the day's budget is used.", "usage.budget_ratio"),
    "conure_up_seconds": ("Since the start of the speaker.", "up_s"),
}
"""A number of the status as it is: name, help, path in the status."""

COUNTERS = {
    "conure_link_connects": ("Connections to the service that stood.", "link.connects"),
    "conure_link_failures": ("Connections to the service that failed.", "link.failures"),
}
"""The same, of what only grows; `_total` is added to the name."""

DURATIONS = {
    "first_sent": "From the trigger to the first audio that was sent.",
    "first_reply": "From the end of speech to the first audio of the answer.",
    "first_sound": "From the end of speech to the first sample that leaves the speaker.",
}
"""Histograms of `turn_totals`, by name."""

REMINDERS = {"waiting": "timers.waiting", "ringing": "timers.rings", "missed": "timers.missed"}

NO_COUNTS = frozenset({"events_high_water", "tool_threads_running"})
"""Of the status' counters, those that go down again or are no count."""


def speaker_metrics(status: Mapping[str, Any]) -> Iterator[Metric]:
    """All of them."""
    yield InfoMetricFamily("conure", "What runs.", _info(status))
    for name, (words, path) in GAUGES.items():
        yield from _gauge(name, words, number_at(status, path))
    for name, (words, path) in COUNTERS.items():
        if (value := number_at(status, path)) is not None:
            yield CounterMetricFamily(name, words, value)
    volume = number_at(status, "volume")
    yield from _gauge(
        "conure_volume_ratio", "Volume, 1 for all of it.", None if volume is None else volume / 100
    )
    yield _states(status)
    yield from _link(status)
    yield from _turns(value_at(status, "turn_totals"))
    yield from _rings(value_at(status, "rings"))
    yield _events(value_at(status, "counters"))
    yield from _reminders(status)


def value_at(status: Mapping[str, Any], path: str) -> Any:
    """What is at `a.b.c`; None where there is none."""
    found: Any = status
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def number_at(status: Mapping[str, Any], path: str) -> float | None:
    """The number there, 1 and 0 for yes and no; None for anything else."""
    value = value_at(status, path)
    return float(value) if isinstance(value, int | float) else None


def _info(status: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(status.get(name, "")) for name in ("version", "board", "model")}


def _gauge(name: str, words: str, value: float | None) -> Iterator[Metric]:
    if value is not None:
        yield GaugeMetricFamily(name, words, value)


def one_of(name: str, words: str, label: str, all_of: Iterable[str], present: Any) -> GaugeMetricFamily:
    """1 for the one that is, 0 for each of the others."""
    family = GaugeMetricFamily(name, words, labels=[label])
    for value in all_of:
        family.add_metric([value], float(value == present))
    return family


def _states(status: Mapping[str, Any]) -> GaugeMetricFamily:
    phases = [phase.value for phase in Phase]
    return one_of("conure_state", "Where the conversation is.", "state", phases, status.get("state"))


def _link(status: Mapping[str, Any]) -> Iterator[Metric]:
    lights = [rung.scene.name for rung in LADDER]
    yield one_of("conure_light", "What the lights say.", "light", lights, status.get("light"))
    if (state := value_at(status, "link.state")) is not None:
        online = state in (LinkPhase.ONLINE.value, LinkPhase.ROTATING.value)
        yield GaugeMetricFamily("conure_link_online", "Whether a connection stands.", float(online))
        since_s = number_at(status, "link.problem_since_s") or 0.0
        yield GaugeMetricFamily(
            "conure_link_problem_seconds", "Since when it cannot be had; 0: it can.", since_s
        )
    if (resident := number_at(status, "resident_bytes")) is not None:
        family = GaugeMetricFamily(
            "conure_resident_bytes", "Memory that is really there.", labels=["process"]
        )
        family.add_metric(["speaker"], resident)
        yield family


def _turns(totals: Any) -> Iterator[Metric]:
    if not isinstance(totals, Mapping):
        return
    family = CounterMetricFamily("conure_turns", "Turns that have ended.", labels=["outcome", "trigger"])
    for outcome in Outcome:
        for trigger in Trigger:
            count = number_at(totals, f"turns.{outcome.value}.{trigger.value}")
            family.add_metric([outcome.value, trigger.value], count or 0.0)
    yield family
    for name, words in DURATIONS.items():
        yield from _histogram(f"conure_turn_{name}_seconds", words, totals, name)
    yield from _used(totals)


def _histogram(name: str, words: str, totals: Mapping[str, Any], which: str) -> Iterator[Metric]:
    counts, bounds_s = value_at(totals, f"durations.{which}.counts"), totals.get("bounds_s")
    if not isinstance(counts, list) or not isinstance(bounds_s, list) or len(counts) != len(bounds_s) + 1:
        return
    sum_s = number_at(totals, f"durations.{which}.sum_s")
    yield HistogramMetricFamily(name, words, buckets_of(bounds_s, counts), sum_s)


def buckets_of(bounds_s: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    """As the library takes them, from the count of each bucket by itself, the last without a bound."""
    bounds = [_bound(bound_s) for bound_s in (*bounds_s, float("inf"))]
    return list(zip(bounds, accumulate(counts), strict=True))


def _bound(bound_s: float) -> str:
    """As Prometheus writes it."""
    return "+Inf" if bound_s == float("inf") else str(float(bound_s))


def _used(totals: Mapping[str, Any]) -> Iterator[Metric]:
    audio = CounterMetricFamily(
        "conure_audio_seconds", "Audio to and from the service.", labels=["direction"]
    )
    for direction in ("sent", "received"):
        audio.add_metric([direction], number_at(totals, f"used.{direction}_s") or 0.0)
    tokens = CounterMetricFamily("conure_tokens", "Tokens as the service counts them.", labels=["kind"])
    for kind in ("prompt", "response"):
        tokens.add_metric([kind], number_at(totals, f"used.{kind}_tokens") or 0.0)
    yield from (audio, tokens)


def _rings(rings: Any) -> Iterator[Metric]:
    held = GaugeMetricFamily("conure_ring_bytes", "Audio that waits in a ring.", labels=["ring"])
    lost = CounterMetricFamily("conure_ring_lost_bytes", "Audio that a ring has lost.", labels=["ring"])
    for name in ("uplink", "reply") if isinstance(rings, Mapping) else ():
        held.add_metric([name], number_at(rings, f"{name}.level_bytes") or 0.0)
        lost.add_metric([name], number_at(rings, f"{name}.lost_bytes") or 0.0)
    yield from (held, lost)


def _events(counters: Any) -> Metric:
    family = CounterMetricFamily("conure_events", "What was lost, refused or repeated.", labels=["name"])
    for name, count in counters.items() if isinstance(counters, Mapping) else ():
        if name not in NO_COUNTS and isinstance(count, int):
            family.add_metric([str(name)], count)
    return family


def _reminders(status: Mapping[str, Any]) -> Iterator[Metric]:
    family = GaugeMetricFamily("conure_reminders", "Timers, alarms and reminders.", labels=["state"])
    for state, path in REMINDERS.items():
        value = value_at(status, path)
        family.add_metric([state], float(len(value) if isinstance(value, list) else value or 0))
    yield family
