"""From a board's name and plain parameters to a `Board`. Nothing is opened, and no vendor's library imported,
before one of its `open_` methods is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
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
from hw.lights.kinds import KINDS, Lights, lacks
from hw.sound.cards import CAPTURE, PLAYBACK
from hw.sound.mixer import AUTO as AUTO_MIXER
from hw.sound.mixer import MixerVolume
from hw.sound.negotiate import MIC_OPTIONS, SPEAKER_OPTIONS, StreamOptions

if TYPE_CHECKING:
    from hw.gpio.gpio import ButtonSpec

GENERIC = "generic"
SIMULATED = "simulated"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSpec:
    """All that a board may need to know; each board takes what concerns it."""

    mic: str = "default"
    speaker: str = "default"
    mic_options: StreamOptions = MIC_OPTIONS
    speaker_options: StreamOptions = SPEAKER_OPTIONS
    mixer: str = AUTO_MIXER
    """The mixer's control for the loudness: its name, `auto`, or `none`."""
    echo_free: bool = False
    """Whether the hardware takes the speaker's sound out of the microphone's."""
    button: ButtonSpec | None = None
    lights: Lights | None = None
    brightness: float = 1.0
    """What the colours are multiplied by, above 0 and up to 1."""
    sentence_wav: Path | None = None
    """What the simulated microphone says; None: the bundled sentence."""
    record_wav: Path | None = None
    """What receives the sound of the simulated speaker; None: nothing does."""
    missing: frozenset[str] = frozenset()
    """Which of CAPTURE and PLAYBACK (`hw.sound.cards`) is simulated, since it is not there."""


def build_board(name: str, spec: BoardSpec, pin_factory: Any = None) -> Board:
    """The simulated board, or a real one that is called `name` and consists of what `spec` says.

    A real one that lacks a sound device has a simulated one in its place; one that lacks both is simulated.
    `pin_factory` is gpiozero's; without one, the board opens lgpio's when it needs it.
    """
    real = RealBoard(name, spec, pin_factory)
    if name != SIMULATED and not spec.missing:
        return real
    from hw.simulated.board import SENTENCE_WAV, SimulatedBoard
    from hw.simulated.partly import PartlySimulatedBoard

    simulated = SimulatedBoard(sentence_wav=spec.sentence_wav or SENTENCE_WAV, record_wav=spec.record_wav)
    if name == SIMULATED or spec.missing == {CAPTURE, PLAYBACK}:
        return simulated
    return PartlySimulatedBoard(real, simulated, mic=CAPTURE in spec.missing)


class NoLeds:
    """`Leds` of a board that has none."""

    count = 1

    def show(self, pixels: Sequence[Colour]) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Nothing is held."""


class RealBoard:
    """Sound devices, and what is wired to the GPIO header or to a bus."""

    stage = None

    def __init__(self, name: str, spec: BoardSpec, pin_factory: Any = None) -> None:
        """`pin_factory` is gpiozero's, and stays its giver's; without one, the board opens its own."""
        self.name = name
        self.echo_free = spec.echo_free
        self._spec = spec
        self._given_factory = pin_factory
        self._own_factory: Any = None
        self.has_button = spec.button is not None
        self.hardware_volume = MixerVolume(spec.mixer)

    def open_mic(self) -> Mic:
        """The configured capture device. Raises MicError."""
        from hw.sound.portaudio.mic import PortAudioMic

        return PortAudioMic(self._spec.mic, options=self._spec.mic_options)

    def open_speaker(self) -> Speaker:
        """The configured playback device. Raises SpeakerError."""
        from hw.sound.portaudio.speaker import PortAudioSpeaker

        speaker = PortAudioSpeaker(self._spec.speaker, options=self._spec.speaker_options)
        self.hardware_volume.attach(speaker.card)
        return speaker

    def open_button(self, on_edge: EdgeCallback) -> Button | None:
        """The button, if one is wired. Raises ButtonError."""
        from hw.gpio.gpio import GpioButton

        if self._spec.button is None:
            return None
        pins = self._pins(ButtonError, f"GPIO {self._spec.button.pin}")
        return GpioButton(self._spec.button, on_edge, pins)

    def open_leds(self) -> Leds:
        """The lights, or some that show nothing. Raises LedError."""
        lights = self._spec.lights
        if lights is None:
            return NoLeds()
        _check_lights(lights)
        driver = import_module(KINDS[lights.kind].opens)
        leds: Leds = driver.open_lights(lights, self._spec.brightness, self._lines_for_leds)
        return leds

    def close(self) -> None:
        """Give the GPIO chip back, if the board opened it."""
        self.hardware_volume.close()
        factory, self._own_factory = self._own_factory, None
        if factory is not None:
            from hw.gpio.gpio import close_pin_factory

            close_pin_factory(factory)

    def _lines_for_leds(self) -> Any:
        """The factory, which only lights on GPIO lines ask for. Raises LedError."""
        from hw.gpio.gpio import pin_names

        lights = self._spec.lights
        return self._pins(LedError, pin_names(lights.pins) if lights else "lights")

    def _pins(self, error_type: type[DeviceError], device: str) -> Any:
        """The factory, for the sake of this device. Raises `error_type`."""
        if self._given_factory is not None:
            return self._given_factory
        if self._own_factory is None:
            from hw.gpio.gpio import open_pin_factory

            self._own_factory = open_pin_factory(error_type, device)
        return self._own_factory


def _check_lights(lights: Lights) -> None:
    """Raise LedError for a kind that does not exist, or that lacks something."""
    if lights.kind not in KINDS:
        raise LedError("lights", f'there are no lights of the kind "{lights.kind}"', permanent=True)
    for field, needed in lacks(lights):
        words = f'lights of the kind "{lights.kind}" need {needed}'
        raise LedError(f"lights.{field}", words, permanent=True)
