"""APA102 and SK9822 pixels ("DotStar") on an SPI bus: the three lights of a ReSpeaker, and others like it.

The bus is written through the kernel's spidev file with the standard library alone.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
from collections.abc import Callable, Iterator, Sequence

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
"""Slow enough for poor leads (the slower kind of pixels takes 15 MHz: SK9822 data sheet), and fast enough:
12 pixels are written in half a millisecond."""

CAUSES: dict[int, str] = {
    # what is wrong and what to do, where trying again is of no use
    errno.ENOENT: "is not there: switch SPI on (raspi-config, Interface Options, SPI); look for /dev/spidev*",
    errno.ENOTTY: "is no SPI bus; look for /dev/spidev*",
    errno.EACCES: "may not be opened: the user of the daemon must be in the group spi",
}


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
        self._bus: int | None = None
        self.count = count
        with self._translated():
            self._bus = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            with self._translated():
                self._set_up(ioctl)
                self._write((Colour(),) * count)
        except LedError:
            self._give_back()
            raise

    def show(self, pixels: Sequence[Colour]) -> None:
        """Show the pixels. Raises LedError, also for another number of pixels than there are."""
        if len(pixels) != self.count:
            raise LedError(self._path, f"has {self.count} pixels and was given {len(pixels)}")
        with self._translated():
            self._write(pixels)

    def close(self) -> None:
        """All dark, and give the bus back. Never raises."""
        if self._bus is None:
            return
        with contextlib.suppress(OSError):  # the bus has gone, and the lights with it
            self._write((Colour(),) * self.count)
        self._give_back()

    def _write(self, pixels: Sequence[Colour]) -> None:
        """The kernel sends a frame whole or fails (drivers/spi/spidev.c); a part means that it is no bus."""
        frame = encode(pixels, self._brightness)
        taken = os.write(self._open_bus(), frame)
        if taken != len(frame):
            raise OSError(errno.EIO, f"took {taken} of {len(frame)} bytes")

    def _set_up(self, ioctl: Callable[[int, int, bytes], object]) -> None:
        bus = self._open_bus()
        ioctl(bus, SPI_IOC_WR_MODE, struct.pack("B", SPI_MODE_0))
        ioctl(bus, SPI_IOC_WR_BITS_PER_WORD, struct.pack("B", BITS_PER_WORD))
        ioctl(bus, SPI_IOC_WR_MAX_SPEED_HZ, struct.pack("=I", SPEED_HZ))

    def _open_bus(self) -> int:
        if self._bus is None:
            raise OSError(errno.EBADF, "is closed")
        return self._bus

    def _give_back(self) -> None:
        """Forget the number first: once the bus is closed, the next file that anybody opens may have it."""
        bus, self._bus = self._bus, None
        if bus is not None:
            with contextlib.suppress(OSError):
                os.close(bus)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            words = CAUSES.get(error.errno or 0)
            told = words or f"cannot be driven: {error.strerror}"
            raise LedError(self._path, told, permanent=words is not None) from error
