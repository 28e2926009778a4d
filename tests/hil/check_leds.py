"""Lights that the kernel drives: real devices of its LED class, whose other end is read here (uleds)."""

from __future__ import annotations

import contextlib
import os
import select
import struct
from collections.abc import Iterator
from pathlib import Path

import machine
import pytest
from machine import ask, configured, fresh_start, wait_for

NAMES = ("conure:red", "conure:green", "conure:blue")
FULL = 255


class Led:
    """A new LED of the kernel's, for as long as its file is open.

    linux/uleds.h: a name of 64 bytes and the highest brightness are written; what can then be read is each
    brightness that it is given, as an int.
    """

    def __init__(self, name: str) -> None:
        self.folder = Path("/sys/class/leds", name)
        self.level = 0
        self._file = os.open("/dev/uleds", os.O_RDWR | os.O_NONBLOCK)
        os.write(self._file, struct.pack("=64si", name.encode(), FULL))

    def look(self) -> int:
        """What it shines with now."""
        while select.select([self._file], [], [], 0)[0]:
            self.level = struct.unpack("=i", os.read(self._file, 4))[0]
        return self.level

    def close(self) -> None:
        os.close(self._file)


@pytest.fixture
def leds() -> Iterator[list[Led]]:
    """A red, a green and a blue one, as a driver brings them; udev has dealt with them."""
    machine.run("modprobe", "uleds")
    with contextlib.ExitStack() as stack:
        made = []
        for name in NAMES:
            led = Led(name)
            stack.callback(led.close)
            made.append(led)
        machine.run("udevadm", "settle")
        yield made


def test_the_kernels_leds_light_up(leds: list[Led]) -> None:
    """The files are below /sys/devices, which the unit protects but for them; udev gave them to the group."""
    for led in leds:
        assert (led.folder / "brightness").group() == "gpio"
    words = " ".join(NAMES)
    change = ('kind = "rgb"\npins = [22, 23, 24]', f'kind = "sysfs"\nleds = "{words}"')
    with configured(change):
        fresh_start()
        assert [led.look() for led in leds] == [0, 0, 0]
        ask("mute")
        wait_for(lambda: leds[0].look() > 0, "red: it is muted")
        ask("unmute")
        wait_for(lambda: [led.look() for led in leds] == [0, 0, 0], "dark")
        ask("talk")
        wait_for(lambda: leds[2].look() > 0, "blue: it listens")
        assert leds[0].look() == 0
        ask("stop")
        wait_for(lambda: [led.look() for led in leds] == [0, 0, 0], "dark again")
    fresh_start()
