"""WAV files of the two formats that Conure speaks: read for the microphone, written from the speaker."""

from __future__ import annotations

import contextlib
import os
import wave
from pathlib import Path

from hw import files
from hw.base import MIC_FORMAT, SPEAKER_FORMAT, MicError


def read_wav(path: Path) -> bytes:
    """The samples of a 16 kHz mono 16-bit WAV file. Raises a permanent MicError for any other."""
    try:
        wav = files.read_wav(path)
    except OSError as error:
        raise MicError(str(path), f"cannot be read: {error.strerror or error}", permanent=True) from error
    except files.OddFile as error:
        raise MicError(str(path), str(error), permanent=True) from error
    if fault := _fault(wav):
        raise MicError(str(path), fault, permanent=True)
    return wav.pcm


def _fault(wav: files.Wav) -> str:
    """Why it cannot be what the microphone hears; empty if it can."""
    if not wav.pcm:
        return "holds no sound"
    if (wav.rate_hz, wav.channels, wav.sample_bytes) == (MIC_FORMAT.rate_hz, 1, MIC_FORMAT.frame_bytes):
        return ""
    return (
        f"is {wav.rate_hz} Hz, {wav.channels} channels, {8 * wav.sample_bytes} bit; it must be "
        f"{MIC_FORMAT.rate_hz} Hz mono 16 bit (sox IN.wav -r {MIC_FORMAT.rate_hz} -c 1 -b 16 OUT.wav)"
    )


def write_wav(path: Path, pcm: bytes) -> None:
    """Write 24 kHz mono 16-bit samples as a WAV file of mode 0600, whole or not at all. Raises OSError.

    It takes the place of a file of that name.
    """
    aside = path.with_name(f".{path.name}.part")
    aside.unlink(missing_ok=True)  # left by a power cut
    try:
        _write_private(aside, pcm)
        aside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise


def _write_private(path: Path, pcm: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with (
        open(os.open(path, flags, 0o600), "wb") as file,  # noqa: PTH123 - Path.open takes no mode for a new file
        contextlib.closing(wave.open(file, "wb")) as wav,
    ):
        wav.setnchannels(SPEAKER_FORMAT.channels)
        wav.setsampwidth(SPEAKER_FORMAT.frame_bytes)
        wav.setframerate(SPEAKER_FORMAT.rate_hz)
        wav.writeframes(pcm)
