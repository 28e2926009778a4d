"""What people said: the prompts of a telephone exchange in five languages, from Debian's packages.

The packages (asterisk-core-sounds-*-wav, CC-BY-SA 3.0) are fetched once into the user's cache and never
committed. Where they cannot be had, `sentences` is empty and espeak-ng's voices must do.
"""

from __future__ import annotations

import os
import subprocess
import wave
from functools import cache
from pathlib import Path

import numpy as np
from echo_room import resampled
from synthetic_sound import Sound, at_dbfs

LANGUAGES = ("en", "es", "fr", "it", "ru")

FOLDER = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "conure" / "recorded-speech"

RECORDED_HZ = 8_000


def fetch() -> None:
    """Get the packages that are not there yet. Raises CalledProcessError, FileNotFoundError."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        name = f"asterisk-core-sounds-{language}-wav"
        if (FOLDER / "usr" / "share" / "doc" / name).exists():
            continue
        subprocess.run(["apt-get", "download", "-q", name], cwd=FOLDER, check=True, capture_output=True)
        for package in FOLDER.glob(f"{name}_*.deb"):
            subprocess.run(["dpkg", "-x", str(package), str(FOLDER)], check=True)
            package.unlink()


@cache
def sentences(language: str, least_s: float, most_s: float) -> tuple[Path, ...]:
    """The prompts of so many seconds, in the order of their names."""
    root = FOLDER / "usr" / "share" / "asterisk" / "sounds"
    found = [path for path in root.glob(f"{language}*/**/*.wav") if "silence" not in path.parts]
    bytes_s = 2 * RECORDED_HZ
    return tuple(sorted(path for path in found if least_s < path.stat().st_size / bytes_s < most_s))


@cache
def recorded(path: Path, rate_hz: int) -> Sound:
    """A prompt from its first to its last audible sample, at -20 dBFS."""
    with wave.open(str(path)) as file:
        made_hz, pcm = file.getframerate(), file.readframes(file.getnframes())
    sound = np.frombuffer(pcm, "<i2").astype(np.float64) / 32768
    loud = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())
    return at_dbfs(resampled(sound[loud[0] : loud[-1] + 1], rate_hz / made_hz), -20.0)
