"""Judges whether a chunk holds a voice. The one module that imports webrtcvad, the cheap judge.

The *cascade* asks webrtcvad about what is loud, and the neural judge only from the moment at which something
passes until it is quiet again. It then hears half a second of what was before, in a fresh state: after
some seconds of noise the network recognises half of the phrases that it recognises at once when it is
fresh (docs/inside/frontend.md). So it is fresh again and again while it says no.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

import webrtcvad

from daemon.config.settings import VadSettings
from daemon.hearing.neural import SPEECH_PROBABILITY, NeuralJudge
from hw.base import CHUNK_MS, MIC_FORMAT

IsVoiced = Callable[[bytes], bool]

LOOK_BACK_CHUNKS = 500 // CHUNK_MS
"""What the network hears of the time before, so that it knows what speech stands out from."""

SLEEP_CHUNKS = 600 // CHUNK_MS
"""After so long without a chunk that passes the cheap judge the network is asked no more."""

FRESH_CHUNKS = 500 // CHUNK_MS
"""After so long a no it begins anew."""


class Verdict(NamedTuple):
    """On one chunk."""

    voiced: bool
    """By the cheap judge, where it was asked."""
    probability: float | None
    """By the neural judge, 0 while it sleeps; None where there is none."""


class Network(Protocol):
    """What the cascade asks: `neural.NeuralJudge`."""

    def hear(self, chunk: bytes) -> float:
        """The probability of speech, with the next chunk."""
        ...

    def reset(self) -> None:
        """Forget what was heard."""
        ...


class Judge(Protocol):
    """Hears one stream, chunk by chunk, on one thread."""

    def hear(self, chunk: bytes, *, loud: bool) -> Verdict:
        """Take the next chunk. `loud`: it stands out from the noise; else it need not be asked about."""
        ...


class Cheap:
    """One function, asked about what is loud."""

    def __init__(self, is_voiced: IsVoiced) -> None:
        self._is_voiced = is_voiced

    def hear(self, chunk: bytes, *, loud: bool) -> Verdict:
        """See `Judge`."""
        return Verdict(loud and self._is_voiced(chunk), None)


class Neural:
    """The network, asked about every chunk."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def hear(self, chunk: bytes, *, loud: bool) -> Verdict:
        """See `Judge`."""
        probability = self._network.hear(chunk)
        return Verdict(loud and probability >= SPEECH_PROBABILITY, probability)


class Cascade:
    """The network, asked about what passes webrtcvad and about what follows it."""

    def __init__(self, is_voiced: IsVoiced, network: Network) -> None:
        self._is_voiced = is_voiced
        self._network = network
        self._kept: deque[bytes] = deque(maxlen=LOOK_BACK_CHUNKS)
        self._quiet_chunks = SLEEP_CHUNKS
        self._denied_chunks = 0

    def hear(self, chunk: bytes, *, loud: bool) -> Verdict:
        """See `Judge`."""
        self._kept.append(chunk)
        voiced = loud and self._is_voiced(chunk)
        slept = self._quiet_chunks >= SLEEP_CHUNKS
        self._quiet_chunks = 0 if voiced else self._quiet_chunks + 1
        if self._quiet_chunks >= SLEEP_CHUNKS:
            return Verdict(voiced, 0.0)
        anew = slept or (voiced and self._denied_chunks >= FRESH_CHUNKS)
        probability = self._begin_anew() if anew else self._network.hear(chunk)
        self._denied_chunks = 0 if anew or probability >= SPEECH_PROBABILITY else self._denied_chunks + 1
        return Verdict(voiced, probability)

    def _begin_anew(self) -> float:
        self._network.reset()
        probability = 0.0
        for each in self._kept:
            probability = self._network.hear(each)
        return probability


def judge_from(settings: VadSettings) -> Judge:
    """The judge that the configuration names. Raises ConfigError where its library is missing."""
    if settings.engine == "silero":
        return Neural(NeuralJudge())
    is_voiced = make_is_voiced(settings.aggressiveness)
    return Cheap(is_voiced) if settings.engine == "webrtc" else Cascade(is_voiced, NeuralJudge())


def make_is_voiced(aggressiveness: int) -> IsVoiced:
    """Return a judge of chunks of `MIC_FORMAT` (10, 20 or 30 ms; any other length raises webrtcvad.Error).

    `aggressiveness` is webrtcvad's mode, 0 (lets most through) to 3; another value raises ValueError. The
    judge remembers the noise it has heard, so it is for one stream and one thread. About 5 us a chunk.
    It takes many loud noises for voice: `endpointing.SpeechDetector` knows better.
    """
    vad = webrtcvad.Vad(aggressiveness)
    is_speech, rate_hz = vad.is_speech, MIC_FORMAT.rate_hz

    def is_voiced(chunk: bytes) -> bool:
        return bool(is_speech(chunk, rate_hz))

    return is_voiced
