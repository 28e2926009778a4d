"""What leaves of a picture, which pictures leave at all, and when."""

from __future__ import annotations

import asyncio
import random

import pytest
from fakes import LoopTime, settled
from pictures import jpeg, segment

from daemon.session.failures import Failure, FailureKind, LinkError
from daemon.web.talk.camera import PACE_S, Camera
from daemon.web.talk.pictures import MAX_PICTURE_BYTES, BadPicture, cleaned


def test_what_tells_of_its_owner_is_taken_out_and_the_picture_stays() -> None:
    exif = segment(0xE1, b"Exif\0\0 48.2082 N 16.3738 E")
    comment, profile = segment(0xFE, b"my kitchen"), segment(0xE2, b"ICC")
    assert cleaned(jpeg(segment(0xE0, b"JFIF"), exif, profile, comment)) == jpeg()


def test_what_follows_the_picture_is_no_part_of_it() -> None:
    assert cleaned(jpeg() + jpeg(segment(0xE1, b"Exif"))) == jpeg()


def test_segments_between_scans_are_looked_at_too() -> None:
    scan = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"second"
    two = jpeg()[:-2] + segment(0xE1, b"Exif") + scan + b"\xff\xd9"
    assert cleaned(two) == jpeg()[:-2] + scan + b"\xff\xd9"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is a JPEG"),
        (b"\x89PNG\r\n", "is a JPEG"),
        (jpeg(width=2049), "2049 × 480 pixels"),
        (jpeg(height=0), "640 × 0 pixels"),
        (jpeg()[:-2], "is cut"),
        (jpeg()[:40], "is damaged"),
        (b"\xff\xd8\xff\xd9", "has no frame"),
        (b"\xff\xd8\xff\xe1\x00\x01", "is damaged"),
        (jpeg() + bytes(MAX_PICTURE_BYTES), "at most"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(BadPicture, match=words):
        cleaned(data)


def test_damaged_pictures_are_refused_or_hold_nothing_private() -> None:
    dice, whole = random.Random(1), jpeg(segment(0xE1, b"Exif" * 20))
    for _ in range(3000):
        damaged = bytearray(whole)
        for _ in range(dice.choice((1, 3, 9))):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        try:
            assert cleaned(bytes(damaged))[:2] == b"\xff\xd8"
        except BadPicture:
            continue


class Shown:
    """What a session was shown, on the loop's time."""

    def __init__(self) -> None:
        self.listens = True
        self.pictures: list[bytes] = []
        self.taken = 0
        self.error: LinkError | None = None
        self.camera = Camera(listens=lambda: self.listens, taken=self._take)

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
