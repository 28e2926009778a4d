"""The camera without a camera: a picture of the time since it was opened, in digits.

It is a real JPEG (baseline, grey), made here: each block of 8 x 8 pixels is black or white, so that a block
is one coefficient, and a picture takes some 250 bytes. Sizes, tables and markers: ITU-T T.81, B.2 and F.1.2.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from hw.camera.base import CameraError, Frame

GLYPHS = {
    "0": "75557", "1": "26227", "2": "71747", "3": "71717", "4": "55711",
    "5": "74717", "6": "74757", "7": "71122", "8": "75757", "9": "75717", ".": "00002", " ": "00000",
}  # fmt: skip
"""Each digit in five rows of three blocks, a row as an octal digit."""

CHARACTERS = 8
COLUMNS, ROWS = 4 * CHARACTERS + 1, 7
"""Blocks of the picture: 264 x 56 pixels."""

FRAME_S = 0.5


class SimulatedCamera:
    """A `Camera` of the time. `fail` ends it as a program that dies does."""

    dropped = 0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since_s = clock()
        self.error: CameraError | None = None

    @property
    def newest(self) -> Frame:
        """The picture of the newest half second."""
        seconds = (self._clock() - self._since_s) // FRAME_S * FRAME_S
        return Frame(picture_of(f"{seconds:.1f}"), self._since_s + seconds)

    def fail(self) -> None:
        """End for good."""
        self.error = CameraError("simulated camera", "was broken on purpose")

    def close(self) -> None:
        """Nothing is held."""


def picture_of(text: str) -> bytes:
    """A JPEG with up to CHARACTERS digits and dots, white on black."""
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xDB, b"\x00" + bytes([128] * 64)),  # one step from black to white: 15
            _segment(0xC0, bytes((8, 0, 8 * ROWS, *divmod(8 * COLUMNS, 256), 1, 1, 0x11, 0))),
            _segment(0xC4, b"\x00" + bytes((1, 1, *[0] * 14)) + bytes((0, 4))),  # the same as before; 4 bits
            _segment(0xC4, b"\x10" + bytes((1, *[0] * 15)) + bytes((0,))),  # the block's end
            _segment(0xDA, bytes((1, 1, 0, 0, 63, 0))),
            _packed("".join(_bits(text))),
            b"\xff\xd9",
        )
    )


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def _bits(text: str) -> Iterator[str]:
    """The code of each block, row by row: the step from the one before, and that nothing else is in it."""
    before = 0
    for white in _blocks(text):
        level = 7 if white else -8
        step = level - before
        before = level
        yield "0" + "0" if not step else _step_bits(step) + "0"


def _step_bits(step: int) -> str:
    """A step of at most 4 bits; a negative one as T.81 F.1.2.1 has it."""
    return "10" + f"{step if step > 0 else step + 15:04b}"


def _blocks(text: str) -> Iterator[bool]:
    glyphs = [GLYPHS[character] for character in text[-CHARACTERS:].rjust(CHARACTERS)]
    for row in range(ROWS):
        inside = 1 <= row <= 5
        for column in range(COLUMNS):
            place, of_glyph = divmod(column, 4)
            lit = inside and of_glyph and int(glyphs[place][row - 1], 8) >> (3 - of_glyph) & 1
            yield bool(lit)


def _packed(bits: str) -> bytes:
    """Bytes of the code, filled up with ones; after FF stands 00 (T.81, F.1.2.3)."""
    filled = bits + "1" * (-len(bits) % 8)
    data = int(filled, 2).to_bytes(len(filled) // 8, "big")
    return data.replace(b"\xff", b"\xff\x00")
