"""Reads files that others wrote and that may be odd: too large, no file at all, no text, nested without end.

Each function reads a regular file, in one go and within a bound, and raises `OddFile` (or OSError) for
everything that it will not take. So no caller meets a pipe that never ends, a RecursionError, or a number
that no machine can hold.
"""

from __future__ import annotations

import os
import stat
import tomllib
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

MAX_DEPTH = 32
"""Deepest nesting of tables and lists; nothing of ours has more than five."""

MAX_LINE_BYTES = 32 * 1024
"""Longest line of a TOML file. `tomllib` takes quadratic time over the dots of one key."""

CAUSE_CHARS = 200
"""Longest words of the parser; it repeats names of any length."""

INT64 = range(-(2**63), 2**63)
"""What a TOML integer can be (TOML 1.0, "Integer"); Python's parser takes more, in hexadecimal any size."""

WAV_LIMIT_BYTES = 64 * 1024 * 1024
"""Half an hour of 16 kHz mono 16 bit."""


class OddFile(ValueError):
    """The file is not what it should be. The text begins with a verb, and quotes nothing of the content."""


class OddToml(OddFile):
    """The text is not valid TOML; `cause` holds the parser's words, which may quote it."""

    def __init__(self, cause: str) -> None:
        short = cause if len(cause) <= CAUSE_CHARS else f"{cause[: CAUSE_CHARS - 1]}…"
        super().__init__(f"is not valid TOML: {short}")
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Wav:
    """The content of a WAV file with uncompressed samples."""

    rate_hz: int
    channels: int
    sample_bytes: int
    pcm: bytes
    """Whole frames only."""


def read_bytes(path: Path, limit_bytes: int) -> bytes:
    """The whole content. Raises OSError, and OddFile for what is no regular file or is longer."""
    check_regular(path)
    # O_NONBLOCK: what has been put in the file's place meanwhile must not block.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123 - Path.open takes no flags
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OddFile("is no regular file")
        data = file.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise OddFile(f"is larger than {limit_bytes} bytes")
    return data


def check_regular(path: Path) -> None:
    """Raises OSError for a file that is not there, OddFile for what is no regular file."""
    try:
        mode = path.stat().st_mode
    except ValueError as error:  # a null character, half of a surrogate pair
        raise OddFile("has a name that no file can have") from error
    if not stat.S_ISREG(mode):
        raise OddFile("is no regular file")


def read_text(path: Path, limit_bytes: int) -> str:
    """The content in UTF-8, without a byte order mark. Raises OSError and OddFile."""
    return text_of(read_bytes(path, limit_bytes))


def text_of(data: bytes) -> str:
    """Bytes in UTF-8 as text, without a byte order mark. Raises OddFile."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise OddFile(f"must be text in UTF-8 (byte {error.start} is not)") from None  # it holds the content


def read_toml(path: Path, limit_bytes: int) -> dict[str, Any]:
    """The tables of a TOML file. Raises OSError, OddFile, and OddToml where the text is wrong."""
    return toml_of(read_text(path, limit_bytes))


def toml_of(text: str) -> dict[str, Any]:
    """The tables of a TOML text. Raises OddFile, and OddToml where the text is wrong."""
    if max(map(len, text.splitlines()), default=0) > MAX_LINE_BYTES:
        raise OddFile(f"has a line of more than {MAX_LINE_BYTES} characters")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise OddToml(str(error)) from error
    except RecursionError:
        raise OddFile("is nested too deeply") from None
    except ValueError:  # a number of thousands of digits
        raise OddFile("holds a number that is too large") from None
    check_plain(data)
    return data


def check_plain(data: object) -> None:
    """Raises OddFile for data that is nested more than MAX_DEPTH deep, and for integers beyond 64 bit."""
    level = [data]
    for _ in range(MAX_DEPTH):
        if any(isinstance(value, int) and value not in INT64 for value in level):
            raise OddFile("holds a number that is too large")
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return
    raise OddFile("is nested too deeply")


def _inside(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def read_wav(path: Path, limit_bytes: int = WAV_LIMIT_BYTES) -> Wav:
    """The samples of a WAV file. Raises OSError and OddFile."""
    return wav_of(read_bytes(path, limit_bytes))


def wav_file(pcm: bytes, rate_hz: int) -> bytes:
    """The bytes of a WAV file of mono s16 samples."""
    file = BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(rate_hz)
        wav.writeframes(pcm)
    return file.getvalue()


def wav_of(data: bytes) -> Wav:
    """The samples in the bytes of a WAV file. Raises OddFile."""
    try:
        with wave.open(BytesIO(data), "rb") as wav:
            rate_hz, channels, width = wav.getframerate(), wav.getnchannels(), wav.getsampwidth()
            pcm = wav.readframes(wav.getnframes())
    except Exception as error:  # odd chunks make `wave` raise RuntimeError, struct.error and more
        raise OddFile(f"is not a WAV file ({str(error) or type(error).__name__})") from error
    return Wav(rate_hz, channels, width, pcm[: len(pcm) - len(pcm) % (channels * width)])
