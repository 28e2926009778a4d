"""Who is asked whether a chunk holds a voice, and when. Pure: the libraries are in `vad` and `neural`.

The *cascade* asks webrtcvad about what is loud, and the neural judge only from the moment at which something
passes until it is quiet again. It then hears half a second of what was before, in a fresh state: after
some seconds of noise the network recognises half of the phrases that it recognises at once when it is
fresh (docs/inside/frontend.md). So it is fresh again and again while it says no.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from hw.base import CHUNK_MS

IsVoiced = Callable[[bytes], bool]

SPEECH_PROBABILITY = 0.5
"""From which it is speech, as the network's authors have it (snakers4/silero-vad, get_speech_timestamps)."""

LOOK_BACK_CHUNKS = 500 // CHUNK_MS
"""What the network hears of the time before, so that it knows what speech stands out from."""

SLEEP_CHUNKS = 600 // CHUNK_MS
"""After so long without a chunk that passes the cheap judge the network is asked no more."""

FRESH_CHUNKS = 500 // CHUNK_MS
"""After so long a no it begins anew."""


class Judgement(NamedTuple):
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

    def hear(self, chunk: bytes, *, loud: bool) -> Judgement:
        """Take the next chunk. `loud`: it stands out from the noise; else it need not be asked about."""
        ...


class Cheap:
    """One function, asked about what is loud."""

    def __init__(self, is_voiced: IsVoiced) -> None:
        self._is_voiced = is_voiced

    def hear(self, chunk: bytes, *, loud: bool) -> Judgement:
        """See `Judge`."""
        return Judgement(loud and self._is_voiced(chunk), None)


class Neural:
    """The network, asked about every chunk."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def hear(self, chunk: bytes, *, loud: bool) -> Judgement:
        """See `Judge`."""
        probability = self._network.hear(chunk)
        return Judgement(loud and probability >= SPEECH_PROBABILITY, probability)


class Cascade:
    """The network, asked about what passes webrtcvad and about what follows it."""

    def __init__(self, is_voiced: IsVoiced, network: Network) -> None:
        self._is_voiced = is_voiced
        self._network = network
        self._kept: deque[bytes] = deque(maxlen=LOOK_BACK_CHUNKS)
        self._quiet_chunks = SLEEP_CHUNKS
        self._denied_chunks = 0

    def hear(self, chunk: bytes, *, loud: bool) -> Judgement:
        """See `Judge`."""
        self._kept.append(chunk)
        voiced = loud and self._is_voiced(chunk)
        slept = self._quiet_chunks >= SLEEP_CHUNKS
        self._quiet_chunks = 0 if voiced else self._quiet_chunks + 1
        if self._quiet_chunks >= SLEEP_CHUNKS:
            return Judgement(voiced, 0.0)
        anew = slept or (voiced and self._denied_chunks >= FRESH_CHUNKS)
        probability = self._begin_anew() if anew else self._network.hear(chunk)
        self._denied_chunks = 0 if anew or probability >= SPEECH_PROBABILITY else self._denied_chunks + 1
        return Judgement(voiced, probability)

    def _begin_anew(self) -> float:
        self._network.reset()
        probability = 0.0
        for each in self._kept:
            probability = self._network.hear(each)
        return probability
