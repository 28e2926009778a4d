"""What Prometheus is told: all of the speaker's numbers, in both forms, with labels from closed sets."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families
from rig import running_rig
from told_status import STATUS, TOTALS
from web_pages import FakeSpeaker, pages

from daemon.conductor.totals import DURATIONS
from daemon.config.web import WebSettings
from daemon.control.remote.client import NoSpeaker, SpeakerDoor
from daemon.events import Trigger
from daemon.lights.ladder import LADDER
from daemon.web.api import speaker_metrics
from daemon.web.api.kept_status import KeptStatus
from daemon.web.api.metrics import GatewayReports, MetricsPage, entries
from daemon.web.entry import Right, Visitor
from daemon.web.gate.rules import LOCAL, LOOPBACK
from daemon.web.talk.traffic import Traffic
from daemon.words import Outcome, Phase

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.3"
)
TOKEN = Visitor(name="grafana", key="token:grafana", rights=frozenset({Right.METRICS}))


async def scraped(
    speaker: SpeakerDoor,
    web: WebSettings | None = None,
    *,
    reports: GatewayReports | None = None,
    visitor: Visitor = TOKEN,
    headers: dict[str, str] | None = None,
) -> Any:
    """The answer to a scrape."""
    page = MetricsPage((web or WebSettings()).metrics, KeptStatus(speaker), reports or GatewayReports())
    async with pages(entries(page), visitor) as client:
        return await client.get("/metrics", headers=headers)


async def families(speaker: SpeakerDoor, **options: Any) -> dict[str, Metric]:
    """What is told, by name, as a parser that was not written here reads it."""
    answer = await scraped(speaker, **options)
    assert answer.status_code == 200
    return {one.name: one for one in text_string_to_metric_families(answer.text)}


def value(family: Metric, **labels: str) -> float:
    """The one sample with these labels."""
    (found,) = [one.value for one in family.samples if one.labels == labels]
    return float(found)


class TestTheSpeaker:
    async def test_is_told_in_numbers(self) -> None:
        told = await families(FakeSpeaker({"status": STATUS}))
        assert value(told["conure_up"]) == 1
        assert value(told["conure_volume_ratio"]) == 0.7
        assert value(told["conure_muted"]) == 0
        assert value(told["conure_microphone_dbfs"]) == -41.5
        assert value(told["conure_budget_used_ratio"]) == 0.25
        assert value(told["conure_link_online"]) == 1
        assert value(told["conure_link_connects"]) == 3
        assert value(told["conure_resident_bytes"], process="speaker") == 60_000_000
        assert value(told["conure_audio_seconds"], direction="received") == 30.0
        assert value(told["conure_tokens"], kind="prompt") == 700
        assert value(told["conure_ring_lost_bytes"], ring="uplink") == 2
        assert [value(told["conure_reminders"], state=one) for one in ("waiting", "ringing", "missed")] == [
            2,
            1,
            0,
        ]
        info = {"version": "0.1.0", "board": "generic", "model": "gemini-3.8-live"}
        assert value(told["conure_info"], **info) == 1

    async def test_a_state_is_one_among_all(self) -> None:
        told = await families(FakeSpeaker({"status": STATUS}))
        states = {one.labels["state"]: one.value for one in told["conure_state"].samples}
        assert states == {phase.value: float(phase is Phase.SPEAKING) for phase in Phase}
        lights = {one.labels["light"] for one in told["conure_light"].samples}
        assert lights == {rung.scene.name for rung in LADDER}
        assert value(told["conure_light"], light="speaking") == 1

    async def test_a_histogram_counts_upward(self) -> None:
        durations = TOTALS["durations"] | {
            "first_sound": {"counts": [0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 3], "sum_s": 40.5}
        }
        status = STATUS | {"turn_totals": TOTALS | {"durations": durations}}
        family = (await families(FakeSpeaker({"status": status})))["conure_turn_first_sound_seconds"]
        buckets = {one.labels["le"]: one.value for one in family.samples if one.name.endswith("_bucket")}
        assert [buckets[bound] for bound in ("0.3", "0.5", "0.75", "10.0", "+Inf")] == [0, 2, 3, 3, 6]
        assert {one.name: one.value for one in family.samples if "le" not in one.labels} == {
            "conure_turn_first_sound_seconds_count": 6,
            "conure_turn_first_sound_seconds_sum": 40.5,
        }

    async def test_turns_have_all_their_labels_from_the_start(self) -> None:
        family = (await families(FakeSpeaker({"status": STATUS})))["conure_turns"]
        assert len(family.samples) == len(Outcome) * len(Trigger)

    async def test_what_is_no_count_is_no_counter(self) -> None:
        family = (await families(FakeSpeaker({"status": STATUS})))["conure_events"]
        assert {one.labels["name"]: one.value for one in family.samples} == {"mic_overruns": 4}

    async def test_one_that_is_away_is_down_and_the_scrape_succeeds(self) -> None:
        told = await families(FakeSpeaker())
        assert value(told["conure_up"]) == 0
        assert "conure_state" not in told

    async def test_none_is_neither_up_nor_down(self) -> None:
        assert "conure_up" not in await families(NoSpeaker())

    @pytest.mark.parametrize(
        "status",
        [
            {},
            {"turn_totals": {"durations": {"first_sound": {"counts": [1]}}, "bounds_s": [0.1, 0.2]}},
            {
                "turn_totals": 7,
                "rings": 7,
                "counters": 7,
                "timers": 7,
                "link": 7,
                "devices": 7,
                "volume": "loud",
            },
            {"counters": {"a": "many", "b": 1.5, "c": 2}},
        ],
    )
    async def test_of_another_version_is_told_as_far_as_it_is_known(self, status: dict[str, Any]) -> None:
        assert value((await families(FakeSpeaker({"status": status})))["conure_up"]) == 1

    async def test_the_real_one_fills_every_family(self) -> None:
        async with running_rig() as rig:
            await rig.ask_aloud()
            await rig.until_turns_over()
            status = rig.conure.reporter.snapshot()
        told = await families(FakeSpeaker({"status": status}))
        assert [n for n, one in told.items() if not n.startswith("conure_web_") and not one.samples] == []
        assert {f"conure_turn_{name}_seconds" for name in DURATIONS} <= told.keys()
        named = {*speaker_metrics.GAUGES, *speaker_metrics.COUNTERS} - {"conure_budget_used_ratio"}
        assert named <= told.keys()
        assert sum(one.value for one in told["conure_turns"].samples) == 1
        assert value(told["conure_audio_seconds"], direction="received") > 0


class TestTheGateway:
    async def test_tells_of_its_own_parts(self) -> None:
        reports = GatewayReports(
            refusals=lambda: {"wrong_host": 3},
            talks=lambda: {
                "open": [{"dialect": "own"}, {"dialect": "own"}],
                "begun": {"own": 5, "audio_live": 1},
                "ended": {"left": 4},
                "refused": {"busy": 2},
                "spent": {"sent_s": 61.0, "received_s": 70.5},
            },
            tokens=lambda: 7,
            counters=lambda: {"notes_dropped": 1},
        )
        told = await families(NoSpeaker(), reports=reports)
        assert value(told["conure_web_refusals"], reason="wrong_host") == 3
        assert value(told["conure_web_talks"], dialect="own") == 2
        assert value(told["conure_web_talks"], dialect="audio_live") == 0
        assert value(told["conure_web_talks_begun"], dialect="own") == 5
        assert value(told["conure_web_talks_ended"], end="left") == 4
        assert value(told["conure_web_talks_refused"], reason="busy") == 2
        assert value(told["conure_web_audio_seconds"], direction="sent") == 61.0
        assert value(told["conure_web_tokens"]) == 7
        assert value(told["conure_web_events"], name="notes_dropped") == 1
        assert value(told["conure_web_resident_bytes"]) > 1e6

    async def test_tells_what_goes_through_its_talks(self) -> None:
        traffic = Traffic()
        traffic.received["own"] += 3
        traffic.sent["own"] += 2
        traffic.heard("own", 1.5)
        traffic.heard("own", 0.5)
        traffic.dropped_bytes["audio_live"] = 960
        for late_s in (0.0005, 0.004, 0.02, 30.0):
            traffic.relay.add(late_s)
        talks = {"traffic": traffic.report() | {"dropped_bytes": traffic.dropped_bytes}}
        told = await families(NoSpeaker(), reports=GatewayReports(talks=lambda: talks))
        assert value(told["conure_web_messages"], dialect="own", direction="received") == 3
        assert value(told["conure_web_messages"], dialect="own", direction="sent") == 2
        assert value(told["conure_web_decoded_seconds"], dialect="own") == 2.0
        assert value(told["conure_web_reply_dropped_bytes"], dialect="audio_live") == 960
        samples = told["conure_web_relay_seconds"].samples
        up_to = {one.labels["le"]: one.value for one in samples if "le" in one.labels}
        assert [up_to[bound] for bound in ("0.001", "0.005", "0.025", "10.0", "+Inf")] == [1, 2, 3, 3, 4]
        assert [one.value for one in samples if not one.labels] == [4, 30.0245]

    async def test_says_nothing_of_python(self) -> None:
        told = await families(FakeSpeaker({"status": STATUS}))
        assert all(name.startswith("conure_") for name in told)


class TestTheForm:
    async def test_is_the_old_one_unless_another_is_asked_for(self) -> None:
        answer = await scraped(FakeSpeaker({"status": STATUS}), headers={"Accept": "*/*"})
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert answer.headers["cache-control"] == "no-store"

    async def test_is_openmetrics_for_prometheus(self) -> None:
        answer = await scraped(FakeSpeaker({"status": STATUS}), headers={"Accept": PROMETHEUS})
        assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
        told = {one.name: one for one in openmetrics_families(answer.text)}  # type: ignore[no-untyped-call] # the library's
        assert value(told["conure_up"]) == 1

    @pytest.mark.parametrize(
        "accept",
        [
            "application/openmetrics-text; version=many",
            "text/plain; version=1.0.0.x",
            "application/openmetrics-text; escaping=" + "x" * 10_000,
            ",;=,;;=" * 500,
        ],
    )
    async def test_an_odd_wish_gets_one_all_the_same(self, accept: str) -> None:
        assert (await scraped(NoSpeaker(), headers={"Accept": accept})).status_code == 200


class TestWhoMayReadThem:
    @pytest.mark.parametrize(
        ("metrics", "visitor", "headers", "status"),
        [
            ("token", TOKEN, {}, 200),
            ("token", LOCAL, {}, 401),
            ("token", LOOPBACK, {}, 401),
            ("local", TOKEN, {}, 200),
            ("local", LOCAL, {}, 200),
            ("local", LOOPBACK, {}, 200),
            ("local", LOCAL, {"X-Forwarded-For": "203.0.113.7"}, 401),
            ("local", LOCAL, {"Forwarded": "for=203.0.113.7"}, 401),
            ("local", TOKEN, {"X-Forwarded-For": "203.0.113.7"}, 200),
            ("open", LOCAL, {}, 200),
            ("off", TOKEN, {}, 404),
        ],
    )
    async def test_is_said_by_the_settings(
        self, metrics: str, visitor: Visitor, headers: dict[str, str], status: int
    ) -> None:
        answer = await scraped(NoSpeaker(), WebSettings(metrics=metrics), visitor=visitor, headers=headers)
        assert answer.status_code == status

    @pytest.mark.parametrize(
        ("metrics", "needs"), [("token", Right.METRICS), ("local", Right.METRICS), ("open", None)]
    )
    def test_and_asked_of_the_gate(self, metrics: str, needs: Right | None) -> None:
        (entry,) = entries(MetricsPage(metrics, KeptStatus(NoSpeaker()), GatewayReports()))
        assert entry.needs is needs
