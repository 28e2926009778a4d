"""APA102 pixels: the bits, and a bus that is a file."""

from __future__ import annotations

import errno
import os
import resource
import struct
from pathlib import Path

import pytest

from hw.base import Colour, LedError
from hw.lights.apa102 import SPEED_HZ, Apa102Leds, encode
from hw.lights.spi import SPI_IOC_WR_MAX_SPEED_HZ, SPI_IOC_WR_MODE

RED = Colour(red=255)


class Bus:
    """A file in the place of /dev/spidev0.0, and the settings that it was given."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings: dict[int, bytes] = {}
        path.touch()

    def ioctl(self, descriptor: int, request: int, value: bytes) -> None:
        self.settings[request] = value

    def open(self, count: int = 3, brightness: float = 1.0) -> Apa102Leds:
        return Apa102Leds(str(self.path), count, brightness, self.ioctl)


@pytest.fixture
def bus(tmp_path: Path) -> Bus:
    return Bus(tmp_path / "spidev0.0")


def test_one_pixel_is_start_mark_blue_green_red_end() -> None:
    assert encode([Colour(1, 2, 3)], 1.0) == bytes(4) + bytes([0xFF, 3, 2, 1]) + bytes(5)


@pytest.mark.parametrize(
    ("brightness", "mark"), [(0.0, 0xE0), (0.001, 0xE1), (0.3, 0xE9), (1.0, 0xFF), (2.0, 0xFF)]
)
def test_brightness_has_31_steps_of_which_none_is_dark_but_0(brightness: float, mark: int) -> None:
    assert encode([RED], brightness)[4] == mark


@pytest.mark.parametrize("count", [1, 3, 12, 16, 17, 64])
def test_the_end_gives_each_pixel_half_a_clock_and_the_sk9822_its_32_bits(count: int) -> None:
    end = encode([RED] * count, 1.0)[4 + 4 * count :]
    assert not any(end)
    assert 8 * len(end) >= 32 + count / 2


def test_the_bus_is_set_up_and_the_pixels_start_dark(bus: Bus) -> None:
    leds = bus.open()
    assert bus.settings[SPI_IOC_WR_MODE] == b"\0"
    assert bus.settings[SPI_IOC_WR_MAX_SPEED_HZ] == struct.pack("=I", SPEED_HZ)
    assert bus.path.read_bytes() == encode([Colour()] * 3, 1.0)
    leds.close()


def test_pixels_are_written_as_a_whole_and_closing_makes_them_dark(bus: Bus) -> None:
    leds = bus.open(brightness=0.5)
    leds.show([RED, Colour(), RED])
    leds.close()
    dark = encode([Colour()] * 3, 0.5)
    assert bus.path.read_bytes() == dark + encode([RED, Colour(), RED], 0.5) + dark


def test_another_number_of_pixels_is_an_error(bus: Bus) -> None:
    leds = bus.open()
    with pytest.raises(LedError, match="has 3 pixels and was given 1"):
        leds.show([RED])
    leds.close()


def test_closing_twice_leaves_the_file_of_another_alone(bus: Bus, tmp_path: Path) -> None:
    leds = bus.open()
    leds.close()
    other = os.open(tmp_path / "other", os.O_RDWR | os.O_CREAT)  # takes the number that has become free
    try:
        leds.close()
        assert os.fstat(other).st_size == 0
    finally:
        os.close(other)


def test_showing_after_closing_is_an_error(bus: Bus) -> None:
    leds = bus.open()
    leds.close()
    with pytest.raises(LedError, match="is closed"):
        leds.show([RED] * 3)


def test_a_bus_that_takes_only_a_part_is_an_error(bus: Bus) -> None:
    leds = bus.open()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bus.path.stat().st_size + 5, hard))
    try:
        with pytest.raises(LedError, match="took 5 of 21 bytes"):
            leds.show([RED] * 3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    leds.close()


def test_a_bus_that_is_not_there_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(LedError, match="raspi-config") as caught:
        Apa102Leds(str(tmp_path / "none"), 3, 1.0)
    assert caught.value.permanent


def test_a_file_that_is_no_bus_is_an_error(bus: Bus) -> None:
    with pytest.raises(LedError, match="no SPI bus") as caught:
        Apa102Leds(str(bus.path), 3, 1.0)
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("number", "advice"), [(errno.EACCES, "group spi"), (errno.EIO, "Input/output error")]
)
def test_only_who_may_not_open_the_bus_is_sent_to_the_group(bus: Bus, number: int, advice: str) -> None:
    def ioctl(descriptor: int, request: int, value: bytes) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(LedError) as caught:
        Apa102Leds(str(bus.path), 3, 1.0, ioctl)
    assert advice in str(caught.value)
    assert ("group spi" in str(caught.value)) is (number == errno.EACCES)


def test_a_bus_that_cannot_be_set_up_is_given_back(bus: Bus) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(LedError):
        Apa102Leds(str(bus.path), 3, 1.0)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
