"""What hears voices and wake words: how much each misses, how often each is wrong, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import synthetic_sound as sounds
from echo_device import Device, said_at
from echo_room import (
    MIC_HZ,
    REQUESTS,
    USER_VOICES,
    Scene,
    mixed,
    music,
    reply_speech,
    resampled,
    spoken,
)
from synthetic_sound import Sound

from bench.frontend_candidates import conure
from bench.frontend_echo import false_starts
from daemon.config.settings import VadSettings, WakeSettings
from daemon.errors import ConfigError
from daemon.hearing.endpointing import Edge, SpeechDetector
from daemon.hearing.vad import judge_from
from daemon.hearing.wake import WakeWords, make_wake_words
from hw.base import MIC_FORMAT

HOUR_S = 3600.0

ENGINES = ("cascade", "webrtc", "silero")
WORDS = {"okay_nabu": "Okay Nabu", "alexa": "Alexa"}
"""Two of the models that come with the library; both know espeak-ng's pronunciation."""

FAN_DBFS = -50.0


def _rooms(seconds: float) -> dict[str, Sound]:
    """Where nobody speaks, so that whatever is noticed is wrong."""
    random = np.random.default_rng(7)
    rattle = sounds.fan(random, seconds, -45.0)
    for at_s in np.arange(1.0, seconds - 1.0, 2.0):
        corner_hz = random.uniform(500, 3000)
        door = sounds.door(random, random.uniform(0.1, 0.4), corner_hz, peak=random.uniform(0.05, 0.5))
        rattle[round(at_s * MIC_HZ) :][: len(door)] += door
    return {
        "noise": sounds.fan(random, seconds, -40.0),
        "doors and clatter": rattle,
        "music": music(seconds) * 10 ** (-10 / 20),
    }


def own_voice(minutes: int, scene: Scene) -> Iterator[bytes]:
    """What is left of the device's own speech after the canceller, a minute at a time."""
    device = Device(scene, conure())
    for seed in range(minutes):
        yield device.hear(reply_speech(60.0, seed)).cleaned


def _chunks(pcm: bytes) -> Iterator[bytes]:
    size = MIC_FORMAT.chunk_bytes
    return (pcm[at : at + size] for at in range(0, len(pcm) - size + 1, size))


def _pcm(sound: Sound) -> bytes:
    return b"".join(sounds.chunks([sound]))


# --- voices ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Engine:
    """A judge of voices, in the detector that it serves."""

    missed: dict[str, str]
    """By signal-to-noise ratio: sentences of which the start was not noticed, or the first 0.2 s not sent."""
    wrong_per_hour: dict[str, float]
    cpu_ms_s: float
    """Of detector and judge together, while somebody speaks all the time."""


def measure_engine(name: str, scene: Scene, count: int, minutes: int) -> Engine | None:
    """None where its library is not installed."""
    settings = VadSettings(engine=name)
    try:
        judge_from(settings)
    except ConfigError:
        return None
    missed = {f"{snr_db} dB": _missed(settings, snr_db, count) for snr_db in (20, 10)}
    wrong = {room: _starts(settings, _pcm(sound)) * HOUR_S / 60 / minutes
             for room, sound in _rooms(60.0 * minutes).items()}  # fmt: skip
    wrong["own voice"] = false_starts(scene, conure, minutes, settings) * HOUR_S / 60 / minutes
    return Engine(missed, wrong, _engine_cpu_ms_s(settings))


def _missed(settings: VadSettings, snr_db: float, count: int) -> str:
    random, missed, clipped = np.random.default_rng(3), 0, 0
    for number in range(count):
        text, voice = REQUESTS[number % len(REQUESTS)], USER_VOICES[number % len(USER_VOICES)]
        speech = Scene(near_dbfs=FAN_DBFS + snr_db).near(spoken(text, voice, MIC_HZ))
        room = sounds.fan(random, 8.0 + len(speech) / MIC_HZ, FAN_DBFS)
        room[7 * MIC_HZ : 7 * MIC_HZ + len(speech)] += speech
        onset_s = _first_onset_s(settings, _pcm(room))
        missed += onset_s is None
        clipped += onset_s is not None and onset_s - settings.preroll_ms / 1000 > 7.0
    return f"{missed} + {clipped} of {count}"


def _first_onset_s(settings: VadSettings, pcm: bytes) -> float | None:
    ears = SpeechDetector(settings, judge_from(settings))
    for at, chunk in enumerate(_chunks(pcm)):
        heard = ears.hear(chunk, min_speech_ms=settings.min_speech_ms)
        if heard.edge is Edge.STARTED:
            return (at + 1 - heard.onset_chunks_ago) * 0.02
    return None


def _starts(settings: VadSettings, pcm: bytes) -> int:
    ears = SpeechDetector(settings, judge_from(settings))
    edges = (ears.hear(chunk, min_speech_ms=settings.min_speech_ms).edge for chunk in _chunks(pcm))
    return sum(edge is Edge.STARTED for edge in edges)


def _engine_cpu_ms_s(settings: VadSettings) -> float:
    pcm = _pcm(resampled(reply_speech(20.0, 1), 2 / 3) * 0.3)
    begin_s = time.thread_time()
    _starts(settings, pcm)
    return round((time.thread_time() - begin_s) * 1000 / MIC_FORMAT.seconds(len(pcm)), 1)


# --- wake words ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waking:
    """One wake word."""

    caught: dict[str, str]
    wrong_per_hour: dict[str, float]
    late_ms: float
    """Median time from the end of the word until it is noticed, in a quiet room."""
    cpu_ms_s: float


def measure_wake_word(name: str, scene: Scene, minutes: int) -> Waking | None:
    """None where the library is not installed."""

    def make() -> WakeWords:
        words = make_wake_words(WakeSettings(words=(name,)))
        assert words is not None
        return words

    try:
        make()
    except ConfigError:
        return None
    said = [spoken(WORDS[name], voice, MIC_HZ) for voice in USER_VOICES]
    quiet = [_late_s(make(), _in_quiet(word), 2.0 + len(word) / MIC_HZ) for word in said]
    noisy = [_late_s(make(), _in_fan(word), 2.0 + len(word) / MIC_HZ) for word in said]
    over = [_late_s(make(), _over_reply(word, scene), 3.0 + len(word) / MIC_HZ) for word in said]
    speech = resampled(np.concatenate([reply_speech(60.0, seed) for seed in range(minutes)]), 2 / 3)
    rooms = {"speech": _pcm(speech * 0.3), "music": _pcm(music(60.0 * minutes) * 0.3)}
    rooms["own voice"] = b"".join(own_voice(minutes, scene))
    begin_s = time.thread_time()
    wrong = {room: _heard(make(), pcm) * HOUR_S / 60 / minutes for room, pcm in rooms.items()}
    cpu_s = time.thread_time() - begin_s
    caught = {"quiet": quiet, "fan, 15 dB": noisy, "over a reply": over}
    late_s = [each for each in quiet if each is not None]
    return Waking(
        {where: f"{sum(each is not None for each in late)} of {len(said)}" for where, late in caught.items()},
        wrong,
        round(float(np.median(late_s)) * 1000) if late_s else float("nan"),
        round(cpu_s * 1000 / sum(MIC_FORMAT.seconds(len(pcm)) for pcm in rooms.values()), 1),
    )


def _in_quiet(word: Sound) -> bytes:
    size = 4 * MIC_HZ + len(word)
    return _pcm(
        mixed(size, (2 * MIC_HZ, word * 0.5), (0, sounds.white(np.random.default_rng(2), 9.0, -70.0)))
    )


def _in_fan(word: Sound) -> bytes:
    noise = sounds.fan(np.random.default_rng(2), 4.0 + len(word) / MIC_HZ, -20 - 6 - 15)
    return _pcm(mixed(len(noise), (2 * MIC_HZ, word * 0.5), (0, noise)))


def _over_reply(word: Sound, scene: Scene) -> bytes:
    device = Device(scene, conure())
    device.hear(reply_speech(5.0, 0))
    return device.hear(reply_speech(6.0, 1), said_at(3.0, scene.near(word))).cleaned


def _late_s(words: WakeWords, pcm: bytes, end_s: float) -> float | None:
    """How long after the word's end it was noticed; None: never."""
    for at, chunk in enumerate(_chunks(pcm)):
        if words.hear(chunk) is not None:
            return (at + 1) * 0.02 - end_s
    return None


def _heard(words: WakeWords, pcm: bytes) -> int:
    return sum(words.hear(chunk) is not None for chunk in _chunks(pcm))
