"""Lights that the kernel drives (/sys/class/leds): a lamp behind a driver of its own, or a Pi's green LED.

One name is a light of one colour, or of all where the driver groups its LEDs (leds-class-multicolor); three
names are red, green and blue. The kernel's own trigger (disk, heartbeat) is taken off and put back.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hw.base import Colour, LedError, Leds
from hw.lights.kinds import NAMES_OF_LEDS, Lights

FOLDER = Path("/sys/class/leds")

NAMES_OF_RGB = NAMES_OF_LEDS[-1]

CHANNELS = ("red", "green", "blue")
"""Words of `multi_index` that a pixel has a channel for (linux/leds, `led_colors`); others stay dark."""


class SysfsLeds:
    """`Leds` of one pixel. Event loop only."""

    count = 1

    def __init__(self, names: Sequence[str], brightness: float, folder: Path = FOLDER) -> None:
        """Take the LEDs, dark. `names` are those in /sys/class/leds. Raises LedError."""
        self._name = " ".join(names)
        if len(names) not in NAMES_OF_LEDS:
            raise LedError(self._name, "lights need one name, or three: red, green, blue", permanent=True)
        self._brightness = brightness
        self._places = [folder / name for name in names]
        self._triggers: list[str] = []
        try:
            with self._translated():
                self._full = [int((place / "max_brightness").read_text("ascii")) for place in self._places]
                self._index = _multi_index(self._places[0]) if len(names) == 1 else ()
                for place in self._places:
                    self._triggers.append(_take_trigger(place))
                self._show(Colour())
        except LedError:
            self.close()
            raise

    def show(self, pixels: Sequence[Colour]) -> None:
        """Show the one pixel. Raises LedError."""
        (pixel,) = pixels
        with self._translated():
            self._show(pixel)

    def close(self) -> None:
        """Dark, and give the LEDs back to the kernel's triggers. Never raises."""
        triggers, self._triggers = self._triggers, []
        for place, trigger in zip(self._places, triggers, strict=False):
            with contextlib.suppress(OSError):
                (place / "brightness").write_text("0", "ascii")
                if trigger:
                    (place / "trigger").write_text(trigger, "ascii")

    def _show(self, pixel: Colour) -> None:
        if self._index:
            self._show_group(pixel)
            return
        channels = _channels(pixel) if len(self._places) == NAMES_OF_RGB else (pixel.brightest,)
        for place, full, channel in zip(self._places, self._full, channels, strict=True):
            (place / "brightness").write_text(str(self._level(channel, full)), "ascii")

    def _show_group(self, pixel: Colour) -> None:
        """The kernel multiplies intensities with brightness: the limit goes to the intensities."""
        (place,), (full,) = self._places, self._full
        of_name = dict(zip(CHANNELS, _channels(pixel), strict=True))
        levels = [self._level(of_name.get(name, 0), full) for name in self._index]
        (place / "multi_intensity").write_text(" ".join(map(str, levels)), "ascii")
        (place / "brightness").write_text(str(full), "ascii")

    def _level(self, channel: int, full: int) -> int:
        """A channel, 0 to 255, as the LED's own steps; at least one step if it is lit."""
        return max(1, round(channel / 255 * min(self._brightness, 1.0) * full)) if channel else 0

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise LedError(self._name, _told(error)) from error
        except ValueError as error:
            raise LedError(self._name, "is no LED of the kernel's: it has no brightness") from error


def _channels(pixel: Colour) -> tuple[int, int, int]:
    return pixel.red, pixel.green, pixel.blue


def _told(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "is not there; `ls /sys/class/leds` shows the names (is its driver installed?)"
    if error.errno == errno.EROFS:
        return "is read-only here: the service needs ReadWritePaths=/sys/devices, which its unit has"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "may not be changed: by systemd/conure.rules, a udev rule, its files belong to group gpio"
    return f"cannot be driven: {error.strerror}"


def _multi_index(place: Path) -> tuple[str, ...]:
    """The colours of a group, in its order; empty for a single LED."""
    try:
        return tuple((place / "multi_index").read_text("ascii").split())
    except FileNotFoundError:
        return ()


def _take_trigger(place: Path) -> str:
    """Take the trigger off and return which one it was; empty where there was none."""
    file = place / "trigger"
    try:
        words = file.read_text("ascii").split()
    except FileNotFoundError:
        return ""
    chosen = next((word.strip("[]") for word in words if word.startswith("[")), "none")
    if chosen == "none":
        return ""
    file.write_text("none", "ascii")
    return chosen


def open_lights(lights: Lights, brightness: float, _gpio_lines: Callable[[], Any]) -> Leds:
    """The kernel's LEDs, dark. Raises LedError."""
    return SysfsLeds(lights.leds, brightness)
