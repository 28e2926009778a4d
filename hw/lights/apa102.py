"""APA102 and SK9822 pixels ("DotStar") on an SPI bus: the three lights of a ReSpeaker, and others like it."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from hw.base import Colour, Leds
from hw.lights.kinds import Lights
from hw.lights.spi import Ioctl, SpiLeds

START_FRAME = bytes(4)
"""32 zero bits (APA102 data sheet, "Cascading data structure")."""

PIXEL_MARK = 0b111_00000
"""The three ones that begin each pixel; five bits of brightness follow (the same place)."""

FULL_BRIGHTNESS = 31

SPEED_HZ = 1_000_000
"""Slow enough for poor leads (the slower kind of pixels takes 15 MHz: SK9822 data sheet), and fast enough:
12 pixels are written in half a millisecond, 64 in two."""


def encode(pixels: Sequence[Colour], brightness: float) -> bytes:
    """The bits that show these pixels; `brightness`, 0 to 1, goes to the five bits that each has for it.

    Above 0 it is at least one step, so that what is lit never becomes dark. The end frame gives half a clock
    for each pixel, since every pixel delays the data by half a clock (data sheet), and 32 bits more, which
    the SK9822 needs to show what it was sent; zeros, so that a longer chain is not lit by them.
    """
    level = max(1, round(FULL_BRIGHTNESS * min(brightness, 1.0))) if brightness > 0 else 0
    body = b"".join(bytes((PIXEL_MARK | level, one.blue, one.green, one.red)) for one in pixels)
    return START_FRAME + body + bytes(4 + (len(pixels) + 15) // 16)


class Apa102Leds(SpiLeds):
    """`Leds` of `count` pixels on a spidev file. Event loop only."""

    def __init__(self, path: str, count: int, brightness: float, ioctl: Ioctl = fcntl.ioctl) -> None:
        """Open the bus and turn all pixels off. Raises LedError."""
        super().__init__(path, count, partial(encode, brightness=brightness), SPEED_HZ, ioctl)


def open_lights(lights: Lights, brightness: float, _gpio_lines: Callable[[], Any]) -> Leds:
    """The pixels, dark. Raises LedError."""
    return Apa102Leds(lights.spi, lights.count, brightness)
