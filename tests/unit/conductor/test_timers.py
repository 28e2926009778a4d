"""Timers that were stopped never fire, even when they had already run out."""

from __future__ import annotations

import asyncio

from daemon.conductor.timers import Timers
from daemon.events import Timer, TimerDue


async def posted(box: list[TimerDue], count: int) -> None:
    """Wait until so many timers have run out."""
    async with asyncio.timeout(5):
        while len(box) < count:
            await asyncio.sleep(0.001)


async def test_one_that_runs_out_counts_once() -> None:
    box: list[TimerDue] = []
    timers = Timers(box.append)
    timers.start(Timer.ANSWER, 0.0)
    await posted(box, 1)
    assert timers.runs(Timer.ANSWER)
    assert timers.take(box[0])
    assert not timers.take(box[0])
    assert not timers.runs(Timer.ANSWER)


async def test_one_that_was_stopped_after_it_ran_out_does_not_count() -> None:
    box: list[TimerDue] = []
    timers = Timers(box.append)
    timers.start(Timer.ANSWER, 0.0)
    await posted(box, 1)
    timers.stop(Timer.ANSWER)
    assert not timers.take(box[0])


async def test_one_that_was_armed_again_after_it_ran_out_counts_only_for_its_second_time() -> None:
    box: list[TimerDue] = []
    timers = Timers(box.append)
    timers.start(Timer.ANSWER, 0.0)
    await posted(box, 1)
    timers.start(Timer.ANSWER, 0.0)
    await posted(box, 2)
    assert not timers.take(box[0])
    assert timers.take(box[1])


async def test_one_that_was_stopped_in_time_is_silent() -> None:
    box: list[TimerDue] = []
    timers = Timers(box.append)
    timers.start(Timer.ANSWER, 0.0)
    timers.stop(Timer.ANSWER)
    timers.start(Timer.STALL, 0.001)
    await posted(box, 1)
    assert [due.timer for due in box] == [Timer.STALL]
