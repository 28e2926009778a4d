"""Pixels on an SPI bus, whatever their chip: the bus is written through the kernel's spidev file.

The standard library alone does that. What the bits mean is the chip's affair: see `apa102` and `neopixel`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
from collections.abc import Callable, Iterator, Sequence

from hw.base import Colour, LedError

SPI_IOC_WR_MODE = 0x4001_6B01
SPI_IOC_WR_BITS_PER_WORD = 0x4001_6B03
SPI_IOC_WR_MAX_SPEED_HZ = 0x4004_6B04
"""linux/spi/spidev.h: _IOW('k', 1, __u8), _IOW('k', 3, __u8), _IOW('k', 4, __u32)."""

SPI_MODE_0 = 0
BITS_PER_WORD = 8

CAUSES: dict[int, str] = {
    # what is wrong and what to do, where trying again is of no use
    errno.ENOENT: "is not there: switch SPI on (raspi-config, Interface Options, SPI); look for /dev/spidev*",
    errno.ENOTTY: "is no SPI bus; look for /dev/spidev*",
    errno.EACCES: "may not be opened: the user of the daemon must be in the group spi",
}

Encode = Callable[[Sequence[Colour]], bytes]
"""The bits that show these pixels."""

Ioctl = Callable[[int, int, bytes], object]


class SpiLeds:
    """`Leds` of `count` pixels on a spidev file. Event loop only: a write takes as long as its bits."""

    def __init__(
        self, path: str, count: int, encode: Encode, speed_hz: int, ioctl: Ioctl = fcntl.ioctl
    ) -> None:
        """Open the bus and turn all pixels off. Raises LedError."""
        self._path = path
        self._encode = encode
        self._bus: int | None = None
        self.count = count
        with self._translated():
            self._bus = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            with self._translated():
                self._set_up(ioctl, speed_hz)
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
        frame = self._encode(pixels)
        taken = os.write(self._open_bus(), frame)
        if taken != len(frame):
            raise OSError(errno.EIO, f"took {taken} of {len(frame)} bytes")

    def _set_up(self, ioctl: Ioctl, speed_hz: int) -> None:
        bus = self._open_bus()
        ioctl(bus, SPI_IOC_WR_MODE, struct.pack("B", SPI_MODE_0))
        ioctl(bus, SPI_IOC_WR_BITS_PER_WORD, struct.pack("B", BITS_PER_WORD))
        ioctl(bus, SPI_IOC_WR_MAX_SPEED_HZ, struct.pack("=I", speed_hz))

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
