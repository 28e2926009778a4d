"""Plain LEDs on GPIO lines: one for all colours, or one for red, green and blue each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hw.base import Leds
from hw.gpio.gpio import GpioLeds
from hw.lights.kinds import Lights


def open_lights(lights: Lights, brightness: float, gpio_lines: Callable[[], Any]) -> Leds:
    """The LEDs, dark. Raises LedError."""
    return GpioLeds(lights.pins, brightness, gpio_lines(), active_high=lights.active == "high")
