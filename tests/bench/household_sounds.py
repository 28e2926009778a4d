"""What a microphone in a flat hears beside its user: music, singing, television, animals, dishes, telephones.

From Debian's packages, which are fetched once into the user's cache and never committed (`fetch`), and made
from recorded prompts. Each kind comes in two sets: constants are chosen with one, and judged with the other.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import numpy as np
import recorded_speech
from echo_room import MIC_HZ, MIC_M, active_rms, convolved, to_pcm
from hard_rooms import response
from synthetic_sound import Sound, at_dbfs, door

from daemon.hearing.features import pitch

FOLDER = recorded_speech.FOLDER.parent / "household-sounds"

PACKAGES = (
    "asterisk-moh-opsound-wav", "singularity-music", "extremetuxracer-data", "fretsonfire-songs-sectoid",
    "warzone2100-music", "hyperrogue-music", "frozen-bubble-data", "sonic-pi-samples",
    "tuxpaint-stamps-default", "linphone-common", "sound-theme-freedesktop", "minetest-data",
)  # fmt: skip
"""CC-BY-SA, GPL and public domain; some 500 MB."""

FAR_M = (3.90, 2.60, 1.50)
"""3.0 m from the microphone of `echo_room`."""

MUSIC = (
    ("asterisk/moh/*.wav", "games/singularity/**/*.ogg", "games/etr/music/*.ogg",
     "games/fretsonfire/**/song.ogg"),
    ("games/warzone2100/**/*.opus", "hyperrogue/music/hr3-*.ogg", "games/frozen-bubble/snd/*zik*.ogg"),
)  # fmt: skip
SOLO = ("sonic-pi/samples/*.flac", "tuxpaint/stamps/hobbies/**/*.ogg")
ANIMALS = ("tuxpaint/stamps/animals/**/*.ogg", "sonic-pi/samples/misc_*.flac")
KITCHEN = (
    "games/minetest/**/default_*glass*.ogg", "games/minetest/**/default_*metal*.ogg",
    "games/minetest/**/default_place*.ogg", "games/minetest/**/doors_*.ogg",
    "tuxpaint/stamps/household/**/*.ogg",
)  # fmt: skip
TELEPHONES = (
    "sounds/linphone/rings/*", "sounds/freedesktop/stereo/phone*", "sounds/freedesktop/stereo/alarm*",
    "sonic-pi/samples/*bell*.flac", "sonic-pi/samples/mehackit_phone*.flac",
    "sounds/freedesktop/stereo/bell*",
)  # fmt: skip
WORDS = "tuxpaint/stamps/symbols/**/?_*.ogg"
"""Digits, said by people in twenty languages."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the two sets."""

    held_out: bool
    speakers: tuple[str, ...]
    """Languages of the user."""
    television: tuple[str, ...]
    seed: int


CHOSEN_WITH = Part(held_out=False, speakers=("en", "fr"), television=("ru", "it"), seed=11)
HELD_OUT = Part(held_out=True, speakers=("es", "it", "ru"), television=("fr", "en"), seed=1011)


def fetch() -> None:
    """Get the packages that are not there yet. Raises CalledProcessError, FileNotFoundError."""
    recorded_speech.fetch()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in PACKAGES:
        if (FOLDER / "usr" / "share" / "doc" / name).exists():
            continue
        subprocess.run(["apt-get", "download", "-q", name], cwd=FOLDER, check=True, capture_output=True)
        for package in FOLDER.glob(f"{name}_*.deb"):
            subprocess.run(["dpkg", "-x", str(package), str(FOLDER)], check=True)
            package.unlink()


# --- files -------------------------------------------------------------------------------------------


def found(patterns: Iterable[str]) -> list[Path]:
    """The files, without the descriptions that people speak."""
    root = FOLDER / "usr" / "share"
    paths = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
    return sorted(path for path in paths if "_desc" not in path.name)


def halved(paths: list[Path], part: Part) -> list[Path]:
    """Every second one, or the others."""
    return paths[int(part.held_out) :: 2]


@cache
def decoded(path: Path, most_s: float = 240.0) -> Sound:
    """A file's sound at 16 kHz, mono, from its first to its last audible sample, at -20 dBFS."""
    blocks: list[Sound] = []
    with av.open(str(path)) as file:
        if not file.streams.audio:  # a ring may be a video
            return np.zeros(0)
        rate = av.AudioResampler(format="flt", layout="mono", rate=MIC_HZ)
        for frame in file.decode(audio=0):
            blocks += [made.to_ndarray()[0].astype(np.float64) for made in rate.resample(frame)]
            if frame.time is not None and frame.time > most_s:
                break
    sound = np.concatenate(blocks)
    loud = np.flatnonzero(np.abs(sound) > max(0.001, 0.01 * np.abs(sound).max()))
    if not len(loud):  # some files are there to be silent
        return np.zeros(0)
    kept = sound[loud[0] : loud[-1] + 1]
    return kept * 0.1 / active_rms(np.concatenate([kept, np.zeros(640)]))


# --- rooms -------------------------------------------------------------------------------------------


def in_room(sound: Sound, t60_s: float, dbfs: float, seed: int = 1) -> Sound:
    """The sound as it arrives from 3 m away, so loud where it sounds."""
    heard = convolved(sound, response(FAR_M, MIC_M, t60_s, seed))
    return heard * 10 ** (dbfs / 20) / active_rms(heard)


def next_door(sound: Sound) -> Sound:
    """Through a wall: 6 dB less an octave above 700 Hz."""
    spectrum = np.fft.rfft(sound)
    hz = np.fft.rfftfreq(len(sound), 1 / MIC_HZ)
    return np.fft.irfft(spectrum / (1 + 1j * hz / 700.0), len(sound))


def laid_out(sounds: Iterable[Sound], seconds: float, gaps_s: tuple[float, float], seed: int) -> Sound:
    """One after the other, with gaps."""
    random = np.random.default_rng(seed)
    parts: list[Sound] = []
    size = round(seconds * MIC_HZ)
    for sound in sounds:
        parts += [np.zeros(round(random.uniform(*gaps_s) * MIC_HZ)), sound]
        if sum(map(len, parts)) >= size:
            break
    whole = np.concatenate([*parts, np.zeros(size)])
    return whole[:size]


def _drawn(paths: list[Path], seed: int, most_s: float) -> Iterator[Sound]:
    """Excerpts of files in random order, again and again; faded in and out within 10 ms."""
    random = np.random.default_rng(seed)
    while True:
        for at in random.permutation(len(paths)):
            sound = decoded(paths[at])
            if not len(sound):
                continue
            size = round(most_s * MIC_HZ)
            begin = int(random.integers(max(1, len(sound) - size)))
            yield at_dbfs(_faded(sound[begin : begin + size]), -20.0)


def _faded(sound: Sound) -> Sound:
    ramp = np.minimum(1.0, np.arange(len(sound)) / 160)
    return sound * ramp * ramp[::-1]


# --- kinds -------------------------------------------------------------------------------------------


def music(part: Part, seconds: float) -> Sound:
    """Excerpts of 20 s with short gaps, so that it begins again and again."""
    drawn = _drawn(found(MUSIC[part.held_out]), part.seed, 20.0)
    return in_room(laid_out(drawn, seconds, (0.5, 8.0), part.seed), 0.45, -30.0)


def solo(part: Part, seconds: float) -> Sound:
    """Single instruments."""
    drawn = _drawn(halved(found(SOLO), part), part.seed, 8.0)
    return in_room(laid_out(drawn, seconds, (0.3, 4.0), part.seed), 0.45, -30.0)


def singing(part: Part, seconds: float) -> Sound:
    """People's prompts, sung: see `sung`."""
    return in_room(laid_out(_songs(part), seconds, (0.2, 3.0), part.seed), 0.45, -30.0)


def television(part: Part, seconds: float) -> Sound:
    """People who talk in the next room, at times over music, 25 dB softer than a user."""
    speech = laid_out(_prompts(part.television, part.seed, 2.0, 15.0), seconds, (0.15, 2.5), part.seed)
    bed = laid_out(_drawn(found(MUSIC[part.held_out]), part.seed + 1, 15.0), seconds, (5.0, 25.0), part.seed)
    return in_room(next_door(speech + 0.3 * bed), 0.6, -55.0)


def animals(part: Part, seconds: float) -> Sound:
    """Dogs, birds and what else barks."""
    drawn = _drawn(halved(found(ANIMALS), part), part.seed, 4.0)
    return in_room(laid_out(drawn, seconds, (0.3, 3.0), part.seed), 0.45, -30.0)


def kitchen(part: Part, seconds: float) -> Sound:
    """Dishes, glasses, metal, water, machines."""
    drawn = _drawn(halved(found(KITCHEN), part), part.seed, 4.0)
    recorded = laid_out(drawn, seconds, (0.2, 2.0), part.seed)
    made = laid_out(_dishes(part.seed), seconds, (0.05, 1.2), part.seed + 1)
    return in_room(recorded + made, 0.45, -28.0)


def telephones(part: Part, seconds: float) -> Sound:
    """And bells, and alarms."""
    drawn = _drawn(halved(found(TELEPHONES), part), part.seed, 8.0)
    return in_room(laid_out(drawn, seconds, (0.5, 4.0), part.seed), 0.45, -30.0)


def doors(part: Part, seconds: float) -> Sound:
    """Slammed, one in 2 s."""
    random = np.random.default_rng(part.seed)

    def slams() -> Iterator[Sound]:
        while True:
            slam = door(
                random, random.uniform(0.1, 0.4), random.uniform(500, 3000), random.uniform(0.05, 0.5)
            )
            yield np.concatenate([slam, np.zeros(2 * MIC_HZ - len(slam))])

    return laid_out(slams(), seconds, (0.0, 0.1), part.seed)


def _dishes(seed: int) -> Iterator[Sound]:
    """Plates and glasses that touch: some partials that ring for a while."""
    random = np.random.default_rng(seed)
    time_s = np.arange(round(0.5 * MIC_HZ)) / MIC_HZ
    while True:
        rings = [
            random.uniform(0.2, 1) * np.exp(-time_s * random.uniform(8, 60))
            * np.sin(2 * np.pi * random.uniform(900, 7000) * time_s)
            for _ in range(random.integers(3, 8))
        ]  # fmt: skip
        yield 0.1 * random.uniform(0.3, 2.0) * np.sum(rings, axis=0)


# --- people ------------------------------------------------------------------------------------------


def phrases(part: Part, least_s: float, most_s: float, count: int) -> list[Sound]:
    """What users say."""
    drawn = _prompts(part.speakers, part.seed, least_s, most_s)
    return [next(drawn) for _ in range(count)]


def words(part: Part, count: int) -> list[Sound]:
    """Single words: digits."""
    paths = halved(found([WORDS]), part)
    random = np.random.default_rng(part.seed)
    return [decoded(paths[at]) for at in random.permutation(len(paths))[:count]]


def _prompts(languages: tuple[str, ...], seed: int, least_s: float, most_s: float) -> Iterator[Sound]:
    random = np.random.default_rng(seed)
    number = 0
    while True:
        paths = recorded_speech.sentences(languages[number % len(languages)], least_s, most_s)
        yield recorded_speech.recorded(paths[random.integers(len(paths))], MIC_HZ)
        number += 1


def _songs(part: Part) -> Iterator[Sound]:
    random = np.random.default_rng(part.seed)
    for prompt in _prompts(part.speakers, part.seed, 2.0, 6.0):
        yield sung(prompt, random)


BLOCK, ORDER = 320, 18


def sung(speech: Sound, random: np.random.Generator) -> Sound:
    """The same words on the notes of a tune, 1.8 times as slow, with vibrato, by the same person.

    Two periods of the voice at a time are laid down at the distance of the wanted pitch (PSOLA: E. Moulines,
    F. Charpentier, Speech Communication 9, 1990). What has no pitch is laid down as it comes.
    """
    slow = 1.8
    size = round(len(speech) * slow)
    notes_hz = _tune_hz(size, random)
    whole = np.zeros(size + MIC_HZ)
    at = 0.0
    while at < size:
        begin = max(0, min(len(speech) - 2 * BLOCK, int(at / slow)))
        heard = pitch(to_pcm(speech[begin : begin + BLOCK]))
        voiced = heard.periodicity > 0.5
        period = round(MIC_HZ / heard.hz) if voiced else 160
        middle = begin + int(np.argmax(np.abs(speech[begin : begin + period + 1]))) if voiced else begin
        grain = speech[max(0, middle - period) : middle + period]
        place = int(at)
        whole[place : place + len(grain)] += grain * np.hanning(len(grain))
        at += MIC_HZ / notes_hz[int(at)] if voiced else period
    return at_dbfs(whole[:size] + 1e-6, -20.0)


def _tune_hz(size: int, random: np.random.Generator) -> Sound:
    """Notes of a pentatonic scale, each 0.25 to 0.8 s long."""
    root_hz = random.choice([110.0, 130.0, 165.0, 196.0, 220.0, 262.0])
    parts: list[Sound] = []
    while sum(map(len, parts)) < size:
        note_hz = root_hz * 2 ** (random.choice([0, 2, 4, 7, 9, 12]) / 12)
        parts.append(np.full(round(random.uniform(0.25, 0.8) * MIC_HZ), note_hz))
    vibrato: Sound = 1 + 0.012 * np.sin(2 * np.pi * 5.5 * np.arange(size) / MIC_HZ)
    return np.concatenate(parts)[:size] * vibrato


def _linear_prediction(block: Sound) -> tuple[Sound, float] | None:
    """Coefficients and gain by autocorrelation; None where it is silent."""
    whole = np.correlate(block, block, "full")[len(block) - 1 : len(block) + ORDER]
    if whole[0] < 1e-5:
        return None
    whole[0] *= 1.001
    toeplitz = whole[np.abs(np.subtract.outer(np.arange(ORDER), np.arange(ORDER)))]
    coefficients = np.asarray(np.linalg.solve(toeplitz, whole[1:]), np.float64)
    return coefficients, float(np.sqrt(max(1e-9, whole[0] - coefficients @ whole[1:]) / len(block)))


def _all_pole(source: Sound, coefficients: Sound) -> Sound:
    """By its impulse response of one block, which is as long as a formant rings."""
    impulse = np.zeros(BLOCK)
    for at in range(BLOCK):
        past = impulse[max(0, at - ORDER) : at][::-1]
        impulse[at] = float(at == 0) + past @ coefficients[: len(past)]
    return np.convolve(source, impulse)[: len(source)]


def whispered(speech: Sound, random: np.random.Generator) -> Sound:
    """The same words without a voice: the mouth of each block, and breath."""
    blocks = len(speech) // BLOCK
    whole = np.zeros(len(speech) + 2 * BLOCK)
    window = np.hanning(2 * BLOCK)
    breath = random.standard_normal(len(whole))
    for number in range(blocks - 1):
        piece = slice(number * BLOCK, (number + 2) * BLOCK)
        mouth = _linear_prediction(speech[piece] * window)
        if mouth is not None:
            whole[piece] += mouth[1] * _all_pole(breath[piece], mouth[0]) * window
    made = np.diff(whole[: len(speech)], prepend=0.0) + 0.3 * whole[: len(speech)]  # the breath is bright
    return at_dbfs(made + 1e-6, -20.0)
