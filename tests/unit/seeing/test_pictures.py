"""What leaves of a picture."""

from __future__ import annotations

import random

import pytest
from pictures import jpeg, segment

from daemon.seeing.pictures import MAX_PICTURE_BYTES, BadPicture, cleaned


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
