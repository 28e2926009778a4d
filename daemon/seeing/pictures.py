"""Pictures from a client's camera: what they may be, without what they tell of its owner. Pure.

A camera's JPEG may hold the place where it was taken, the device, and a second picture. Only what is needed
to see the first one leaves.
"""

from __future__ import annotations

from collections.abc import Iterator

from hw.camera.frames import ALONE

MAX_PICTURE_BYTES = 256 * 1024
"""Of one picture; the page sends at most 150 KB."""

MAX_SIDE_PIXELS = 2048
"""Longer sides are only shrunk by the service, after they were paid for in time."""

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Start of frame: it holds the sides."""

_PRIVATE = {*range(0xE0, 0xF0), 0xFE}
"""Application segments (EXIF, XMP, profiles, a second picture) and comments."""


class BadPicture(ValueError):
    """It is no JPEG of an acceptable size; the text says why."""


def cleaned(jpeg: bytes) -> bytes:
    """The picture alone. Raises BadPicture."""
    if len(jpeg) > MAX_PICTURE_BYTES:
        raise BadPicture(f"a picture has at most {MAX_PICTURE_BYTES} bytes")
    if jpeg[:3] != b"\xff\xd8\xff":
        raise BadPicture("a picture is a JPEG")
    kept = [b"\xff\xd8"]
    seen = False
    for marker, segment in _segments(jpeg):
        if marker in _FRAMES:
            _check_sides(segment)
            seen = True
        if marker not in _PRIVATE:
            kept.append(segment)
    if not seen:
        raise BadPicture("the picture has no frame")
    return b"".join(kept)


def _segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    """Each marker with all that belongs to it, up to the end of the picture. Raises BadPicture."""
    at = 2
    while at + 2 <= len(jpeg):
        if jpeg[at] != 0xFF:
            raise BadPicture("the picture is damaged")
        marker = jpeg[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        end = _end_of(jpeg, at, marker)
        yield marker, jpeg[at:end]
        if marker == _END:
            return
        at = end
    raise BadPicture("the picture is cut")


def _end_of(jpeg: bytes, at: int, marker: int) -> int:
    if marker in ALONE or marker == _END:
        return at + 2
    length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
    end = at + 2 + length
    if length < 2 or end > len(jpeg) or marker == _START:
        raise BadPicture("the picture is damaged")
    return _end_of_scan(jpeg, end) if marker == _SCAN else end


def _end_of_scan(jpeg: bytes, at: int) -> int:
    """Where the compressed data ends: at the next marker that is no restart (`FF00` is a byte of data)."""
    while (at := jpeg.find(b"\xff", at)) >= 0:
        following = jpeg[at + 1] if at + 1 < len(jpeg) else _END
        if following != 0x00 and following not in ALONE:
            return at
        at += 2
    raise BadPicture("the picture is cut")


def _check_sides(segment: bytes) -> None:
    height, width = int.from_bytes(segment[5:7], "big"), int.from_bytes(segment[7:9], "big")
    if not (1 <= height <= MAX_SIDE_PIXELS and 1 <= width <= MAX_SIDE_PIXELS):
        raise BadPicture(f"the picture has {width} × {height} pixels; each side may have {MAX_SIDE_PIXELS}")
