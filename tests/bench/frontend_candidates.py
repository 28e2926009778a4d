"""The libraries that were compared: each as an echo canceller of 20 ms chunks. None is needed to run Conure.

A library that is not installed is left out: `pip install livekit pyaec aec-audio-processing`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.hearing.frontend.front_end import Canceller
from daemon.hearing.frontend.two_stages import TwoStages
from daemon.hearing.frontend.webrtc import EchoCanceller

Pcm = NDArray[np.int16]

FRAME = 160
"""10 ms at 16 kHz: what WebRTC's audio processing takes at once."""


class _Alone:
    """A canceller that needs no telling when a sound begins."""

    explains = True
    """Taken for granted."""
    slope = 0.0
    """It tells nothing of the crystals."""

    def begin(self) -> None:
        """It need not know."""

    def doubt_path(self) -> None:
        """Nor this."""

    def watch(self, near: Pcm, far: Pcm) -> None:
        """Not asked for here."""

    def reset(self) -> None:
        """Not asked for here."""


class _Framed(_Alone):
    """A canceller made of a function that takes 10 ms of both signals."""

    def __init__(self, take: Callable[[Pcm, Pcm], bytes]) -> None:
        self._take = take

    def process(self, near: Pcm, far: Pcm) -> Pcm:
        parts = [self._take(near[at : at + FRAME], far[at : at + FRAME]) for at in (0, FRAME)]
        return np.frombuffer(b"".join(parts), np.int16)


def livekit() -> Canceller:
    """livekit.rtc.AudioProcessingModule: the same AEC3, behind a Rust library with rooms and codecs."""
    from livekit import rtc  # type: ignore[import-not-found,unused-ignore]  # not a dependency

    module = rtc.AudioProcessingModule(echo_cancellation=True)

    def take(near: Pcm, far: Pcm) -> bytes:
        module.process_reverse_stream(rtc.AudioFrame(bytearray(far.tobytes()), 16_000, 1, FRAME))
        frame = rtc.AudioFrame(bytearray(near.tobytes()), 16_000, 1, FRAME)
        module.process_stream(frame)
        return bytes(frame.data.cast("B"))

    return _Framed(take)


def aec_audio_processing() -> Canceller:
    """aec_audio_processing: bindings of PulseAudio's packaging of WebRTC."""
    from aec_audio_processing import AudioProcessor  # type: ignore[import-not-found,unused-ignore]

    processor = AudioProcessor(enable_aec=True, enable_ns=False, enable_agc=False)
    processor.set_stream_format(16_000, 1)
    processor.set_reverse_stream_format(16_000, 1)

    def take(near: Pcm, far: Pcm) -> bytes:
        processor.process_reverse_stream(far.tobytes())
        return bytes(processor.process_stream(near.tobytes()))

    return _Framed(take)


class Aec3Alone(_Alone):
    """pywebrtc-audio without Conure's first stage."""

    def __init__(self) -> None:
        self._canceller = EchoCanceller()

    def process(self, near: Pcm, far: Pcm) -> Pcm:
        return self._canceller.process(near, far)


class Speex(_Alone):
    """pyaec: the canceller of speexdsp, with a filter of 0.4 s."""

    def __init__(self) -> None:
        import pyaec  # type: ignore[import-not-found,unused-ignore]

        self._canceller: Any = pyaec.Aec(2 * FRAME, 6_400, 16_000, True)

    def process(self, near: Pcm, far: Pcm) -> Pcm:
        return np.array(self._canceller.cancel_echo(near, far), np.int16)


def conure() -> Canceller:
    """What Conure uses: its first stage, and pywebrtc-audio."""
    return TwoStages(EchoCanceller())


CANDIDATES: dict[str, Callable[[], Canceller]] = {
    "both stages": conure,
    "pywebrtc-audio": Aec3Alone,
    "livekit": livekit,
    "aec-audio-processing": aec_audio_processing,
    "pyaec": Speex,
}


def installed() -> dict[str, Callable[[], Canceller]]:
    """Those that can be made here."""
    found = {}
    for name, make in CANDIDATES.items():
        try:
            make()
        except ImportError:
            continue
        found[name] = make
    return found
