"""The recordings of the messages: those that were made for the user, else those that come with Conure.

Each is as loud as every other to somebody who hears it from a small loudspeaker (`MESSAGE_DBA`).
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from daemon.speaking.messages import Message
from daemon.speaking.small_speaker import loudness_dba
from daemon.speaking.translations import ENGLISH, shipped_language
from hw.base import SPEAKER_FORMAT
from hw.files import OddFile, read_wav, wav_file

log = logging.getLogger(__name__)

SHIPPED = Path(__file__).parent / "data" / "messages"
"""A folder for each language, by its code."""

MADE = "messages"
"""Folder in the state directory, with one for each language and voice."""

MESSAGE_DBA = -26.0
"""Loudness of each (`small_speaker`): with it the strongest peak of those that are shipped is -1.4 dBFS. The
tones have -24.5."""

PEAK = 10 ** (-1.0 / 20)
"""No peak is higher, as a share of full scale."""

SILENCE = 0.01
"""What is softer than this share of the peak, at either end, is silence."""

FADE_IN_S, FADE_OUT_S = 0.005, 0.015
"""A step is heard as a click."""


class Recordings:
    """The recordings in one language. Each is read once, when it is first needed. Any thread."""

    def __init__(self, language: str = "", made: Path | None = None) -> None:
        """`language` is a BCP 47 tag, or empty; `made` is where those are that were made for the user."""
        self.language = shipped_language(language)
        self.made = made
        """None: none can be made."""
        self._read: dict[Message, bytes] = {}

    def of(self, message: Message) -> bytes:
        """The words as samples of `hw.base.SPEAKER_FORMAT`.

        Where no file can be used it gives b"" and one warning: the tone still tells of the fault.
        """
        if message not in self._read:
            self._read[message] = self._load(message)
        return self._read[message]

    def forget(self) -> None:
        """Others have been made: read them anew."""
        self._read = {}

    def _load(self, message: Message) -> bytes:
        name = f"{message.value}.wav"
        if self.made is not None:
            try:
                return read_recording(self.made / name)
            except FileNotFoundError:
                pass  # none was made; a shipped one is said
            except (OSError, OddFile) as error:
                log.warning("a message that was made cannot be used: %s: %s", self.made / name, error)
        try:
            return read_recording(SHIPPED / self.language / name)
        except (OSError, OddFile) as error:
            log.warning("the message %s cannot be spoken; install Conure again: %s", name, error)
            return b""


def made_folder(state: Path, language: str, voice: str) -> Path:
    """Where recordings in this language and voice are kept: another voice has others."""
    words = f"{language or ENGLISH}-{voice or 'default'}"
    return state / MADE / re.sub(r"[^A-Za-z0-9-]", "_", words)[:80]


def read_recording(path: Path) -> bytes:
    """The samples of a 24 kHz mono 16-bit WAV file. Raises OSError or OddFile."""
    wav = read_wav(path)
    found = (wav.rate_hz, wav.channels, wav.sample_bytes)
    if found != (SPEAKER_FORMAT.rate_hz, SPEAKER_FORMAT.channels, SPEAKER_FORMAT.frame_bytes):
        raise OddFile(f"has {found[0]} Hz, {found[1]} channels, {8 * found[2]} bit")
    return wav.pcm


def recording_of(spoken: bytes) -> bytes:
    """The WAV file of a message, from speech in `SPEAKER_FORMAT`: cut at its ends, as loud as the others.

    Raises ValueError for silence.
    """
    sound = np.frombuffer(spoken, "<i2").astype(np.float64) / 32767
    loud = np.flatnonzero(np.abs(sound) > SILENCE * np.abs(sound).max(initial=0.0))
    if not loud.size:
        raise ValueError("there is only silence")
    cut = _faded(sound[loud[0] : loud[-1] + 1])
    gain = min(10 ** ((MESSAGE_DBA - loudness_dba(cut)) / 20), PEAK / np.abs(cut).max())
    return wav_file(np.rint(cut * gain * 32767).astype("<i2").tobytes(), SPEAKER_FORMAT.rate_hz)


def _faded(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    faded = sound.copy()
    begin = min(SPEAKER_FORMAT.frames(FADE_IN_S), len(sound))
    end = min(SPEAKER_FORMAT.frames(FADE_OUT_S), len(sound))
    faded[:begin] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(begin) / begin)
    faded[len(sound) - end :] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, end + 1) / end)
    return faded
