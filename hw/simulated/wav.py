"""WAV files of the two formats that Conure speaks: read for the microphone, written from the speaker."""

from __future__ import annotations

import contextlib
import os
import wave
from pathlib import Path

from hw.base import MIC_FORMAT, SPEAKER_FORMAT, MicError


def read_wav(path: Path) -> bytes:
    """The samples of a 16 kHz mono 16-bit WAV file. Raises a permanent MicError for any other."""
    try:
        with contextlib.closing(wave.open(str(path), "rb")) as wav:
            found = (wav.getframerate(), wav.getnchannels(), 8 * wav.getsampwidth())
            pcm = wav.readframes(wav.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise MicError(str(path), f"cannot be read as a WAV file: {error}", permanent=True) from error
    wanted = (MIC_FORMAT.rate_hz, MIC_FORMAT.channels, 8 * MIC_FORMAT.frame_bytes)
    if found != wanted:
        raise MicError(
            str(path),
            f"is {found[0]} Hz, {found[1]} channels, {found[2]} bit; it must be {wanted[0]} Hz mono 16 bit "
            f"(sox IN.wav -r {wanted[0]} -c 1 -b 16 OUT.wav)",
            permanent=True,
        )
    return pcm


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
