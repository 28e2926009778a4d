"""Whether the speaker is well is told by the rule of service.md, to whoever asks, and no more than that."""

from __future__ import annotations

import re
from typing import Any

import pytest
from places import ROOT
from web_pages import FakeSpeaker, pages

from daemon.control.remote.client import NoSpeaker
from daemon.lights.ladder import LADDER
from daemon.web.api.health import PATIENCE_S, UNWELL_LIGHTS, entries, readiness
from daemon.web.api.kept_status import KEPT_S, KeptStatus

WELL = {"light": "idle", "link": {"state": "offline", "problem": None}}


def link(since_s: float | None, problem: str | None = "The service cannot be reached.") -> dict[str, Any]:
    return WELL | {"link": {"problem": problem, "problem_since_s": since_s}}


@pytest.mark.parametrize(
    ("status", "ready", "word"),
    [
        (WELL, True, "ok"),
        ({}, True, "ok"),
        ({"light": "muted"}, True, "ok"),
        ({"light": "offline"}, True, "ok"),
        ({"light": "no microphone"}, False, "no microphone"),
        ({"light": "no speaker"}, False, "no speaker"),
        ({"light": "refused", "link": {"problem": "The service refuses the API key."}}, False, "refused"),
        (link(PATIENCE_S - 0.1), True, "ok"),
        (link(PATIENCE_S), False, "link"),
        (link(None), True, "ok"),
        (link(1000.0, None), True, "ok"),
        (None, False, "away"),
    ],
)
def test_the_rule_of_readiness(status: dict[str, Any] | None, ready: bool, word: str) -> None:
    found = readiness(status)
    assert (found.ready, found.status) == (ready, word)
    assert ready is (found.problem is None)


def test_the_lights_of_the_rule_are_those_of_the_page_and_real_ones() -> None:
    page = (ROOT / "docs/use/service.md").read_text("utf-8")
    (sentence,) = re.findall(r"`light` is none of (.*?), and", page)
    assert set(re.findall(r"`([^`]+)`", sentence)) == UNWELL_LIGHTS
    assert {rung.scene.name for rung in LADDER} >= UNWELL_LIGHTS


async def test_the_pages_answer_by_it() -> None:
    speaker = FakeSpeaker({"status": WELL | {"light": "no speaker"}})
    async with pages(entries(KeptStatus(speaker))) as client:
        answers = [await client.get(path) for path in ("/healthz", "/readyz", "/health")]
    assert [(one.status_code, one.json()) for one in answers] == [
        (200, {"status": "ok"}),
        (503, {"status": "no speaker", "problem": "The lights say: no speaker."}),
        (200, {"status": "healthy"}),
    ]
    assert all(one.headers["cache-control"] == "no-store" for one in answers)


async def test_a_speaker_that_does_not_answer_is_not_ready() -> None:
    async with pages(entries(KeptStatus(FakeSpeaker()))) as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 503 and answer.json()["status"] == "away"


async def test_a_gateway_without_a_speaker_is_ready() -> None:
    async with pages(entries(KeptStatus(NoSpeaker()))) as client:
        assert (await client.get("/readyz")).status_code == 200


async def test_they_are_open_to_all() -> None:
    assert [one.needs for one in entries(KeptStatus(NoSpeaker()))] == [None] * 3


async def test_the_speaker_is_asked_at_most_once_a_second() -> None:
    now_s = 100.0
    speaker = FakeSpeaker({"status": WELL})
    kept = KeptStatus(speaker, lambda: now_s)
    async with pages(entries(kept)) as client:
        for _ in range(3):
            await client.get("/readyz")
        assert speaker.asked == ["status"]
        now_s += KEPT_S
        await client.get("/readyz")
        assert speaker.asked == ["status", "status"]


async def test_one_that_is_away_is_asked_no_more_often() -> None:
    speaker = FakeSpeaker()
    kept = KeptStatus(speaker, lambda: 100.0)
    assert [await kept.newest() for _ in range(3)] == [None] * 3
    assert speaker.asked == ["status"]
