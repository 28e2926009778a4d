"""APA102 and SK9822 pixels ("DotStar") on an SPI bus: the three lights of a ReSpeaker, and others like it.

The bus is written through the kernel's spidev file with the standard library alone.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable, Sequence

from hw.base import Colour, LedError

START_FRAME = bytes(4)
"""32 zero bits (APA102 data sheet, "Cascading data structure")."""

PIXEL_MARK = 0b111_00000
"""The three ones that begin each pixel; five bits of brightness follow (the same place)."""

FULL_BRIGHTNESS = 31

SPI_IOC_WR_MODE = 0x4001_6B01
SPI_IOC_WR_BITS_PER_WORD = 0x4001_6B03
SPI_IOC_WR_MAX_SPEED_HZ = 0x4004_6B04
"""linux/spi/spidev.h: _IOW('k', 1, __u8), _IOW('k', 3, __u8), _IOW('k', 4, __u32)."""

SPI_MODE_0 = 0
BITS_PER_WORD = 8

SPEED_HZ = 1_000_000
"""A twentieth of what the pixels can take; 12 of them are written in half a millisecond."""


def encode(pixels: Sequence[Colour], brightness: float) -> bytes:
    """The bits that show these pixels; `brightness`, 0 to 1, goes to the five bits that each has for it.

    Above 0 it is at least one step, so that what is lit never becomes dark. The end frame gives half a clock
    for each pixel, since every pixel delays the data by half a clock (data sheet), and 32 bits more, which
    the SK9822 needs to show what it was sent; zeros, so that a longer chain is not lit by them.
    """
    level = max(1, round(FULL_BRIGHTNESS * min(brightness, 1.0))) if brightness > 0 else 0
    body = b"".join(bytes((PIXEL_MARK | level, one.blue, one.green, one.red)) for one in pixels)
    return START_FRAME + body + bytes(4 + (len(pixels) + 15) // 16)


class Apa102Leds:
    """`Leds` of `count` pixels on a spidev file. Event loop only: 64 pixels take 2 ms."""

    def __init__(
        self,
        path: str,
        count: int,
        brightness: float,
        ioctl: Callable[[int, int, bytes], object] = fcntl.ioctl,
    ) -> None:
        """Open the bus and turn all pixels off. Raises LedError."""
        self._path = path
        self._brightness = brightness
        self.count = count
        try:
            self._bus = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise LedError(path, f"cannot be opened: {error.strerror}; {_remedy(error)}") from error
        try:
            self._set_up(ioctl)
            self._write((Colour(),) * count)
        except (OSError, LedError) as error:
            os.close(self._bus)
            raise LedError(path, f"is no SPI bus that can be set up: {error}") from error

    def show(self, pixels: Sequence[Colour]) -> None:
        """Show the pixels. Raises LedError, also for another number of pixels than there are."""
        if len(pixels) != self.count:
            raise LedError(self._path, f"has {self.count} pixels and was given {len(pixels)}")
        try:
            self._write(pixels)
        except OSError as error:
            raise LedError(self._path, f"cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """All dark, and give the bus back."""
        try:
            self._write((Colour(),) * self.count)
        except OSError:
            pass  # the bus has gone, and the lights with it
        finally:
            os.close(self._bus)

    def _write(self, pixels: Sequence[Colour]) -> None:
        os.write(self._bus, encode(pixels, self._brightness))

    def _set_up(self, ioctl: Callable[[int, int, bytes], object]) -> None:
        ioctl(self._bus, SPI_IOC_WR_MODE, struct.pack("B", SPI_MODE_0))
        ioctl(self._bus, SPI_IOC_WR_BITS_PER_WORD, struct.pack("B", BITS_PER_WORD))
        ioctl(self._bus, SPI_IOC_WR_MAX_SPEED_HZ, struct.pack("=I", SPEED_HZ))


def _remedy(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "switch SPI on (raspi-config, Interface Options, SPI) and look for /dev/spidev*"
    return "the user of the daemon must be in the group spi"
