"""The lamp: what it shows at once, what it animates, and what it does with broken lights."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from fakes import LoopTime, ShownLeds

from daemon.lights import scenes
from daemon.lights.ladder import FRAME_S, Conditions, render
from daemon.lights.lamp import DUSK_S, RETRY_S, VOLUME_SHOWN_S, Lamp
from daemon.lights.night import Night, dimmed
from daemon.words import Phase

IDLE = Conditions()
LISTENING = Conditions(mic_streaming=True, phase=Phase.LISTENING)
THINKING = Conditions(phase=Phase.THINKING)
OFFLINE = Conditions(offline=True)


class Rig:
    """A lamp whose animation runs, and what is shown."""

    def __init__(self, time: LoopTime) -> None:
        self.time = time
        self.leds = ShownLeds()
        self.lamp = Lamp(self.leds, time.now_s)
        self.conditions = IDLE

    def show(self, conditions: Conditions) -> None:
        self.conditions = conditions
        self.lamp.refresh(conditions)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    with LoopTime() as time:
        rig = Rig(time)
        task = asyncio.create_task(rig.lamp.run(lambda: rig.conditions))
        yield rig
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_change_is_shown_before_refresh_returns(rig: Rig) -> None:
    rig.show(LISTENING)
    assert rig.lamp.scene is scenes.LISTENING
    assert rig.leds.shown == [render(scenes.LISTENING, 0.0, 3)]


async def test_a_scene_that_stands_still_is_shown_once(rig: Rig) -> None:
    for _ in range(3):
        rig.show(LISTENING)
    await rig.time.run(60.0)
    assert len(rig.leds.shown) == 1


async def test_a_scene_that_moves_is_drawn_frame_by_frame_from_its_beginning(rig: Rig) -> None:
    await rig.time.run(7.0)
    rig.show(THINKING)
    await rig.time.run(3.5 * FRAME_S)
    assert len(rig.leds.shown) == 4
    for frame, shown in enumerate(rig.leds.shown):
        expected = render(scenes.THINKING, frame * FRAME_S, 3)
        for pixel, other in zip(shown, expected, strict=True):
            assert pixel.green == pytest.approx(other.green, abs=1)  # a frame is drawn some µs late


async def test_a_blinking_scene_is_drawn_only_where_it_changes(rig: Rig) -> None:
    rig.show(OFFLINE)
    period_s = sum(key.duration_s for key in scenes.OFFLINE.curve)
    await rig.time.run(10 * period_s - 0.1)
    assert len(rig.leds.shown) == 20


async def test_a_moving_scene_ends_when_the_conditions_change(rig: Rig) -> None:
    rig.show(THINKING)
    await rig.time.run(1.0)
    rig.show(IDLE)
    shown = len(rig.leds.shown)
    await rig.time.run(60.0)
    assert rig.lamp.scene is scenes.IDLE
    assert len(rig.leds.shown) == shown


async def test_each_frame_asks_for_the_present_conditions(rig: Rig) -> None:
    rig.show(Conditions(phase=Phase.FOLLOW_UP, follow_up_left=1.0))
    rig.conditions = Conditions(phase=Phase.FOLLOW_UP, follow_up_left=0.34)
    await rig.time.run(1.5 * FRAME_S)
    assert all(pixel.green for pixel in rig.leds.shown[0])
    assert not rig.leds.shown[-1][-1].green


async def test_broken_lights_are_told_once_and_tried_again(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.leds.broken = True
    rig.show(THINKING)
    await rig.time.run(10 * RETRY_S)
    rig.show(LISTENING)
    assert rig.lamp.failed
    assert rig.lamp.scene is scenes.LISTENING
    assert 5 <= rig.leds.tries <= 11
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "as planned" in warnings[0].getMessage()


async def test_a_light_that_failed_does_not_stay_as_it_was(rig: Rig) -> None:
    rig.show(LISTENING)
    rig.leds.broken = True
    rig.show(IDLE)
    rig.leds.broken = False
    await rig.time.run(2 * RETRY_S)
    assert not rig.lamp.failed
    assert rig.leds.shown[-1] == render(scenes.IDLE, 0.0, 3)


async def test_closing_the_lamp_closes_the_lights(rig: Rig) -> None:
    rig.lamp.close()
    assert rig.leds.closed


async def test_a_light_that_stands_still_is_dimmed_when_the_night_begins() -> None:
    minute = 21 * 60 + 59
    with LoopTime() as time:
        leds = ShownLeds()
        lamp = Lamp(leds, time.now_s, Night(22 * 60, 7 * 60, 0.2), lambda: minute)
        task = asyncio.create_task(lamp.run(lambda: LISTENING))
        lamp.refresh(LISTENING)
        by_day = leds.shown[-1]
        minute += 1
        await time.run(DUSK_S + 1.0)
        assert leds.shown[-1] == dimmed(by_day, 0.2) != by_day
        assert all(pixel.blue for pixel in leds.shown[-1])
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_new_loudness_is_shown_for_a_moment_and_then_what_was_there_before(rig: Rig) -> None:
    rig.show(OFFLINE)
    rig.lamp.show_volume(0.5)
    assert rig.lamp.scene is scenes.VOLUME
    await rig.time.run(VOLUME_SHOWN_S - 2 * FRAME_S)
    assert rig.lamp.scene is scenes.VOLUME
    await rig.time.run(3 * FRAME_S)
    assert rig.lamp.scene is scenes.OFFLINE


async def test_a_new_loudness_never_hides_that_somebody_listens(rig: Rig) -> None:
    rig.show(LISTENING)
    rig.lamp.show_volume(0.5)
    assert rig.lamp.scene is scenes.LISTENING
