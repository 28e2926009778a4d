"""What the front end makes of echo, of a voice over it, and of both clocks; and what it costs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import log10
from statistics import median

import numpy as np
from echo_device import Device, Heard, said_at
from echo_room import (
    MIC_HZ,
    REQUESTS,
    SPEAKER_HZ,
    USER_VOICES,
    Scene,
    from_pcm,
    reply_speech,
    spoken,
)
from synthetic_sound import Sound, rms

from bench.frontend_candidates import conure
from daemon.config.settings import VadSettings
from daemon.hearing.frontend.front_end import Canceller

MakeCanceller = Callable[[], Canceller]

NORMAL = Scene(echo_dbfs=-20, drive=1)
LOUDEST = Scene(echo_dbfs=-12, drive=2)
"""The loudest setting: the loudspeaker distorts (10 %), the echo's peaks come near full scale."""

ECHO_SCENES = {
    "normal": NORMAL,
    "delay 20 ms": NORMAL.but(delay_ms=20),
    "delay 150 ms": NORMAL.but(delay_ms=150),
    "delay 300 ms": NORMAL.but(delay_ms=300),
    "drift +200 ppm": NORMAL.but(drift_ppm=200),
    "drift -200 ppm": NORMAL.but(drift_ppm=-200),
    "soft": NORMAL.but(echo_dbfs=-35),
    "loudest": LOUDEST,
    "loudest, 250 ms, +150 ppm": LOUDEST.but(delay_ms=250, drift_ppm=150),
    "quiet room": NORMAL.but(noise_dbfs=-80),
}


def db(sound: Sound) -> float:
    """Level in dBFS."""
    return float(20 * np.log10(max(rms(sound), 1e-6)))


@dataclass(frozen=True, slots=True)
class Erle:
    """Echo return loss enhancement in dB, echo alone; it cannot exceed the echo's level above the noise."""

    first_s: float
    after_1_s: float
    last_half: float


def measure_erle(scene: Scene, make: MakeCanceller, seconds: float) -> Erle:
    """How much softer the microphone's signal becomes while the speaker alone speaks."""
    heard = Device(scene, make()).hear(reply_speech(seconds, 1))
    mic, left = from_pcm(heard.mic), from_pcm(heard.cleaned)

    def erle(begin_s: float, end_s: float) -> float:
        part = slice(round(begin_s * MIC_HZ), round(end_s * MIC_HZ))
        return round(db(mic[part]) - db(left[part]), 1)

    return Erle(erle(0, 1), erle(1, seconds), erle(seconds / 2, seconds))


def measure_near_loss(scene: Scene, make: MakeCanceller, count: int) -> float:
    """Median loss in dB of sentences spoken over the echo, against the same over a silent speaker.

    By projection: what of the output is the sentence, and not merely as loud as it. One device through all.
    """
    device, losses = Device(scene, make()), []
    device.hear(reply_speech(5.0, 0))
    for number in range(count):
        near = scene.near(_request(number, MIC_HZ))
        far = reply_speech(3.0 + len(near) / MIC_HZ, number)
        gains_db = [
            _gain_db(from_pcm(device.hear(sound, said_at(3.0, near)).cleaned), near, 3.0)
            for sound in (far, np.concatenate([far[: SPEAKER_HZ // 2], 1e-3 * far[SPEAKER_HZ // 2 :]]))
        ]
        losses.append(gains_db[1] - gains_db[0])
    return round(median(losses), 1)


def _gain_db(out: Sound, near: Sound, at_s: float) -> float:
    """With which gain `near` is contained in `out` from `at_s` on; the canceller's delay is looked for."""
    begin = round(at_s * MIC_HZ)
    gains = [float(np.dot(out[at : at + len(near)], near)) for at in range(begin, begin + 321, 4)]
    return 20 * log10(max(max(gains) / float(np.dot(near, near)), 1e-3))


# --- barge-in --------------------------------------------------------------------------------------


def false_starts(scene: Scene, make: MakeCanceller, minutes: int, vad: VadSettings | None = None) -> int:
    """How often the device interrupts itself in so many replies of a minute each."""
    device = Device(scene, make(), vad)
    return sum(len(device.hear(reply_speech(60.0, seed)).starts) for seed in range(minutes))


@dataclass(frozen=True, slots=True)
class BargeIns:
    """Sentences spoken over replies."""

    count: int
    caught: int
    early: int
    """How often the device interrupted itself before anybody spoke."""
    p50_ms: float
    p90_ms: float
    """From the first sample of the sentence until the speaker is told to be silent."""
    kept: int
    """Of the caught: how many utterances, with their pre-roll, begin before the sentence does."""


def measure_barge_ins(scene: Scene, make: MakeCanceller, count: int, preroll_s: float = 0.5) -> BargeIns:
    """One device through so many replies, each interrupted once."""
    device, random = Device(scene, make()), np.random.default_rng(1)
    delays_s, kept, early = [], 0, 0
    for number in range(count):
        at_s = random.uniform(2.0, 5.0)
        near = scene.near(_request(number, MIC_HZ))
        heard = device.hear(
            reply_speech(at_s + len(near) / MIC_HZ + 1.0, number), said_at(at_s, near), cut_on_speech=True
        )
        start = _first_after(heard, at_s)
        early += any(each.noticed_s <= at_s for each in heard.starts)
        if start is not None and start[0] <= at_s + len(near) / MIC_HZ + 0.2:
            delays_s.append(start[0] - at_s)
            kept += start[1] - preroll_s <= at_s
    p50_s, p90_s = (np.percentile(delays_s, share) if delays_s else np.nan for share in (50, 90))
    return BargeIns(count, len(delays_s), early, round(p50_s * 1000), round(p90_s * 1000), kept)


def _first_after(heard: Heard, at_s: float) -> tuple[float, float] | None:
    return next(((each.noticed_s, each.onset_s) for each in heard.starts if each.noticed_s > at_s), None)


def _request(number: int, rate_hz: int) -> Sound:
    return spoken(REQUESTS[number % len(REQUESTS)], USER_VOICES[number % len(USER_VOICES)], rate_hz)


# --- cost ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU in milliseconds per second of audio, of this thread; resident memory in MB."""

    cancelling_ms_s: float
    asleep_ms_s: float
    memory_mb: float


def measure_cost(seconds: float = 20.0) -> Cost:
    """Of the front end alone, without the detector."""
    far = reply_speech(seconds, 1)
    device = Device(NORMAL, conure())
    cancelling_ms = _cpu_ms(device, lambda: device.hear(far))
    asleep_ms = _cpu_ms(
        device, lambda: device.hear(np.zeros(SPEAKER_HZ // 50), np.zeros(round(seconds * MIC_HZ)))
    )
    return Cost(round(cancelling_ms / seconds, 1), round(asleep_ms / seconds, 2), _memory_mb())


def _cpu_ms(device: Device, live: Callable[[], object]) -> float:
    clean, spent_s = device.front_end.clean, 0.0

    def timed(chunk: bytes, now_s: float, floor_dbfs: float, *, speech: bool = False) -> object:
        nonlocal spent_s
        begin_s = time.thread_time()
        cleaned = clean(chunk, now_s, floor_dbfs, speech=speech)
        spent_s += time.thread_time() - begin_s
        return cleaned

    device.front_end.clean = timed  # type: ignore[method-assign, assignment]  # a stop watch around it
    try:
        live()
    finally:
        device.front_end.clean = clean  # type: ignore[method-assign]
    return spent_s * 1000


MEMORY_PROGRAM = """
import re
from daemon import features, ring
def resident_kb():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1])
features.periodicity(bytes(640))
before = resident_kb()
from daemon.hearing.frontend import FarEnd, FrontEnd
from daemon.hearing.frontend.two_stages import TwoStages
from daemon.hearing.frontend.webrtc import EchoCanceller
far_end = FarEnd()
front_end = FrontEnd(far_end, TwoStages(EchoCanceller()))
noise = bytes(range(1, 241)) * 4
for at in range(500):
    far_end.played(noise, 1000 + at * 0.02, 0.2)
    front_end.clean(noise[:640], 1000 + at * 0.02, -60.0)
print((resident_kb() - before) / 1024)
"""


def _memory_mb() -> float:
    """What the front end adds to a program that has numpy and the detector's features loaded already."""
    told = subprocess.run([sys.executable, "-c", MEMORY_PROGRAM], check=True, capture_output=True, text=True)
    return round(float(told.stdout), 1)
