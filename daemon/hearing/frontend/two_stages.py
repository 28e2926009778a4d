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

Pcm = NDArray[np.int16]

FULL_SCALE = np.float32(32768)

PROVEN_RATIO = 10.0
"""The first stage has proved itself when it removes nine tenths of the power: 10 dB."""

USELESS_RATIO = 1.26
"""When it removes less than a fifth it is of no use: the path has changed, or a voice is much the louder."""

FADE_IN, FADE_OUT = 0.02, 0.05
"""Of its share, a chunk: in 1 s to all, in 0.4 s to none."""

SMOOTHING = 0.06
"""Weight of the newest chunk in both powers: 0.3 s."""

LOUD_POWER = 1e-5
"""Mean square of a reference that makes an echo worth judging by: -50 dBFS."""


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

    def __init__(self, suppressor: Suppressor) -> None:
        self._suppressor = suppressor
        self._linear = LinearCanceller()
        self.share = 0.0
        """Of the first stage in what the second is given, 0 to 1."""
        self._before = self._after = 0.0

    def begin(self) -> None:
        """A sound begins after a pause."""
        self._suppressor.reset()
        self._linear.doubt_path()
        self.share = self._before = self._after = 0.0

    def process(self, near: Pcm, far: Pcm) -> Pcm:
        """A chunk without the echo: 320 samples at 16 kHz each."""
        mic, reference = _float(near), _float(far)
        left = self._linear.process(mic, reference)
        if float(np.mean(reference**2)) > LOUD_POWER:
            self._judge(mic, left)
        if self.share == 0.0:
            return self._suppressor.process(near, far)
        given = (mic + np.float32(self.share) * (left - mic)) * FULL_SCALE
        return self._suppressor.process(np.clip(np.rint(given), -32768, 32767).astype(np.int16), far)

    def reset(self) -> None:
        """Forget the echo path."""
        self._linear = LinearCanceller()
        self.begin()

    def _judge(self, mic: Samples, left: Samples) -> None:
        self._before += SMOOTHING * (float(np.mean(mic**2)) - self._before)
        self._after += SMOOTHING * (float(np.mean(left**2)) - self._after)
        if self._before > PROVEN_RATIO * self._after:
            self.share = min(1.0, self.share + FADE_IN)
        elif self._before < USELESS_RATIO * self._after:
            self.share = max(0.0, self.share - FADE_OUT)


def _float(pcm: Pcm) -> Samples:
    """Samples of full scale 1."""
    samples: Samples = pcm.astype(np.float32) / FULL_SCALE
    return samples
