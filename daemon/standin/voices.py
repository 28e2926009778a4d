"""What the stand-in says: voices turn what was heard into a reply. Pure, on the event loop.

Heard audio is 16 kHz, spoken audio 24 kHz, both mono s16 little-endian (Live API guide, audio formats).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hw.files import OddFile, read_wav

HEARD_HZ = 16_000
SPOKEN_HZ = 24_000
SAMPLE_BYTES = 2

RATES_HZ = range(4_000, 192_001)
"""Of a file that a voice says: what sound devices record with."""

Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Piece:
    """One message of a reply: wait `delay_s`, then send `pcm` (24 kHz, whole samples)."""

    pcm: bytes
    delay_s: float = 0.0


Answer = bytes | Iterable[Piece]
"""Bytes are cut into messages and sent at the server's pace; pieces keep their own. Empty: no audio."""


class Voice(Protocol):
    """Answers a turn."""

    def reply(self, heard: bytes, text: str | None) -> Answer:
        """The reply to `heard` (16 kHz, may be empty) or to a written `text`."""
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """One utterance. `role` is `user` or `model`; the sound (16 kHz) is kept of the user's only."""

    role: str
    text: str = ""
    pcm: bytes = b""


@dataclass(frozen=True, slots=True)
class Recalled:
    """An answer out of what was said before, and its words."""

    audio: Answer
    words: str


@runtime_checkable
class Remembering(Protocol):
    """A voice that knows what was said in its session before this turn."""

    def recall(self, before: Sequence[Said]) -> Recalled:
        """The answer to a turn that followed these."""
        ...


class Recall:
    """Plays back what the user said before the present turn, or a tone where that was not spoken."""

    def reply(self, heard: bytes, text: str | None) -> bytes:
        """The tone: there is no session to remember."""
        return tone(0.4, 550.0)

    def recall(self, before: Sequence[Said]) -> Recalled:
        """The last that the user said, in sound or in words."""
        last = next((said for said in reversed(before) if said.role != "model"), Said("user"))
        sound = resample(last.pcm, HEARD_HZ, SPOKEN_HZ) or tone(0.4, 550.0)
        return Recalled(sound, f"(before: {last.text or 'nothing'})")


class Echo:
    """Plays back what it heard; answers text with a short tone, since there is nothing to repeat."""

    def reply(self, heard: bytes, text: str | None) -> bytes:
        """What was heard, at 24 kHz."""
        if not heard and text is not None:
            return tone(0.4, 660.0)
        return resample(heard, HEARD_HZ, SPOKEN_HZ)


@dataclass(frozen=True)
class Tone:
    """A sine tone at -12 dBFS."""

    seconds: float = 1.0
    hz: float = 440.0

    def reply(self, heard: bytes, text: str | None) -> bytes:
        """The tone, whatever was said."""
        return tone(self.seconds, self.hz)


class FixedWav:
    """Says the same file every time."""

    def __init__(self, path: Path) -> None:
        """Reads the file. Raises ValueError where it is not a mono 16-bit WAV file, OSError if not there."""
        try:
            wav = read_wav(path)
        except OddFile as error:
            raise ValueError(f"{path}: {error}") from error
        if (wav.channels, wav.sample_bytes) != (1, SAMPLE_BYTES) or wav.rate_hz not in RATES_HZ:
            raise ValueError(
                f"{path}: a mono 16-bit WAV file is needed, of {RATES_HZ[0]} to {RATES_HZ[-1]} Hz"
            )
        self._pcm = resample(wav.pcm, wav.rate_hz, SPOKEN_HZ)

    def reply(self, heard: bytes, text: str | None) -> bytes:
        """The file, whatever was said."""
        return self._pcm


@dataclass(frozen=True)
class Silence:
    """Audio of the usual length at almost no amplitude: a fault seen in the field while all looked well."""

    seconds: float = 2.0

    def reply(self, heard: bytes, text: str | None) -> bytes:
        """Alternating samples of one unit, about -90 dBFS."""
        return np.tile(np.array([1, -1], "<i2"), round(self.seconds * SPOKEN_HZ) // 2).tobytes()


class LongSpeech:
    """Speech-like tones without end in sight: half-second syllables of changing pitch."""

    def __init__(self, seconds: float = 120.0) -> None:
        syllables = (tone(0.4, 180.0 + 37.0 * (number % 11)) for number in range(round(seconds * 2)))
        gap = bytes(SAMPLE_BYTES * (SPOKEN_HZ // 10))
        self._pcm = b"".join(syllable + gap for syllable in syllables)

    def reply(self, heard: bytes, text: str | None) -> bytes:
        """The whole speech, whatever was said."""
        return self._pcm


class NoAudio:
    """Stays silent, as current models may when they think that they were not addressed."""

    def reply(self, heard: bytes, text: str | None) -> bytes:
        """Nothing."""
        return b""


VOICES: dict[str, Callable[[], Voice]] = {
    "echo": Echo,
    "tone": Tone,
    "silence": Silence,
    "long": LongSpeech,
    "none": NoAudio,
    "recall": Recall,
}
"""The voices that have a name on the command line and in a plan."""


SIGN_S = 0.065
"""How long a letter takes to say: some 15 a second, as people speak."""


def read_aloud(text: str, voice: str = "") -> bytes:
    """A made-up sound of a text, 24 kHz: for each word a tone of its length, whose pitch is its own.

    The same text in the same voice always sounds the same.
    """
    sounds = []
    for word in text.split():
        pitch = zlib.crc32(f"{voice} {word}".encode()) % 24
        sounds.append(tone(SIGN_S * len(word), 150.0 * 2 ** (pitch / 12)))
    return bytes(SAMPLE_BYTES * round(SIGN_S * SPOKEN_HZ)).join(sounds)


def voice_named(name: str) -> Voice:
    """A voice from `VOICES`, or the path of a WAV file. Raises ValueError or OSError."""
    if name in VOICES:
        return VOICES[name]()
    if not name.endswith(".wav"):
        raise ValueError(f"no such voice: {name!r}; there are {', '.join(VOICES)} and paths that end in .wav")
    return FixedWav(Path(name))


def pieces(reply: Answer, message_s: float, speed: float) -> Iterator[Piece]:
    """The messages of a reply: pieces as they are, bytes cut every `message_s`, `speed` times real time."""
    if not isinstance(reply, bytes):
        yield from reply
        return
    size_bytes = round(message_s * SPOKEN_HZ) * SAMPLE_BYTES
    for start in range(0, len(reply), size_bytes):
        yield Piece(reply[start : start + size_bytes], delay_s=message_s / speed if start else 0.0)


def tone(seconds: float, hz: float) -> bytes:
    """A sine at -12 dBFS with 10 ms ramps, so that neither end clicks."""
    time_s = np.arange(round(seconds * SPOKEN_HZ)) / SPOKEN_HZ
    ramp = np.minimum(1.0, np.minimum(time_s, seconds - time_s) / 0.010)
    return _pcm(0.25 * 32767.0 * ramp * np.sin(2.0 * np.pi * hz * time_s))


def resample(pcm: bytes, from_hz: int, to_hz: int) -> bytes:
    """Band-limited resampling of the whole signal at once, by cutting or padding its spectrum."""
    if from_hz == to_hz or not pcm:
        return pcm
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    length = round(len(samples) * to_hz / from_hz)
    if length == 0:
        return b""
    spectrum = np.fft.rfft(samples)
    resized = np.zeros(length // 2 + 1, spectrum.dtype)
    shared = min(len(spectrum), len(resized))
    resized[:shared] = spectrum[:shared]
    return _pcm(np.fft.irfft(resized, length) * (length / len(samples)))


def _pcm(samples: Samples) -> bytes:
    return np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes()
