"""From a board's name and plain parameters to a `Board`. Nothing is opened, and no vendor's library imported,
before one of its `open_` methods is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw.base import (
    Board,
    Button,
    ButtonError,
    Colour,
    DeviceError,
    EdgeCallback,
    LedError,
    Leds,
    Mic,
    Speaker,
)
from hw.cards import has_sound_card

if TYPE_CHECKING:
    from hw.gpio import ButtonSpec

AUTO = "auto"
GENERIC = "generic"
SIMULATED = "simulated"

BOARD_NAMES = (AUTO, GENERIC, SIMULATED)
"""What `build_board` takes."""

APA102 = "apa102"

PINS_OF_KIND = {"led": 1, "rgb": 3}
"""The kinds of lights that are wired to GPIO lines, and how many each needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LightsSpec:
    """What is wired to shine."""

    kind: str
    """`led` (one pin), `rgb` (three pins) or `apa102` (a bus)."""
    pins: tuple[int, ...] = ()
    active_high: bool = True
    count: int = 3
    spi: str = "/dev/spidev0.0"
    brightness: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSpec:
    """All that a board may need to know; each board takes what concerns it."""

    mic: str = "default"
    speaker: str = "default"
    button: ButtonSpec | None = None
    lights: LightsSpec | None = None
    sentence_wav: Path | None = None
    """What the simulated microphone says; None: the bundled sentence."""
    record_wav: Path | None = None
    """What receives the sound of the simulated speaker; None: nothing does."""


def build_board(name: str, spec: BoardSpec, pin_factory: Any = None) -> Board:
    """The board of this name (`BOARD_NAMES`). Raises ValueError for any other.

    `pin_factory` is gpiozero's; without one, the board opens lgpio's when it needs it.
    """
    match resolve_name(name):
        case "generic":
            return GenericBoard(spec, pin_factory)
        case "simulated":
            from hw.simulated import SENTENCE_WAV, SimulatedBoard

            return SimulatedBoard(sentence_wav=spec.sentence_wav or SENTENCE_WAV, record_wav=spec.record_wav)
    raise ValueError(f"there is no board {name!r}; {_those_there_are(name, BOARD_NAMES)}")


def resolve_name(name: str) -> str:
    """What `auto` stands for on this machine; every other name stands for itself."""
    if name != AUTO:
        return name
    return GENERIC if has_sound_card() else SIMULATED


def _those_there_are(word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word, known, n=1)
    return f"there are: {', '.join(known)}" + (f"; did you mean {near[0]}?" if near else "")


class NoLeds:
    """`Leds` of a board that has none."""

    count = 1

    def show(self, pixels: Sequence[Colour]) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Nothing is held."""


class GenericBoard:
    """Any sound devices, and what is wired to the GPIO header."""

    name = GENERIC
    echo_free = False
    stage = None

    def __init__(self, spec: BoardSpec, pin_factory: Any = None) -> None:
        """`pin_factory` is gpiozero's, and stays its giver's; without one, the board opens its own."""
        self._spec = spec
        self._given_factory = pin_factory
        self._own_factory: Any = None
        self.has_button = spec.button is not None

    def open_mic(self) -> Mic:
        """The configured capture device. Raises MicError."""
        from hw.portaudio import PortAudioMic

        return PortAudioMic(self._spec.mic)

    def open_speaker(self) -> Speaker:
        """The configured playback device. Raises SpeakerError."""
        from hw.portaudio import PortAudioSpeaker

        return PortAudioSpeaker(self._spec.speaker)

    def open_button(self, on_edge: EdgeCallback) -> Button | None:
        """The button, if one is wired. Raises ButtonError."""
        from hw.gpio import GpioButton

        if self._spec.button is None:
            return None
        pins = self._pins(ButtonError, f"GPIO {self._spec.button.pin}")
        return GpioButton(self._spec.button, on_edge, pins)

    def open_leds(self) -> Leds:
        """The lights, or some that show nothing. Raises LedError."""
        lights = self._spec.lights
        if lights is None:
            return NoLeds()
        if lights.kind == APA102:
            from hw.apa102 import Apa102Leds

            return Apa102Leds(lights.spi, lights.count, lights.brightness)
        return self._open_gpio_leds(lights)

    def close(self) -> None:
        """Give the GPIO chip back, if the board opened it."""
        factory, self._own_factory = self._own_factory, None
        if factory is not None:
            from hw.gpio import close_pin_factory

            close_pin_factory(factory)

    def _open_gpio_leds(self, lights: LightsSpec) -> Leds:
        from hw.gpio import GpioLeds, pin_names

        name = pin_names(lights.pins)
        _check_pins(lights, name)
        pins = self._pins(LedError, name)
        return GpioLeds(lights.pins, lights.brightness, pins, active_high=lights.active_high)

    def _pins(self, error_type: type[DeviceError], device: str) -> Any:
        """The factory, for the sake of this device. Raises `error_type`."""
        if self._given_factory is not None:
            return self._given_factory
        if self._own_factory is None:
            from hw.gpio import open_pin_factory

            self._own_factory = open_pin_factory(error_type, device)
        return self._own_factory


def _check_pins(lights: LightsSpec, name: str) -> None:
    """Raise LedError unless the kind is one for GPIO lines, and has as many as it needs."""
    wanted = PINS_OF_KIND.get(lights.kind)
    if wanted is None:
        there_are = _those_there_are(lights.kind, [APA102, *PINS_OF_KIND])
        raise LedError(
            "lights", f'there are no lights of the kind "{lights.kind}"; {there_are}', permanent=True
        )
    if len(lights.pins) != wanted:
        words = f'lights of the kind "{lights.kind}" need {wanted} pin{"s" if wanted > 1 else ""}'
        raise LedError(name, words, permanent=True)
