"""Networks that break WebSockets and let HTTPS pass: questions are answered aloud, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from rig import HELLO, Rig, running_rig, with_keys

from daemon.config.settings import Settings
from daemon.lights import scenes
from daemon.session.slow import dialler as fallback
from daemon.session.slow import ways
from daemon.standin.plan import Plan
from daemon.standin.voices import Tone
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


async def _is_answered(how: str) -> None:
    plan = breaking(*BREAKS[how])
    async with running_rig(ALONE, plan=plan, voice=Tone(0.3), pace=PACE, jitter=0.0) as rig:
        rig.say()
        rig.tap()
        await rig.until_turns_over(timeout_s=40.0)
        assert rig.turns_over()[0]["outcome"] == "answered", how
        assert goes_slow(rig)()
        (said_s,) = heard_s(rig)
        assert said_s >= MIC_FORMAT.seconds(len(HELLO))
        spoken = [content for content in rig.standin.record.contents if content.audio_bytes]
        assert spoken and rig.heard().any()
        assert len(rig.standin.record.contents) == 1 + len(spoken)
        await rig.until(lambda: rig.scenes[-1] == scenes.SLOW.name)
        assert rig.conure.parts.connection.report()["slow_way"]


async def test_a_spoken_question_is_answered_aloud_however_the_network_breaks_websockets() -> None:
    await asyncio.gather(*(_is_answered(how) for how in BREAKS))


async def test_where_it_is_switched_off_the_device_keeps_what_was_said_until_sessions_pass() -> None:
    plan = breaking(*BREAKS["refuses the upgrade"])
    settings = with_keys(ALONE, live={"fallback": "off"})
    async with running_rig(settings, plan=plan, voice=Tone(0.3), pace=PACE, jitter=0.0) as rig:
        rig.say()
        rig.tap()
        await rig.until(lambda: rig.conure.parts.connection.report()["failures"] >= 4, timeout_s=30.0)
        assert not goes_slow(rig)()
        rig.follow(Plan())
        await rig.until_turns_over(timeout_s=40.0)
        assert rig.turns_over()[0]["outcome"] == "answered"


async def turn(rig: Rig, number: int) -> None:
    """One more question, to its end."""
    rig.say()
    rig.tap()
    await rig.until_turns_over(number, timeout_s=40.0)


async def slowed(rig: Rig) -> None:
    """The slow way is taken."""
    await rig.until(goes_slow(rig), timeout_s=30.0)


async def test_sessions_are_taken_back_between_turns_once_they_pass_again() -> None:
    async with running_rig(
        ALONE, plan=breaking(*BREAKS["refuses the upgrade"]), voice=Tone(0.3), pace=PACE
    ) as rig:
        await slowed(rig)
        await turn(rig, 1)
        rig.follow(Plan())
        await rig.until(lambda: not goes_slow(rig)(), timeout_s=30.0)
        before = len(rig.standin.record.contents)
        await turn(rig, 2)
        assert [line["outcome"] for line in rig.turns_over()] == ["answered", "answered"]
        assert len(rig.standin.record.contents) == before
        assert len(rig.standin.record.turns) == 1


async def test_what_was_said_before_goes_with_the_next_question() -> None:
    async with running_rig(ALONE, plan=breaking(*BREAKS["refuses the upgrade"]), pace=PACE) as rig:
        await slowed(rig)
        await turn(rig, 1)
        await turn(rig, 2)
        last = next(one for one in reversed(rig.standin.record.contents) if one.heard_s)
        assert [one["role"] for one in last.body["contents"]] == ["user", "model", "user"]


async def test_a_voice_over_the_answer_cuts_it_and_asks_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    words = "This is a very long answer. " * 20
    plan = Plan.from_toml(
        f'''
        [[rule]]
        when = "upgrade"
        nth = "every"
        do = {{ action = "http_status", status = 502, body = "" }}
        [[rule]]
        when = "content"
        do = {{ action = "write", text = "{words}" }}
        '''
    )
    async with running_rig(ALONE, plan=plan, pace=PACE) as rig:
        await slowed(rig)
        rig.say()
        rig.tap()
        await rig.until_state("speaking", timeout_s=40.0)
        await asyncio.sleep(0.2)
        rig.say()
        rig.tap()
        await rig.until_turns_over(2, timeout_s=40.0)
        assert [line["outcome"] for line in rig.turns_over()] == ["cut", "answered"]
        assert len(heard_s(rig)) == 2
