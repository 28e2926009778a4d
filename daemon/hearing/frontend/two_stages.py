"""Both cancellers, one after the other: what is linear first, then AEC3 for the rest.

AEC3 alone suppresses a voice that is spoken over the reply by 5 to 11 dB, since it must treat what is mostly
echo as echo. With most of the echo gone before it, it is 2 to 4 dB, and a softer voice is noticed. But AEC3
learns its own path from what it is given, and a first stage that is still learning would be a path that
never rests. So each sound begins with AEC3 alone, fresh, which is then at its most careful; and the first
stage is faded in over a second once it has proved itself in this very sound.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from daemon.hearing.frontend.linear import LinearCanceller, Samples
from daemon.hearing.frontend.slide import Slide
from hw.base import MIC_FORMAT

Pcm = NDArray[np.int16]

FULL_SCALE = np.float32(32768)

PROVEN_RATIO = 10.0
"""The first stage has proved itself when it removes nine tenths of the power: 10 dB."""

USELESS_RATIO = 1.26
"""When it removes less than a fifth it is of no use: the path has changed, or a voice is much the louder."""

EXPLAINED_RATIO = 2.0
"""There is an echo at all when it removes half: no voice is explained by another one to that degree."""

FADE_IN, FADE_OUT = 0.02, 0.05
"""Of its share, a chunk: in 1 s to all, in 0.4 s to none."""

SMOOTHING = 0.06
"""Weight of the newest chunk in both powers: 0.3 s."""

LOUD_POWER = 1e-5
"""Mean square of a reference that makes an echo worth judging by: -50 dBFS."""


UNEXPLAINED_CHUNKS = 100
"""2 s of a loud reference, of which nothing was found in what is heard: the delay that was known is wrong, or
there is no echo."""


class DelayLine:
    """Gives what it is given, so many samples later. One thread."""

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self._held = np.zeros(frames, np.float32)

    def through(self, samples: Samples) -> Samples:
        """As many samples as it is given."""
        if not self.frames:
            return samples
        held = np.concatenate((self._held, samples))
        self._held = held[len(samples) :]
        return held[: len(samples)]


class Suppressor(Protocol):
    """The second stage: `webrtc.EchoCanceller`."""

    def process(self, near: Pcm, far: Pcm) -> Pcm:
        """A chunk without the echo."""
        ...

    def reset(self) -> None:
        """Forget the echo path."""
        ...


class TwoStages:
    """An echo canceller of both. One thread."""

    def __init__(self, suppressor: Suppressor, later_s: float = 0.0) -> None:
        """`later_s`: so much later than its reference the echo is known to come, at the least.

        The first stage is given the reference so much later; if it then explains nothing, as it comes.
        """
        self._later = DelayLine(MIC_FORMAT.frames(later_s))
        self._unexplained_chunks = 0
        self._suppressor = suppressor
        self._linear = LinearCanceller()
        self._slide = Slide()
        self.share = 0.0
        """Of the first stage in what the second is given, 0 to 1."""
        self._given_share = 0.0
        """The same in the last chunk: none where that would have been louder than the microphone."""
        self._before = self._after = 0.0

    def begin(self) -> None:
        """A sound begins after a pause."""
        self._suppressor.reset()
        self.doubt_path()
        self.share = self._given_share = self._before = self._after = 0.0

    def doubt_path(self) -> None:
        """The echo's path has changed: learn faster for a while."""
        self._linear.doubt_path()
        self._slide.forget()

    @property
    def slope(self) -> float:
        """How much faster than the clocks say the reference has to be read, so that the path rests."""
        return self._slide.slope

    @property
    def later_frames(self) -> int:
        """By how many samples the first stage's reference is later; 0 once that was found to be wrong."""
        return self._later.frames

    @property
    def explains(self) -> bool:
        """Whether of late the first stage takes away a good part of what the microphone hears."""
        return self._before > EXPLAINED_RATIO * self._after

    def process(self, near: Pcm, far: Pcm) -> Pcm:
        """A chunk without the echo: 320 samples at 16 kHz each."""
        mic, left = self._first_stage(near, far)
        share_before = self._given_share
        self._given_share = self.share if _power(mic + self.share * (left - mic)) <= _power(mic) else 0.0
        if not (share_before or self._given_share):
            return self._suppressor.process(near, far)
        ramp = np.linspace(share_before, self._given_share, len(mic), dtype=np.float32)
        given = (mic + ramp * (left - mic)) * FULL_SCALE
        return self._suppressor.process(np.clip(np.rint(given), -32768, 32767).astype(np.int16), far)

    def watch(self, near: Pcm, far: Pcm) -> None:
        """Look for an echo in a chunk, and take nothing away."""
        self._first_stage(near, far)

    def reset(self) -> None:
        """Forget the echo path."""
        self._linear = LinearCanceller()
        self.begin()

    def _first_stage(self, near: Pcm, far: Pcm) -> tuple[Samples, Samples]:
        """The microphone's samples, and what of them the linear path does not explain."""
        mic, reference = _float(near), self._later.through(_float(far))
        left = self._linear.process(mic, reference)
        if _power(reference) > LOUD_POWER:
            self._judge(_power(mic), _power(left))
            self._slide.see(self._linear.path)
        return mic, left

    def _judge(self, mic_power: float, left_power: float) -> None:
        self._before += SMOOTHING * (mic_power - self._before)
        self._after += SMOOTHING * (left_power - self._after)
        self._unexplained_chunks = 0 if self.explains else self._unexplained_chunks + 1
        if self._later.frames and self._unexplained_chunks >= UNEXPLAINED_CHUNKS:
            self._later, self._linear = DelayLine(0), LinearCanceller()
        if self._before > PROVEN_RATIO * self._after:
            self.share = min(1.0, self.share + FADE_IN)
        elif self._before < USELESS_RATIO * self._after:
            self.share = max(0.0, self.share - FADE_OUT)


def _power(samples: Samples) -> float:
    """Mean square."""
    return float(np.dot(samples, samples)) / len(samples)


def _float(pcm: Pcm) -> Samples:
    """Samples of full scale 1."""
    samples: Samples = pcm.astype(np.float32) / FULL_SCALE
    return samples
