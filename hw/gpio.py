"""Button and LEDs on GPIO lines, through gpiozero and lgpio.

gpiozero takes a second or more to import on a small board; that happens when the first line is opened.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hw.base import ButtonError, Colour, DeviceError, EdgeCallback, LedError
from hw.debounce import Debouncer

LEAST_DUTY = 0.01
"""lgpio's software PWM has steps of 1 %; below the first, a channel that should be lit would be dark."""

PINS_OF_RGB = 3

CLOSE_TIMEOUT_S = 1.0

REMEDY = "is another program using it, and is the user of the daemon in the group gpio?"


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonSpec:
    """A push button: its line (BCM number) and how it is wired."""

    pin: int
    pull: str = "up"
    """`up`, `down` or `none`: the resistor inside the chip."""
    active: str = "low"
    """`low` or `high`: the level of the line while the button is pressed."""
    debounce_s: float = 0.02


def open_pin_factory() -> Any:
    """gpiozero's lgpio pins: what a board needs once, for all its lines. Raises DeviceError."""
    # lgpio makes a pipe in its working folder when it is imported; a service may not write to that folder.
    os.environ.setdefault("LG_WD", os.environ.get("RUNTIME_DIRECTORY") or tempfile.gettempdir())
    try:
        from gpiozero.pins.lgpio import LGPIOFactory
    except ImportError as error:
        raise DeviceError("GPIO", f"gpiozero or lgpio cannot be loaded: {error}", permanent=True) from error
    try:
        return LGPIOFactory()
    except _gpio_errors() as error:
        raise DeviceError("GPIO", f"there are no lines that could be used ({error})") from error


def _gpio_errors() -> tuple[type[Exception], ...]:
    """What gpiozero raises, and lgpio through it."""
    from gpiozero import GPIOZeroError

    lgpio = sys.modules.get("lgpio")
    return (GPIOZeroError, OSError, *((lgpio.error,) if lgpio else ()))


class GpioButton:
    """A `Button`. The callback is called on a thread of this class."""

    def __init__(
        self,
        spec: ButtonSpec,
        on_edge: EdgeCallback,
        pin_factory: Any,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Claim the line; a button that is held down at that moment is reported when it is pressed again.

        Raises ButtonError.
        """
        self._on_edge = on_edge
        self._clock = clock
        self._means_pressed = _means_pressed(spec)
        self._changed = threading.Condition()
        self._closed = False
        self._line = _claim_line(spec, pin_factory)
        self._debouncer = Debouncer(spec.debounce_s, pressed=self._is_pressed())
        self._line.when_activated = self._line.when_deactivated = self._on_change
        self._thread = threading.Thread(target=self._run, name="button", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Release the line; no callback after this."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._line.close()
        if threading.current_thread() is not self._thread:
            self._thread.join(CLOSE_TIMEOUT_S)

    def _is_pressed(self) -> bool:
        return bool(self._line.is_active) == self._means_pressed

    def _on_change(self) -> None:
        """Called on gpiozero's thread."""
        with self._changed:
            self._debouncer.changed(self._clock())
            self._changed.notify()

    def _run(self) -> None:
        while (edge := self._next_edge()) is not None:
            self._on_edge(*edge)

    def _next_edge(self) -> tuple[bool, float] | None:
        """Wait for an edge; None when the button was closed."""
        with self._changed:
            while not self._closed:
                edge = self._debouncer.settle(self._is_pressed(), self._clock())
                if edge is not None:
                    return edge
                due_s = self._debouncer.due_s
                self._changed.wait(None if due_s is None else max(0.0, due_s - self._clock()))
            return None


def _means_pressed(spec: ButtonSpec) -> bool:
    """Whether gpiozero's "active" is the pressed button.

    With a pull resistor gpiozero takes the opposite level for active; without one the line's wiring says.
    """
    rest = {"up": "high", "down": "low"}.get(spec.pull)
    return rest is None or rest != spec.active


def _claim_line(spec: ButtonSpec, pin_factory: Any) -> Any:
    from gpiozero import DigitalInputDevice

    pull_up = {"up": True, "down": False}.get(spec.pull)
    active = (spec.active == "high") if pull_up is None else None
    try:
        return DigitalInputDevice(spec.pin, pull_up=pull_up, active_state=active, pin_factory=pin_factory)
    except _gpio_errors() as error:
        raise ButtonError(f"GPIO {spec.pin}", f"cannot be used for the button ({error}); {REMEDY}") from error


class GpioLeds:
    """`Leds` of one pixel: one LED for all colours, or one for red, green and blue each. Event loop only."""

    count = 1

    def __init__(
        self, pins: Sequence[int], brightness: float, pin_factory: Any, *, active_high: bool = True
    ) -> None:
        """Claim the lines, dark. `pins` is one BCM number, or those of red, green, blue. Raises LedError."""
        self._name = "GPIO " + ", ".join(map(str, pins))
        if len(pins) not in (1, PINS_OF_RGB):
            raise LedError(self._name, "lights need one pin, or three: red, green, blue", permanent=True)
        self._brightness = brightness
        self._lamps: list[Any] = []
        try:
            self._claim(pins, pin_factory, active_high)
        except _gpio_errors() as error:
            self.close()
            raise LedError(self._name, f"cannot be used for lights ({error}); {REMEDY}") from error

    def show(self, pixels: Sequence[Colour]) -> None:
        """Show the one pixel. Raises LedError."""
        (pixel,) = pixels
        try:
            wanted = duties(pixel, self._brightness, len(self._lamps))
            for lamp, duty in zip(self._lamps, wanted, strict=True):
                if lamp.value != duty:
                    lamp.value = duty
        except _gpio_errors() as error:
            raise LedError(self._name, f"cannot be driven ({error})") from error

    def close(self) -> None:
        """Dark, and give the lines back."""
        for lamp in self._lamps:
            lamp.close()

    def _claim(self, pins: Sequence[int], pin_factory: Any, active_high: bool) -> None:
        from gpiozero import PWMLED

        for pin in pins:
            self._lamps.append(PWMLED(pin, active_high=active_high, pin_factory=pin_factory))


def duties(pixel: Colour, brightness: float, lamps: int) -> tuple[float, ...]:
    """The duty cycle, 0 to 1, of each lamp: of the only one, or of red, green and blue."""
    channels = (pixel.brightest,) if lamps == 1 else (pixel.red, pixel.green, pixel.blue)
    return tuple(_duty(channel, brightness) for channel in channels)


def _duty(channel: int, brightness: float) -> float:
    duty = round(channel / 255 * min(brightness, 1.0), 2)
    return max(LEAST_DUTY, duty) if channel and brightness > 0 else 0.0
