"""Networks that break WebSockets and let HTTPS pass: questions are answered aloud, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from rig import HELLO, Rig, running_rig, with_keys

from daemon.config.settings import Settings
from daemon.lights import scenes
from daemon.session import fallback, ways
from daemon.standin.plan import Plan
from daemon.standin.voices import Tone, read_aloud
from daemon.standin.world import Pace
from hw.base import MIC_FORMAT

PACE = Pace(thinking_s=0.05, speed=20.0, playout=0.0)
ALONE = with_keys(
    Settings(), trigger={"follow_up_s": 0.0}, vad={"silence_ms": 300}, live={"setup_timeout_s": 2.0}
)

BREAKS = {
    "refuses the upgrade": ("upgrade", '{ action = "http_status", status = 502, body = "" }'),
    "forbids the upgrade": ("upgrade", '{ action = "http_status", status = 403, body = "" }'),
    "accepts and resets": ("setup", '"reset"'),
    "swallows": ("setup", '"stop_answering"'),
}


def breaking(when: str, do: str) -> Plan:
    return Plan.from_toml(f'[[rule]]\nwhen = "{when}"\nnth = "every"\ndo = {do}\n')


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions are tried in the background sooner than as shipped."""
    monkeypatch.setattr(ways, "FIRST_TRIAL_S", 0.5)
    monkeypatch.setattr(ways, "LONGEST_TRIAL_S", 0.5)
    monkeypatch.setattr(fallback, "LIVES_S", 0.2)


def goes_slow(rig: Rig) -> Callable[[], bool]:
    return lambda: rig.conure.parts.connection.report()["slow_way"] is not None


def heard_s(rig: Rig) -> list[float]:
    """How long each question was that came by HTTPS."""
    return [content.heard_s for content in rig.standin.record.contents if content.heard_s]


@pytest.mark.parametrize("how", BREAKS)
async def test_a_spoken_question_is_answered_aloud_where_the_network(how: str) -> None:
    plan = breaking(*BREAKS[how])
    async with running_rig(ALONE, plan=plan, voice=Tone(0.3), pace=PACE, jitter=0.0) as rig:
        rig.say()
        rig.tap()
        await rig.until_turns_over(timeout_s=40.0)
        assert rig.turns_over()[0]["outcome"] == "answered"
        assert goes_slow(rig)()
        (said_s,) = heard_s(rig)
        assert said_s >= MIC_FORMAT.seconds(len(HELLO))
        spoken = [content for content in rig.standin.record.contents if content.audio_bytes]
        assert spoken and rig.heard().any()
        assert len(rig.standin.record.contents) == 1 + len(spoken)
        await rig.until(lambda: rig.scenes[-1] == scenes.SLOW.name)
