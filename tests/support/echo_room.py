"""Rooms, voices and loudspeakers made for tests: what a microphone beside a speaker hears.

Everything is a function of its arguments and of a seeded generator. Sounds are mono float arrays, 1.0 full
scale; those that go to the speaker run at 24 kHz, those at the microphone at 16 kHz. Voices come from
espeak-ng where it is installed; the suite's own fast tests do without (`synthetic_sound`, and the messages
that are shipped).
"""

from __future__ import annotations

import io
import shutil
import subprocess
import wave
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from synthetic_sound import Sound, at_dbfs, rms

from hw.base import MIC_FORMAT, SPEAKER_FORMAT

HAS_ESPEAK = shutil.which("espeak-ng") is not None
"""Whether there are voices to be had."""

MIC_HZ, SPEAKER_HZ = MIC_FORMAT.rate_hz, SPEAKER_FORMAT.rate_hz

SOUND_SPEED_M_S = 343.0
ROOM_M = (4.1, 3.3, 2.5)
"""A small room; no two sides are multiples of each other."""

REPLIES = (
    "The weather in Tokyo is mild today, with a light breeze from the sea and a few clouds in the afternoon.",
    "Of course. First you boil the water, then you add the pasta and a little salt, and wait nine minutes.",
    "The tallest mountain of the Alps is Mont Blanc, which is four thousand eight hundred metres high.",
    "I would try turning it off and on again. If that does not help, check the cable behind the cupboard.",
    "Once upon a time there was a small parrot who could repeat everything that people said in the kitchen.",
    "There are seven oranges, three apples and about a dozen eggs. Shall I put milk on the list as well?",
    "Photosynthesis turns light, water and carbon dioxide into sugar; the oxygen we breathe is left over.",
    "Your timer has four minutes left. The train to the airport leaves at twenty past eight, platform two.",
)
"""What the speaker says."""

REQUESTS = (
    "Stop, that is enough.", "Wait, what did you say?", "No, I meant the other one.", "Okay, thank you.",
    "Turn off the kitchen light.", "Tell me about something else.", "How long does that take?",
    "Please speak a little louder.", "What time is it in Tokyo?", "Can you say that again?",
    "Play some music instead.", "Actually, never mind.",
)  # fmt: skip
"""What the user says over it."""


@dataclass(frozen=True, slots=True)
class Speaking:
    """One of espeak-ng's voices."""

    voice: str = "en-us"
    pitch: int = 50
    words_per_minute: int = 170


DEVICE_VOICES = (Speaking("en-us", 45, 165), Speaking("en-gb+f2", 55, 175), Speaking("en-us+m3", 40, 160))
USER_VOICES = (
    Speaking("en-us+m1", 35, 165), Speaking("en-us+f3", 60, 180), Speaking("en-gb+m7", 45, 190),
    Speaking("en-gb-scotland+f4", 70, 170), Speaking("en-gb-x-rp+m2", 30, 150),
)  # fmt: skip


# --- voices ------------------------------------------------------------------------------------------


@cache
def spoken(text: str, how: Speaking, rate_hz: int) -> Sound:
    """A sentence, from its first to its last audible sample, at -20 dBFS. Needs espeak-ng."""
    command = ["espeak-ng", "-v", how.voice, "-p", str(how.pitch), "-s", str(how.words_per_minute)]
    made = subprocess.run([*command, "--stdout", text], check=True, capture_output=True).stdout
    with wave.open(io.BytesIO(made)) as file:
        made_hz = file.getframerate()
    sound = np.frombuffer(made[44:], "<i2").astype(np.float64) / 32768  # its header claims endless length
    loud = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max())
    return at_dbfs(resampled(sound[loud[0] : loud[-1] + 1], rate_hz / made_hz), -20.0)


def reply_speech(seconds: float, seed: int, dbfs: float = -20.0) -> Sound:
    """What the device says: sentences with short pauses, at 24 kHz, as loud as a Live reply is."""
    random = np.random.default_rng(seed)
    how = DEVICE_VOICES[seed % len(DEVICE_VOICES)]
    parts: list[Sound] = []
    while sum(map(len, parts)) < seconds * SPEAKER_HZ:
        parts.append(spoken(REPLIES[random.integers(len(REPLIES))], how, SPEAKER_HZ))
        parts.append(np.zeros(round(random.uniform(0.15, 0.5) * SPEAKER_HZ)))
    return np.concatenate(parts)[: round(seconds * SPEAKER_HZ)] * 10 ** ((dbfs + 20) / 20)


# --- filters -----------------------------------------------------------------------------------------


def resampled(sound: Sound, ratio: float) -> Sound:
    """The sound at `ratio` times its rate, without what that rate cannot carry; for whole sounds."""
    size = round(len(sound) * ratio)
    spectrum = np.fft.rfft(sound)
    wanted = np.zeros(size // 2 + 1, np.complex128)
    kept = min(len(wanted), len(spectrum))
    wanted[:kept] = spectrum[:kept]
    return np.fft.irfft(wanted, size) * ratio


def stretched(sound: Sound, ppm: float) -> Sound:
    """The sound from a clock that is slow by `ppm` millionths: so much longer."""
    if ppm == 0:
        return sound
    fine = resampled(sound, 4.0)  # linear interpolation is good enough at four times the rate
    at = np.arange(round(len(sound) * (1 + ppm * 1e-6))) * 4 / (1 + ppm * 1e-6)
    return np.interp(at, np.arange(len(fine)), fine)


def convolved(sound: Sound, response: Sound) -> Sound:
    """The sound as it arrives by way of `response`; as long as the sound."""
    size = 1 << (len(sound) + len(response)).bit_length()
    product_ = np.fft.rfft(sound, size) * np.fft.rfft(response, size)
    return np.fft.irfft(product_, size)[: len(sound)]


@cache
def room_response(
    source_m: tuple[float, float, float], mic_m: tuple[float, float, float], reflection: float = 0.72
) -> Sound:
    """Impulse response of ROOM_M at 16 kHz, 0.3 s, by image sources, its direct sound of gain 1.

    `reflection` is the walls' pressure coefficient; 0.72 makes a reverberation time of 0.25 s, a furnished
    room. (J. Allen, D. Berkley, JASA 65, 1979.)
    """
    response = np.zeros(round(0.3 * MIC_HZ))
    direct_m = float(np.linalg.norm(np.subtract(source_m, mic_m)))
    for axes in product(*(_images(*place) for place in zip(source_m, mic_m, ROOM_M, strict=True))):
        distance_m = float(np.sqrt(sum(offset_m**2 for offset_m, _ in axes)))
        at, share = divmod(distance_m / SOUND_SPEED_M_S * MIC_HZ, 1.0)
        if at + 1 < len(response):
            gain = direct_m / distance_m * reflection ** sum(count for _, count in axes)
            response[int(at)] += gain * (1 - share)
            response[int(at) + 1] += gain * share
    return response


def _images(source_m: float, mic_m: float, side_m: float, order: int = 6) -> list[tuple[float, int]]:
    """Along one axis: distance to each image of the source, and from how many walls it was reflected."""
    images = []
    for n in range(-order, order + 1):
        images.append((2 * n * side_m + source_m - mic_m, abs(2 * n)))
        images.append((2 * n * side_m - source_m - mic_m, abs(2 * n - 1)))
    return images


def small_loudspeaker(sound: Sound, rate_hz: int, drive: float) -> Sound:
    """What a 4 cm loudspeaker makes of it: nothing below 200 Hz, and `drive` times full scale saturates.

    At a drive of 1 a full-scale tone has some 4 % third harmonic, at 2 some 10 %.
    """
    spectrum = np.fft.rfft(sound)
    hz = np.fft.rfftfreq(len(sound), 1 / rate_hz)
    passed = np.fft.irfft(spectrum * hz**2 / (hz**2 + 200.0**2), len(sound))
    if drive == 0:
        return passed
    return np.tanh(drive * passed) / drive


def music(seconds: float, seed: int = 1) -> Sound:
    """A tune in four chords with a beat, at 16 kHz and -20 dBFS: steady tones, onsets, no voice."""
    random = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * MIC_HZ)) / MIC_HZ
    whole = np.zeros(len(time_s))
    for beat in range(int(seconds / 0.5)):
        begin = round(beat * 0.5 * MIC_HZ)
        part = slice(begin, begin + MIC_HZ // 2)
        local_s = time_s[: len(whole[part])]
        root_hz = (220.0, 174.6, 261.6, 196.0)[beat // 4 % 4]
        tune_hz = root_hz * 2 * random.choice([1.0, 1.125, 1.25, 1.5])
        for hz, gain in ((root_hz, 1.0), (root_hz * 1.25, 0.7), (root_hz * 1.5, 0.7), (tune_hz, 1.2)):
            for overtone in range(1, 6):
                tone = np.sin(2 * np.pi * hz * overtone * local_s) / overtone**1.5
                whole[part] += gain * tone * np.exp(-2.5 * local_s)
        drum = random.standard_normal(len(local_s)) * np.exp(-40 * local_s)
        whole[part] += (
            1.5 * drum if beat % 2 else 2 * np.sin(2 * np.pi * 60 * local_s) * np.exp(-15 * local_s)
        )
    return at_dbfs(whole, -20.0)


# --- scenes ------------------------------------------------------------------------------------------

MIC_M = (1.20, 1.50, 0.80)
BOX_SPEAKER_M = (1.29, 1.53, 0.78)
"""A speaker in one box with the microphone: 10 cm away."""
USER_M = (2.90, 2.20, 1.45)
"""The user: two metres away."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A speaker, a microphone, perhaps a user."""

    echo_dbfs: float = -20.0
    """Level of the echo at the microphone while the speaker speaks."""
    drive: float = 1.0
    """How hard the loudspeaker is driven; see `small_loudspeaker`."""
    delay_ms: float = 60.0
    """From the moment at which the reference says that a sample is heard to its arrival, beside the air."""
    drift_ppm: float = 0.0
    """The speaker's clock is slow by this, against the microphone's."""
    noise_dbfs: float = -65.0
    near_dbfs: float = -30.0
    seed: int = 1

    def but(self, **changes: float) -> Scene:
        """The same scene with something changed."""
        return replace(self, **changes)  # type: ignore[arg-type]  # the seed is the one whole number

    def echo(self, far: Sound) -> Sound:
        """What of `far` (24 kHz) reaches the microphone, 16 kHz: `echo_dbfs` for speech at -20 dBFS."""
        heard = _through_box(far, self.drive, self.drift_ppm)
        late = np.concatenate([np.zeros(round(self.delay_ms / 1000 * MIC_HZ)), heard])
        return late * 10 ** (self.echo_dbfs / 20) / _usual_level(self.drive)

    def near(self, speech: Sound) -> Sound:
        """What of the user's speech (16 kHz) reaches the microphone."""
        heard = convolved(speech, room_response(USER_M, MIC_M))
        return heard * 10 ** (self.near_dbfs / 20) / active_rms(heard)

    def noise(self, size: int) -> Sound:
        """The room and the microphone's own noise."""
        return at_dbfs(np.random.default_rng(self.seed).standard_normal(size), self.noise_dbfs)


def _through_box(far: Sound, drive: float, drift_ppm: float = 0.0) -> Sound:
    driven = small_loudspeaker(far, SPEAKER_HZ, drive)
    arriving = stretched(resampled(driven, MIC_HZ / SPEAKER_HZ), drift_ppm)
    return convolved(arriving, room_response(BOX_SPEAKER_M, MIC_M))


@cache
def _usual_level(drive: float) -> float:
    """Of a reply at the microphone, before any gain."""
    return active_rms(_through_box(reply_speech(10.0, seed=0), drive))


def active_rms(sound: Sound, share: float = 0.1) -> float:
    """Root mean square of the 20 ms blocks that are not pauses: above `share` of the loudest."""
    blocks = sound[: len(sound) // 320 * 320].reshape(-1, 320)
    levels = np.sqrt(np.mean(blocks**2, axis=1))
    return rms(np.asarray(levels[levels > share * levels.max()]))


def mixed(size: int, *parts: tuple[int, Sound]) -> Sound:
    """The parts added up, each from its first sample on, in `size` samples."""
    whole = np.zeros(size)
    for at, part in parts:
        fitting = part[: max(0, size - at)]
        whole[at : at + len(fitting)] += fitting
    return whole


def to_pcm(sound: Sound) -> bytes:
    """s16 samples, clipped as a converter does."""
    return (np.clip(np.rint(sound * 32768), -32768, 32767)).astype("<i2").tobytes()


def from_pcm(pcm: bytes) -> NDArray[np.float64]:
    """Samples of 1.0 full scale."""
    return np.frombuffer(pcm, "<i2").astype(np.float64) / 32768
