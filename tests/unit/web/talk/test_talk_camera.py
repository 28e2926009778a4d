"""Which pictures of a talk leave, and when."""

from __future__ import annotations

import asyncio

from fakes import LoopTime, settled
from pictures import jpeg

from daemon.session.failures import Failure, FailureKind, LinkError
from daemon.web.talk.camera import PACE_S, TalkCamera


class Shown:
    """What a session was shown, on the loop's time."""

    def __init__(self) -> None:
        self.listens = True
        self.pictures: list[bytes] = []
        self.taken = 0
        self.error: LinkError | None = None
        self.camera = TalkCamera(listens=lambda: self.listens, taken=self._take)

    def _take(self) -> None:
        self.taken += 1

    async def show(self, picture: bytes) -> bool:
        if self.error is not None:
            raise self.error
        self.pictures.append(picture)
        return True


async def test_the_newest_is_shown_at_most_once_a_second() -> None:
    with LoopTime() as time:
        one = Shown()
        task = asyncio.create_task(one.camera.run(one.show))
        for width in (1, 2, 3):
            one.camera.offer(jpeg(width=width))
        await settled()
        assert one.pictures == [jpeg(width=3)]
        one.camera.offer(jpeg(width=4))
        await time.run(PACE_S / 2)
        assert len(one.pictures) == 1
        await time.run(PACE_S)
        assert one.pictures[-1] == jpeg(width=4)
        assert one.camera.counts == {"shown": 2, "replaced": 2, "unwanted": 0, "bad": 0}
        task.cancel()
        await asyncio.wait([task])


async def test_nothing_is_shown_while_nobody_is_listened_to() -> None:
    one = Shown()
    one.listens = False
    task = asyncio.create_task(one.camera.run(one.show))
    one.camera.offer(jpeg())
    await settled()
    assert (one.pictures, one.camera.counts["unwanted"]) == ([], 1)
    one.listens = True
    one.camera.offer(jpeg())
    one.listens = False
    await settled()
    assert (one.pictures, one.camera.counts["unwanted"]) == ([], 2)
    task.cancel()
    await asyncio.wait([task])


async def test_a_lost_connection_is_no_fault_of_the_picture() -> None:
    one = Shown()
    one.error = LinkError(Failure(FailureKind.TRANSIENT, "as planned"))
    task = asyncio.create_task(one.camera.run(one.show))
    one.camera.offer(jpeg())
    await settled()
    assert not task.done()
    assert one.taken == 0
    task.cancel()
    await asyncio.wait([task])
