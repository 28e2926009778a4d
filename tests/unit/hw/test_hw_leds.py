"""NeoPixels, DotStars and the kernel's LEDs: bits, edges, files; and what all lights promise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from hw.base import Colour, LedError, Leds
from hw.gpio.gpio import GpioLeds
from hw.lights import apa102
from hw.lights.dotstar import DotStarLeds
from hw.lights.neopixel import RESET_BYTES, SPEED_HZ, NeoPixelLeds, encode
from hw.lights.spi import SPI_IOC_WR_MAX_SPEED_HZ
from hw.lights.sysfs import SysfsLeds

RED, BLUE, DARK = Colour(red=255), Colour(blue=255), Colour()

DATA, CLOCK = 5, 6


def no_ioctl(bus: int, request: int, value: bytes) -> None:
    """A file in the place of a bus takes every setting."""


# --- NeoPixels


def pulses(frame: bytes) -> str:
    """The line's levels: one character for each SPI bit."""
    return "".join(f"{byte:08b}" for byte in frame)


def decoded(frame: bytes) -> bytes:
    """What a pixel reads: after a low start, 1 for each pulse of two bits' length and 0 for one of one."""
    line = pulses(frame).strip("0")
    assert pulses(frame).startswith("0")
    groups = [line[at : at + 4].ljust(4, "0") for at in range(0, len(line), 4)]
    assert set(groups) <= {"1000", "1100"}
    bits = "".join("1" if group == "1100" else "0" for group in groups)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def test_a_neopixel_s_bits_are_short_and_long_pulses() -> None:
    frame = encode([Colour(green=0b1010_0101)], 1.0, "g")
    assert pulses(frame[1:5]) == "11001000110010001000110010001100"
    assert frame == bytes(1) + frame[1:5] + bytes(RESET_BYTES)


@pytest.mark.parametrize(
    ("order", "sent"),
    [("grb", [2, 1, 3]), ("rgb", [1, 2, 3]), ("grbw", [2, 1, 3, 0]), ("rgbw", [1, 2, 3, 0])],
)
def test_a_neopixel_takes_its_colours_in_its_own_order(order: str, sent: list[int]) -> None:
    assert decoded(encode([Colour(1, 2, 3)] * 2, 1.0, order)) == bytes(sent * 2)


def test_pulses_and_pause_last_as_long_as_the_data_sheets_say() -> None:
    bit_ns = 1e9 / SPEED_HZ
    assert 220 <= bit_ns <= 380 and 580 <= 2 * bit_ns <= 750
    assert 4 * bit_ns == pytest.approx(1250)
    assert RESET_BYTES * 8 * bit_ns >= 280_000


def test_a_neopixel_is_dimmed_and_never_dark() -> None:
    assert decoded(encode([Colour(255, 10, 1)], 0.1, "rgb")) == bytes([26, 1, 1])
    assert decoded(encode([Colour(255, 0, 0)], 2.0, "rgb")) == bytes([255, 0, 0])


def test_the_longest_chain_fits_into_one_transfer_of_spidev() -> None:
    assert len(encode([RED] * 64, 1.0, "grbw")) <= 4096  # spidev's bufsiz


def test_neopixels_start_and_end_dark_at_their_own_speed(tmp_path: Path) -> None:
    bus = tmp_path / "spidev0.0"
    bus.touch()
    settings: dict[int, bytes] = {}

    def ioctl(_bus: int, request: int, value: bytes) -> None:
        settings[request] = value

    leds = NeoPixelLeds(str(bus), 2, 1.0, "grb", ioctl)
    leds.show([RED, BLUE])
    leds.close()
    dark = encode([DARK, DARK], 1.0, "grb")
    assert bus.read_bytes() == dark + encode([RED, BLUE], 1.0, "grb") + dark
    assert int.from_bytes(settings[SPI_IOC_WR_MAX_SPEED_HZ], "little") == SPEED_HZ


# --- DotStars on two lines


class Wires(MockFactory):  # type: ignore[misc]  # gpiozero ships no types
    """Two lines, of which the data line is read at each rise of the clock, as pixels do."""

    def __init__(self) -> None:
        super().__init__()
        self.bits = ""

        class Clock(type(self.pin(CLOCK))):  # type: ignore[misc]  # the class is a matter of the factory
            def _change_state(clock, value: bool) -> bool:
                changed: bool = super()._change_state(value)
                if changed and value:
                    self.bits += str(int(self.pin(DATA).state))
                return changed

        self.pins[self.pin(CLOCK).info] = Clock(self, self.pin(CLOCK).info)

    def frame(self) -> bytes:
        """What came since the last time."""
        bits, self.bits = self.bits, ""
        return int(bits, 2).to_bytes(len(bits) // 8, "big") if bits else b""


def test_dotstars_get_the_same_bits_on_two_lines_as_on_spi() -> None:
    wires = Wires()
    leds = DotStarLeds((DATA, CLOCK), 3, 0.5, wires)
    assert wires.frame() == apa102.encode([DARK] * 3, 0.5)
    leds.show([RED, Colour(1, 2, 3), BLUE])
    assert wires.frame() == apa102.encode([RED, Colour(1, 2, 3), BLUE], 0.5)
    assert not wires.pin(DATA).state and not wires.pin(CLOCK).state
    leds.close()
    assert wires.frame() == apa102.encode([DARK] * 3, 0.5)


def test_dotstars_give_both_lines_back() -> None:
    wires = Wires()
    for _ in range(2):
        DotStarLeds((DATA, CLOCK), 3, 1.0, wires).close()


def test_a_line_that_is_taken_is_named_and_the_other_given_back() -> None:
    wires = Wires()
    lamp = GpioLeds((CLOCK,), 1.0, wires)
    with pytest.raises(LedError, match="GPIO 6: is used by another device"):
        DotStarLeds((DATA, CLOCK), 3, 1.0, wires)
    lamp.close()
    DotStarLeds((DATA, CLOCK), 3, 1.0, wires).close()


def test_dotstars_that_are_closed_say_so() -> None:
    leds = DotStarLeds((DATA, CLOCK), 3, 1.0, Wires())
    leds.close()
    leds.close()
    with pytest.raises(LedError, match="is closed"):
        leds.show([RED] * 3)


# --- the kernel's LEDs


def make_led(folder: Path, name: str, full: int = 255, **files: str) -> Path:
    place = folder / name
    place.mkdir()
    for file, text in {"brightness": "0", "max_brightness": f"{full}\n", **files}.items():
        (place / file).write_text(text, "ascii")
    return place


def test_one_led_shows_the_brightest_channel_within_the_limit(tmp_path: Path) -> None:
    place = make_led(tmp_path, "ACT")
    leds = SysfsLeds(["ACT"], 0.5, tmp_path)
    leds.show([Colour(10, 200, 30)])
    assert (place / "brightness").read_text() == "100"
    leds.close()
    assert (place / "brightness").read_text() == "0"


def test_an_led_that_can_only_be_on_is_on_while_anything_is_lit(tmp_path: Path) -> None:
    place = make_led(tmp_path, "ACT", full=1)
    leds = SysfsLeds(["ACT"], 0.02, tmp_path)
    leds.show([Colour(blue=1)])
    assert (place / "brightness").read_text() == "1"


def test_three_leds_are_red_green_and_blue(tmp_path: Path) -> None:
    places = [make_led(tmp_path, f"led{number}") for number in (1, 2, 3)]
    SysfsLeds(["led1", "led2", "led3"], 1.0, tmp_path).show([Colour(1, 2, 3)])
    assert [(place / "brightness").read_text() for place in places] == ["1", "2", "3"]


def test_a_group_gets_its_colours_in_its_own_order(tmp_path: Path) -> None:
    place = make_led(tmp_path, "rgb", multi_index="blue white red green\n", multi_intensity="")
    SysfsLeds(["rgb"], 0.5, tmp_path).show([Colour(200, 100, 2)])
    assert (place / "multi_intensity").read_text() == "1 0 100 50"
    assert (place / "brightness").read_text() == "255"


def test_the_kernel_s_trigger_is_taken_off_and_put_back(tmp_path: Path) -> None:
    place = make_led(tmp_path, "ACT", trigger="none timer [mmc0] heartbeat\n")
    leds = SysfsLeds(["ACT"], 1.0, tmp_path)
    assert (place / "trigger").read_text() == "none"
    leds.close()
    assert (place / "trigger").read_text() == "mmc0"
    (place / "trigger").write_text("timer [none]\n")
    leds.close()
    assert (place / "trigger").read_text() == "timer [none]\n"


def test_a_trigger_is_put_back_if_the_next_led_cannot_be_had(tmp_path: Path) -> None:
    place = make_led(tmp_path, "led1", trigger="none [mmc0]\n")
    make_led(tmp_path, "led2")
    make_led(tmp_path, "led3")
    (tmp_path / "led3/brightness").unlink()
    (tmp_path / "led3/brightness").mkdir()
    with pytest.raises(LedError, match="Is a directory"):
        SysfsLeds(["led1", "led2", "led3"], 1.0, tmp_path)
    assert (place / "trigger").read_text() == "mmc0"


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["none"], "none: is not there; `ls /sys/class/leds`"),
        (["odd"], "odd: is no LED of the kernel's"),
        (["a", "b"], "a b: lights need one name, or three"),
    ],
)
def test_an_led_that_cannot_be_had_is_told(tmp_path: Path, names: list[str], told: str) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/max_brightness").write_text("much")
    with pytest.raises(LedError, match=told):
        SysfsLeds(names, 1.0, tmp_path)


# --- what all lights promise


def open_gpio(folder: Path) -> Leds:
    return GpioLeds((16, 20, 21), 0.3, MockFactory(pin_class=MockPWMPin))


def open_dotstar(folder: Path) -> Leds:
    return DotStarLeds((DATA, CLOCK), 3, 0.3, MockFactory())


def open_apa102(folder: Path) -> Leds:
    (folder / "bus").touch()
    return apa102.Apa102Leds(str(folder / "bus"), 12, 0.3, no_ioctl)


def open_neopixel(folder: Path) -> Leds:
    (folder / "bus").touch()
    return NeoPixelLeds(str(folder / "bus"), 12, 0.3, "grb", no_ioctl)


def open_sysfs(folder: Path) -> Leds:
    make_led(folder, "ACT")
    return SysfsLeds(["ACT"], 0.3, folder)


@pytest.mark.parametrize("opened", [open_gpio, open_dotstar, open_apa102, open_neopixel, open_sysfs])
class TestAllLights:
    def test_show_as_many_pixels_as_they_count(self, tmp_path: Path, opened: Callable[[Path], Leds]) -> None:
        leds = opened(tmp_path)
        assert leds.count >= 1
        leds.show([BLUE] * leds.count)
        leds.close()

    def test_refuse_another_number_of_pixels(self, tmp_path: Path, opened: Callable[[Path], Leds]) -> None:
        leds = opened(tmp_path)
        with pytest.raises((LedError, ValueError)):
            leds.show([BLUE] * (leds.count + 1))
        leds.close()

    def test_may_be_closed_twice(self, tmp_path: Path, opened: Callable[[Path], Leds]) -> None:
        leds = opened(tmp_path)
        leds.close()
        leds.close()
