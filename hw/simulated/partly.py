"""A board of which one sound device is real and the other simulated: for demonstrations."""

from __future__ import annotations

from hw.base import Board, Button, EdgeCallback, HardwareVolume, Leds, Mic, Speaker, Stage
from hw.simulated.board import SimulatedBoard


class PartlySimulatedBoard:
    """What `real` has, but for the one sound device that it lacks."""

    echo_free = True
    """A simulated microphone hears no speaker, and a simulated speaker is heard by no microphone."""

    def __init__(self, real: Board, simulated: SimulatedBoard, *, mic: bool) -> None:
        """`mic`: it is the microphone that is simulated, and with it who speaks and presses the button."""
        self._real = real
        self._simulated = simulated
        self._simulates_mic = mic
        self.name = real.name
        self.has_button = mic or real.has_button
        self.stage: Stage | None = _Speaking(simulated) if mic else None
        self.hardware_volume: HardwareVolume | None = real.hardware_volume if mic else None

    def open_mic(self) -> Mic:
        """The real one, or the simulated. Raises MicError."""
        return self._simulated.open_mic() if self._simulates_mic else self._real.open_mic()

    def open_speaker(self) -> Speaker:
        """The real one, or the simulated. Raises SpeakerError."""
        return self._real.open_speaker() if self._simulates_mic else self._simulated.open_speaker()

    def open_button(self, on_edge: EdgeCallback) -> Button | None:
        """The real button; where somebody is simulated who presses, also one for them. Raises ButtonError."""
        real = self._real.open_button(on_edge)
        if not self._simulates_mic:
            return real
        acted = self._simulated.open_button(on_edge)
        return acted if real is None else _Both(real, acted)

    def open_leds(self) -> Leds:
        """The real lights. Raises LedError."""
        return self._real.open_leds()

    def close(self) -> None:
        """Release what the real board holds."""
        self._real.close()


class _Speaking:
    """A `Stage` whose speaker is real: nobody records what that makes audible."""

    def __init__(self, simulated: SimulatedBoard) -> None:
        self.tap = simulated.tap
        self.speak = simulated.speak

    def heard(self) -> None:
        """Not known."""


class _Both:
    """Two buttons that are closed as one."""

    def __init__(self, *buttons: Button) -> None:
        self._buttons = buttons

    def close(self) -> None:
        """Release both."""
        for button in self._buttons:
            button.close()
