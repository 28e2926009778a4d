"""Button and LEDs on GPIO lines, through gpiozero and lgpio.

gpiozero takes a second or more to import on a small board; that happens when the first line is opened.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from hw.base import ButtonError, Colour, DeviceError, EdgeCallback, LedError
from hw.gpio.debounce import Debouncer, Edge

LEAST_DUTY = 0.01
"""lgpio's software PWM has steps of 1 %; below the first, a channel that should be lit would be dark."""

PWM_HZ = 100
"""Too fast to be seen, and little work; gpiozero's own choice (output_devices.py, PWMOutputDevice)."""

PINS_OF_RGB = 3

CLOSE_TIMEOUT_S = 1.0

CHIP_CLOSED = "can not open gpiochip"
"""lgErr.c, LG_CANNOT_OPEN_CHIP."""

CAUSES: dict[str, tuple[str, bool]] = {
    # gpiozero's exception (exc.py) or lgpio's words (lgErr.c): what is wrong and what to do, and whether
    # trying again is of no use
    "PinUnknownPi": ("there is no GPIO here: this machine is no Raspberry Pi", True),
    "PinInvalidPin": ("there is no such line; pins are BCM numbers, 0 to 27 on the header", True),
    "PinFixedPull": ("has a pull-up resistor on the board: set the pull to up, or take another pin", True),
    "GPIOPinInUse": ("is used by another device of this program: give each a pin of its own", True),
    "GPIO busy": ("is held by another program or by the kernel: gpioinfo tells by which", False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonSpec:
    """A push button: its line (BCM number) and how it is wired."""

    pin: int
    pull: str = "up"
    """`up`, `down` or `none`: the resistor inside the chip."""
    active: str = "low"
    """`low` or `high`: the level of the line while the button is pressed."""
    debounce_s: float = 0.02


# --- the chip --------------------------------------------------------------------------------------


def open_pin_factory(error_type: type[DeviceError] = DeviceError, device: str = "GPIO") -> Any:
    """gpiozero's lgpio pins: what a board needs once, for all its lines.

    Raises `error_type`, which names `device`: the line for whose sake the chip is opened.
    """
    factory_class = _load_factory_class(error_type, device)
    try:
        return factory_class()
    except _gpio_errors() as error:
        raise _told(error, error_type, device) from _without_frames(error)


def close_pin_factory(factory: Any) -> None:
    """Give the chip back. Never raises."""
    with contextlib.suppress(*_gpio_errors()):
        factory.close()


def _load_factory_class(error_type: type[DeviceError], device: str) -> Any:
    """Import lgpio where it may make the pipe that it leaves in its working folder.

    It opens both ends while it is imported, so the folder may go at once. The working folder is the whole
    process's: gpiozero, which takes longer, is imported before.
    """
    try:
        import_module("gpiozero")
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            from gpiozero.pins.lgpio import LGPIOFactory
    except (ImportError, AttributeError) as error:  # an lgpio that is a stub lacks what gpiozero looks for
        message = (
            f"gpiozero or lgpio cannot be loaded ({error}); lgpio must be 0.2 or newer: 0.0.0.2 is empty"
        )
        raise error_type(device, message, permanent=True) from error
    except OSError as error:
        raise error_type(device, f"lgpio needs a temporary folder for its pipe ({error})") from error
    return LGPIOFactory


# --- errors ----------------------------------------------------------------------------------------


def explain(error: Exception) -> tuple[str, bool]:
    """What an error of gpiozero or lgpio means, with the remedy; and whether trying again is of no use."""
    lgpio_words = getattr(error, "value", "")
    if lgpio_words == CHIP_CLOSED:
        return closed_chip()
    known = CAUSES.get(type(error).__name__) or CAUSES.get(lgpio_words)
    return known or (f"cannot be used ({error})", False)


def closed_chip(
    folder: Path = Path("/dev"), access: Callable[[Path, int], bool] = os.access
) -> tuple[str, bool]:
    """Why lgpio cannot open the chip, in the form of `explain`."""
    chips = sorted(folder.glob("gpiochip*"))
    if not chips:
        return f"there is no GPIO here: no {folder}/gpiochip* (a service's PrivateDevices= hides it)", True
    closed = [chip for chip in chips if not access(chip, os.R_OK | os.W_OK)]
    if closed:  # a process keeps the groups that it was started with
        return f"{closed[0]} may not be opened: the user of the daemon must be in the group gpio", True
    return "the GPIO chip cannot be opened", False


def _gpio_errors() -> tuple[type[Exception], ...]:
    """What gpiozero raises, and lgpio through it."""
    from gpiozero import GPIOZeroError

    lgpio = sys.modules.get("lgpio")
    return (GPIOZeroError, OSError, *((lgpio.error,) if lgpio else ()))


def _told(error: Exception, error_type: type[DeviceError], device: str) -> DeviceError:
    words, permanent = explain(error)
    return error_type(device, words, permanent=permanent)


@contextlib.contextmanager
def translated(error_type: type[DeviceError], device: str) -> Iterator[None]:
    """What gpiozero and lgpio raise within, as an error of this type about this device."""
    try:
        yield
    except _gpio_errors() as error:
        raise _told(error, error_type, device) from _without_frames(error)


def _without_frames(error: BaseException) -> BaseException:
    """The same error; its frames and its causes' would keep gpiozero's half-made device, and so its line."""
    cause: BaseException | None = error
    while cause is not None:
        cause = cause.with_traceback(None).__context__
    return error


def release(line: Any) -> None:
    """Give a line back. Never raises: closing claims the line anew, which can fail, and harms nobody."""
    with contextlib.suppress(*_gpio_errors()):
        if line.pin is not None:
            line.pin.when_changed = None  # closing alone leaves lgpio's callback, and a dead one at reopening
    with contextlib.suppress(*_gpio_errors()):
        line.close()


# --- the button ------------------------------------------------------------------------------------


class GpioButton:
    """A `Button`. The callback is called on a thread of this class or on gpiozero's; it must not raise."""

    def __init__(self, spec: ButtonSpec, on_edge: EdgeCallback, pin_factory: Any) -> None:
        """Claim the line; a button that is held down at that moment is reported when it is pressed again.

        Raises ButtonError.
        """
        self._on_edge = on_edge
        self._active_high = spec.active == "high"
        self._changed = threading.Condition()
        self._closed = False
        try:
            self._line = _claim_input(spec, pin_factory)
            self._watch(spec.debounce_s)
        except _gpio_errors() as error:
            raise _told(error, ButtonError, pin_names((spec.pin,))) from _without_frames(error)
        self._thread = threading.Thread(target=self._run, name="button", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Release the line; no callback after this. Never raises."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify()
        release(self._line)
        if threading.current_thread() is not self._thread:
            self._thread.join(CLOSE_TIMEOUT_S)

    def _watch(self, debounce_s: float) -> None:
        """Changes are told from here on; one that comes meanwhile waits until the first level is known."""
        pin = self._line.pin
        try:
            with self._changed:
                pin.when_changed = self._on_change
                self._debouncer = Debouncer(debounce_s, pressed=self._means_pressed(pin.state))
        except _gpio_errors():
            release(self._line)
            raise

    def _means_pressed(self, level: float) -> bool:
        return bool(level) == self._active_high

    def _on_change(self, ticks: float, level: int) -> None:
        """Called on gpiozero's thread, perhaps late.

        `ticks` is when the kernel saw the change, on CLOCK_MONOTONIC (linux/gpio.h, the default of its second
        interface, which lgpio uses); gpiozero gives it in seconds, as time.monotonic() does.
        """
        with self._changed:
            self._tell(self._debouncer.changed(self._means_pressed(level), ticks))
            self._changed.notify()

    def _run(self) -> None:
        """Tell the edges after which nothing changes."""
        with self._changed:
            while not self._closed:
                if not self._tell(self._debouncer.settle(time.monotonic())):
                    due_s = self._debouncer.due_s
                    self._changed.wait(None if due_s is None else max(0.0, due_s - time.monotonic()))

    def _tell(self, edge: Edge | None) -> bool:
        """Call back under the lock: in order, and not when closed. Returns whether there was an edge."""
        if edge is not None and not self._closed:
            self._on_edge(*edge)
        return edge is not None


def _claim_input(spec: ButtonSpec, pin_factory: Any) -> Any:
    from gpiozero import InputDevice

    pull_up = {"up": True, "down": False}.get(spec.pull)
    active = (spec.active == "high") if pull_up is None else None  # gpiozero wants exactly one of the two
    return InputDevice(spec.pin, pull_up=pull_up, active_state=active, pin_factory=pin_factory)


# --- the lights ------------------------------------------------------------------------------------


class GpioLeds:
    """`Leds` of one pixel: one LED for all colours, or one for red, green and blue each. Event loop only."""

    count = 1

    def __init__(
        self, pins: Sequence[int], brightness: float, pin_factory: Any, *, active_high: bool = True
    ) -> None:
        """Claim the lines, dark. `pins` is one BCM number, or those of red, green, blue. Raises LedError."""
        if len(pins) not in (1, PINS_OF_RGB):
            raise LedError(pin_names(pins), "lights need one pin, or three: red, green, blue", permanent=True)
        self._brightness = brightness
        self._lamps: list[_Lamp] = []
        try:
            for pin in pins:
                self._lamps.append(_Lamp(pin, pin_factory, active_high=active_high))
        except LedError:
            self.close()
            raise

    def show(self, pixels: Sequence[Colour]) -> None:
        """Show the one pixel. Raises LedError."""
        (pixel,) = pixels
        for lamp, duty in zip(self._lamps, duties(pixel, self._brightness, len(self._lamps)), strict=True):
            lamp.shine(duty)

    def close(self) -> None:
        """Dark, and give the lines back. Never raises."""
        for lamp in self._lamps:
            lamp.close()


class _Lamp:
    """One LED: a plain level while it is fully lit or dark, pulses between.

    gpiozero's PWMLED would do but for LEDs that light at the low level: it leaves the line there, where lgpio
    claims it, until the first cycle of pulses is over, which can be seen.
    """

    def __init__(self, pin: int, pin_factory: Any, *, active_high: bool) -> None:
        """Claim the line, dark. Raises LedError."""
        self._name = pin_names((pin,))
        self._active_high = active_high
        self._duty = 0.0
        self._line = claim_output(pin, pin_factory, active_high=active_high)
        self._pin = self._line.pin

    def shine(self, duty: float) -> None:
        """Light up for this part of the time, 0 to 1. Raises LedError."""
        if duty == self._duty:
            return
        with translated(LedError, self._name):
            self._pin.frequency = PWM_HZ if 0.0 < duty < 1.0 else None
            self._pin.state = duty if self._active_high else 1.0 - duty
        self._duty = duty

    def close(self) -> None:
        """Dark, and give the line back. Never raises."""
        with contextlib.suppress(LedError):
            self.shine(0.0)
        release(self._line)


def claim_output(pin: int, pin_factory: Any, *, active_high: bool = True) -> Any:
    """gpiozero's output line, inactive. Raises LedError."""
    from gpiozero import OutputDevice

    try:  # not `translated`: the frames of its `with` would keep the half-made device too
        return OutputDevice(pin, active_high=active_high, pin_factory=pin_factory)
    except _gpio_errors() as error:
        raise _told(error, LedError, pin_names((pin,))) from _without_frames(error)


def pin_names(pins: Sequence[int]) -> str:
    """The lines as a user would name them."""
    return "GPIO " + ", ".join(map(str, pins))


def duties(pixel: Colour, brightness: float, lamps: int) -> tuple[float, ...]:
    """The duty cycle, 0 to 1, of each lamp: of the only one, or of red, green and blue."""
    channels = (pixel.brightest,) if lamps == 1 else (pixel.red, pixel.green, pixel.blue)
    return tuple(_duty(channel, brightness) for channel in channels)


def _duty(channel: int, brightness: float) -> float:
    duty = round(channel / 255 * min(brightness, 1.0), 2)
    return max(LEAST_DUTY, duty) if channel and brightness > 0 else 0.0
