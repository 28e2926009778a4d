"""APA102 pixels ("DotStar") on two plain GPIO lines, bit by bit: Adafruit's Voice Bonnet and BrainCraft.

Three pixels take 168 bits, so some 400 changes of a line through gpiozero and lgpio. That should be below
10 ms on a Pi Zero 2 W, but has not been measured on one; a scene that moves does it twenty times a second.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from hw.base import Colour, LedError, Leds
from hw.gpio.gpio import claim_output, pin_names, release, translated
from hw.lights.apa102 import encode
from hw.lights.kinds import Lights


class DotStarLeds:
    """`Leds` of `count` pixels on a data line and a clock line. Event loop only."""

    def __init__(self, pins: Sequence[int], count: int, brightness: float, pin_factory: Any) -> None:
        """Claim the lines and turn all pixels off. `pins`: BCM numbers of data, clock. Raises LedError."""
        self._name = pin_names(pins)
        self._brightness = brightness
        self._lines: list[Any] = []
        self.count = count
        try:
            for pin in pins:
                self._lines.append(claim_output(pin, pin_factory))
            self._send((Colour(),) * count)
        except LedError:
            self._release()
            raise

    def show(self, pixels: Sequence[Colour]) -> None:
        """Show the pixels. Raises LedError, also for another number of pixels than there are."""
        if len(pixels) != self.count:
            raise LedError(self._name, f"has {self.count} pixels and was given {len(pixels)}")
        self._send(pixels)

    def close(self) -> None:
        """All dark, and give the lines back. Never raises."""
        if self._lines:
            with contextlib.suppress(LedError):
                self._send((Colour(),) * self.count)
        self._release()

    def _send(self, pixels: Sequence[Colour]) -> None:
        if not self._lines:
            raise LedError(self._name, "is closed")
        data, clock = (line.pin for line in self._lines)
        with translated(LedError, self._name):
            shift_out(encode(pixels, self._brightness), data, clock)

    def _release(self) -> None:
        lines, self._lines = self._lines, []
        for line in lines:
            release(line)


def shift_out(frame: bytes, data: Any, clock: Any) -> None:
    """Put each bit, highest first, on `data` and raise `clock`, at which the pixels take it (data sheet).

    Both are gpiozero pins; both are low afterwards. The data line is touched only where it changes.
    """
    level = 0
    for byte in frame:
        for place in (7, 6, 5, 4, 3, 2, 1, 0):
            bit = byte >> place & 1
            if bit != level:
                data.state = level = bit
            clock.state = 1
            clock.state = 0
    data.state = 0


def open_lights(lights: Lights, brightness: float, gpio_lines: Callable[[], Any]) -> Leds:
    """The pixels, dark. Raises LedError."""
    return DotStarLeds(lights.pins, lights.count, brightness, gpio_lines())
