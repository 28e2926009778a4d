"""Judges whether a chunk holds a voice. The one module that imports webrtcvad, the cheap judge."""

from __future__ import annotations

import webrtcvad

from daemon.config.settings import VadSettings
from daemon.hearing.judging import Cascade, Cheap, IsVoiced, Judge, Neural
from daemon.hearing.neural import NeuralJudge
from hw.base import MIC_FORMAT


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
