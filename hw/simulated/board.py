"""The board without hardware: for laptops, for rehearsals, and for tests of the whole daemon.

It obeys the contracts of `hw.base` and raises the same errors. The microphone hears what it is told to say
(a WAV file, samples from a test) over a faint noise, in real time; the speaker plays in real time and
keeps what was heard; the button is pressed by calls; the lights keep a history. Everything that a test
calls may be called from any thread.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw.base import (
    MIC_FORMAT,
    Colour,
    EdgeCallback,
    LedError,
    Speaker,
)
from hw.simulated.audio import Clock, SimulatedMic, SimulatedSpeaker
from hw.simulated.wav import read_wav

SENTENCE_WAV = Path(__file__).parent / "sentence.wav"
"""A real sentence (made by `scripts/make-sentence`)."""

HISTORY_LIMIT = 20_000
"""Frames that the lights remember; older ones are forgotten."""


class SimulatedButton:
    """A button that is pressed by calls."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._on_edge: EdgeCallback | None = None
        self.edges: deque[tuple[bool, float]] = deque(maxlen=1000)

    def open(self, on_edge: EdgeCallback) -> SimulatedButton:
        """Report edges from now on."""
        self._on_edge = on_edge
        return self

    def press(self) -> None:
        """Push it down."""
        self._edge(True)

    def release(self) -> None:
        """Let it go."""
        self._edge(False)

    def close(self) -> None:
        """Report nothing more."""
        self._on_edge = None

    def _edge(self, pressed: bool) -> None:
        at_s = self._clock()
        self.edges.append((pressed, at_s))
        if self._on_edge is not None:
            self._on_edge(pressed, at_s)


class SimulatedLeds:
    """Lights that remember what they showed."""

    def __init__(self, clock: Clock, count: int) -> None:
        self._clock = clock
        self._broken = False
        self.count = count
        self.history: deque[tuple[float, tuple[Colour, ...]]] = deque(maxlen=HISTORY_LIMIT)

    @property
    def pixels(self) -> tuple[Colour, ...]:
        """What is shown now."""
        return self.history[-1][1] if self.history else (Colour(),) * self.count

    def fail(self) -> None:
        """Break for good."""
        self._broken = True

    def forget(self) -> None:
        """Forget what was shown before now."""
        while len(self.history) > 1:
            self.history.popleft()

    def show(self, pixels: Sequence[Colour]) -> None:
        """Show and remember."""
        if self._broken:
            raise LedError("simulated lights", "were broken on purpose")
        if len(pixels) != self.count:
            raise LedError("simulated lights", f"are {self.count} pixels, not {len(pixels)}")
        self.history.append((self._clock(), tuple(pixels)))

    def close(self) -> None:
        """All dark."""
        if not self._broken:
            self.show((Colour(),) * self.count)


class HurriedSpeaker:
    """A speaker whose clock runs faster than the daemon's, which plans by what is queued. Playback thread."""

    def __init__(self, speaker: SimulatedSpeaker, speed: float) -> None:
        self._speaker = speaker
        self._speed = speed
        self.write = speaker.write
        self.flush = speaker.flush
        self.close = speaker.close

    @property
    def about(self) -> str:
        """As the speaker has it."""
        return self._speaker.about

    @property
    def underruns(self) -> int:
        """As the speaker counts them."""
        return self._speaker.underruns

    def queued_s(self) -> float:
        """How long it takes until all that is queued has been heard."""
        return self._speaker.queued_s() / self._speed


class SimulatedBoard:
    """All of it. `echo_gain` above 0 puts the speaker into the microphone's room.

    At a `speed` other than 1 a second of sound takes 1 / `speed` seconds: microphone and speaker then tell
    their own, faster time (`said_s`, `quiet_s`, `history`), button and lights the time of `clock`.
    """

    name = "simulated"
    has_button = True
    hardware_volume = None

    def __init__(
        self,
        *,
        pixels: int = 3,
        echo_gain: float = 0.0,
        sentence_wav: Path = SENTENCE_WAV,
        record_wav: Path | None = None,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        speed: float = 1.0,
    ) -> None:
        self._clock: Clock = lambda: clock() * speed
        self._speed = speed
        self._echo_gain = echo_gain
        self._sentence_wav = sentence_wav
        self._sleep: Callable[[float], None] = lambda seconds: sleep(seconds / speed)
        self.echo_free = echo_gain == 0
        self.speaker = SimulatedSpeaker(self._clock, self._sleep, record_wav)
        self.mic = SimulatedMic(self._clock, self._sleep, self._echo)
        self.button = SimulatedButton(clock)
        self.leds = SimulatedLeds(clock, pixels)

    @property
    def stage(self) -> SimulatedBoard:
        """The board plays the user's part itself."""
        return self

    def tap(self) -> None:
        """Press the button and let it go."""
        self.button.press()
        self.button.release()

    def speak(self) -> bytes:
        """Say the sentence; returns its samples. Raises a permanent MicError if the file is not one."""
        sentence = read_wav(self._sentence_wav)
        self.mic.say(sentence)
        return sentence

    def heard(self) -> bytes:
        """All that the speaker has made audible so far."""
        return self.speaker.heard()

    def open_mic(self) -> SimulatedMic:
        """The room's microphone."""
        return self.mic.open()

    def open_speaker(self) -> Speaker:
        """The speaker that remembers."""
        speaker = self.speaker.open()
        return speaker if self._speed == 1 else HurriedSpeaker(speaker, self._speed)

    def open_button(self, on_edge: EdgeCallback) -> SimulatedButton:
        """The button that is pressed by calls."""
        return self.button.open(on_edge)

    def open_leds(self) -> SimulatedLeds:
        """The lights that remember."""
        return self.leds

    def close(self) -> None:
        """Nothing is held."""

    def _echo(self, since_s: float) -> NDArray[np.float64] | None:
        """What the microphone hears of the speaker in the chunk that began at a moment; None: nothing."""
        if self._echo_gain <= 0:
            return None
        times_s = since_s + np.arange(MIC_FORMAT.chunk_frames) / MIC_FORMAT.rate_hz
        return self._echo_gain * self.speaker.sound_at(times_s)
