"""The kinds of lights: a row for each, with what it is wired to and which module drives it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LightKind:
    """One kind of lights."""

    opens: str
    """Its driver: the module's `open_lights` takes `Lights`, a brightness, and the giver of GPIO lines."""
    pins: str = ""
    """What the GPIO lines are, in order, separated by commas; empty: it is not wired to any."""
    spi: bool = False
    """On an SPI bus."""
    chain: bool = False
    """A number of pixels in a row."""
    named: bool = False
    """LEDs of the kernel's, by their names."""

    @property
    def pin_count(self) -> int:
        """How many GPIO lines it needs."""
        return len(self.pins.split(", ")) if self.pins else 0


KINDS = {
    "led": LightKind("hw.lights.lines", pins="LED"),
    "rgb": LightKind("hw.lights.lines", pins="red, green, blue"),
    "apa102": LightKind("hw.lights.apa102", spi=True, chain=True),
    "dotstar": LightKind("hw.lights.dotstar", pins="data, clock", chain=True),
    "neopixel": LightKind("hw.lights.neopixel", spi=True, chain=True),
    "sysfs": LightKind("hw.lights.sysfs", named=True),
}
"""By the word that the configuration and the boards' files have for it."""

ORDERS = ("grb", "rgb", "grbw", "rgbw")
"""In which order a NeoPixel takes its colours: WS2812B grb, SK6812 RGBW grbw (data sheets)."""

NAMES_OF_LEDS = (1, 3)
"""One LED for all colours, or one for red, green and blue each."""

_NUMBERS = {1: "one pin", 2: "two pins", 3: "three pins"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lights:
    """What is wired to shine: the kind, and what that kind needs."""

    kind: str
    """A key of `KINDS`."""
    pins: tuple[int, ...] = ()
    """BCM numbers."""
    active: str = "high"
    """The level of a line that lights an LED: high or low."""
    count: int = 1
    """Pixels."""
    spi: str = "/dev/spidev0.0"
    leds: tuple[str, ...] = ()
    """Names in /sys/class/leds."""
    order: str = "grb"
    """One of `ORDERS`."""


def lacks(lights: Lights) -> Iterator[tuple[str, str]]:
    """What the kind needs and does not have: the field, and what it needs there, in words."""
    kind = KINDS[lights.kind]
    if kind.pins and len(lights.pins) != kind.pin_count:
        words = _NUMBERS[kind.pin_count]
        yield "pins", f"{words}: {kind.pins}" if kind.pin_count > 1 else words
    if kind.named and len(lights.leds) not in NAMES_OF_LEDS:
        yield "leds", "one name, or three: of the red, the green and the blue LED"


def strays(lights: Lights) -> Iterator[str]:
    """The fields that are given, and of no use to the kind."""
    kind = KINDS[lights.kind]
    if lights.pins and not kind.pins:
        yield "pins"
    if lights.leds and not kind.named:
        yield "leds"
