"""NeoPixels (WS2812B, SK6812) on the data line of an SPI bus, whose other lines stay unconnected.

Each bit of a pixel is a pulse, short for 0 and long for 1, which SPI writes as four bits of its own. The
clock must keep to `SPEED_HZ`: on a Pi before the 5 the core's clock must be fixed for that (`core_freq=250`
in config.txt, on a Pi 4 `core_freq=500` and `core_freq_min=500`; rpi_ws281x README, SPI).
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from hw.base import Colour, Leds
from hw.lights.kinds import Lights
from hw.lights.spi import Ioctl, SpiLeds

SPEED_HZ = 3_200_000
"""Four SPI bits for the 1.25 µs of a pixel's bit (WS2812B data sheet)."""

SHORT, LONG = 0b1000, 0b1100
"""0 is high for 312 ns, 1 for 625 ns, as Adafruit_CircuitPython_NeoPixel_SPI has it (two and four of eight
bits at 6.4 MHz): of all ways it fits most chips (WS2812B: 220 to 550 and 580 to 1000 ns over its versions,
SK6812: 150 to 450 and 450 to 750 ns; data sheets)."""

RESET_BYTES = 120
"""300 µs low, after which the pixels show what they were sent: 280 µs for the latest WS2812B, 80 µs for
the SK6812 (data sheets)."""

LEAD = bytes(1)
"""The line may rest at the high level before; the first pulse needs a low one before it."""

CHANNELS = {"r": "red", "g": "green", "b": "blue"}


def _pulses(byte: int) -> bytes:
    """The four bytes of SPI for one byte of a pixel, highest bit first."""
    bits = 0
    for place in range(7, -1, -1):
        bits = bits << 4 | (LONG if byte >> place & 1 else SHORT)
    return bits.to_bytes(4, "big")


_PULSES = tuple(_pulses(byte) for byte in range(256))


def encode(pixels: Sequence[Colour], brightness: float, order: str) -> bytes:
    """The bits that show these pixels, each channel dimmed by `brightness`, 0 to 1, but never to nothing.

    `order` names the bytes of a pixel, such as "grb" or "grbw"; the white LED of the latter stays dark, so
    that colours are the same on all pixels.
    """
    body = (_PULSES[_dimmed(pixel, channel, brightness)] for pixel in pixels for channel in order)
    return LEAD + b"".join(body) + bytes(RESET_BYTES)


def _dimmed(pixel: Colour, channel: str, brightness: float) -> int:
    value: int = getattr(pixel, CHANNELS[channel]) if channel in CHANNELS else 0
    return max(1, round(value * min(brightness, 1.0))) if value and brightness > 0 else 0


class NeoPixelLeds(SpiLeds):
    """`Leds` of `count` pixels on a spidev file. Event loop only: 64 pixels take 3 ms."""

    def __init__(
        self, path: str, count: int, brightness: float, order: str, ioctl: Ioctl = fcntl.ioctl
    ) -> None:
        """Open the bus and turn all pixels off. Raises LedError."""
        super().__init__(path, count, partial(encode, brightness=brightness, order=order), SPEED_HZ, ioctl)


def open_lights(lights: Lights, brightness: float, _gpio_lines: Callable[[], Any]) -> Leds:
    """The pixels, dark. Raises LedError."""
    return NeoPixelLeds(lights.spi, lights.count, brightness, lights.order)
