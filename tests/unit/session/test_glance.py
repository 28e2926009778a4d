"""One picture outside an utterance: after the lights, once, and told whether it has arrived."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fakes import LoopTime, settled
from planned_sessions import PlannedSession

from daemon.events import PictureChanged
from daemon.session.glance import SHOW_S, Glance
from daemon.session.liveness import Evidence

WAITS, LEFT = PictureChanged(waits=True), PictureChanged(waits=False)


class Line(PlannedSession):
    """A session that takes pictures."""

    def __init__(self) -> None:
        super().__init__(None)
        self.pictures: list[bytes] = []
        self.outstanding_bytes = 0

    async def send_video(self, jpeg: bytes) -> None:
        self.pictures.append(jpeg)

    def evidence(self) -> Evidence | None:
        return Evidence(self.outstanding_bytes, 0)


class Desk:
    """A glance with a session, and what it has told."""

    def __init__(self) -> None:
        self.told: list[PictureChanged] = []
        self.glance = Glance(self.told.append)
        self.line = Line()


@contextlib.asynccontextmanager
async def open_desk() -> AsyncIterator[Desk]:
    desk = Desk()
    pump = asyncio.create_task(desk.glance.pump(desk.line))
    await settled()
    try:
        yield desk
    finally:
        pump.cancel()
        await asyncio.gather(pump, return_exceptions=True)


async def test_a_picture_leaves_after_the_lights_and_counts_when_it_has_arrived() -> None:
    with LoopTime() as time:
        async with open_desk() as desk:
            showing = asyncio.create_task(desk.glance.show(b"cat"))
            await settled()
            assert (desk.told, desk.line.pictures, desk.glance.leaving) == ([WAITS], [], True)
            desk.line.outstanding_bytes = 5
            desk.glance.let_go()
            await settled()
            assert desk.line.pictures == [b"cat"]
            assert not showing.done()
            desk.line.outstanding_bytes = 0
            await time.run(0.1)
            assert await showing
            assert (desk.told, desk.glance.leaving) == ([WAITS, LEFT], False)


async def test_a_second_picture_is_refused_while_one_is_on_its_way() -> None:
    async with open_desk() as desk:
        showing = asyncio.create_task(desk.glance.show(b"cat"))
        await settled()
        assert not await desk.glance.show(b"dog")
        desk.glance.let_go()
        assert await showing
        assert desk.line.pictures == [b"cat"]


async def test_a_lost_connection_takes_the_picture_with_it() -> None:
    async with open_desk() as desk:
        showing = asyncio.create_task(desk.glance.show(b"cat"))
        await settled()
        desk.glance.gone()
        desk.glance.gone()
        assert not await showing
        desk.glance.let_go()
        await settled()
        assert desk.line.pictures == []


async def test_without_lights_or_connection_it_is_given_up() -> None:
    with LoopTime() as time:
        desk = Desk()
        showing = asyncio.create_task(desk.glance.show(b"cat"))
        await time.run(SHOW_S + 0.1)
        assert not await showing
        assert desk.told == [WAITS, LEFT]


async def test_one_that_was_given_up_before_its_turn_does_not_leave() -> None:
    async with open_desk() as desk:
        showing = asyncio.create_task(desk.glance.show(b"cat"))
        await settled()
        desk.glance.let_go()
        desk.glance.gone()
        showing.cancel()
        await settled()
        assert desk.told[-1] == LEFT
