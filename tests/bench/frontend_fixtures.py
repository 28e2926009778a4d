"""Writes the sounds that the front end is measured on as WAV files, to be listened to.

Of each scene: what the speaker plays, what the microphone hears, and what the front end makes of it. The same
bytes each time with the same version of espeak-ng.
"""

from __future__ import annotations

import sys
import wave
from pathlib import Path
from subprocess import CalledProcessError

import recorded_speech
from echo_device import Device, said_at
from echo_room import HAS_ESPEAK, MIC_HZ, REQUESTS, SPEAKER_HZ, USER_VOICES, reply_speech, spoken, to_pcm

from bench.frontend import NEAR_SCENES
from bench.frontend_candidates import conure
from bench.frontend_echo import ECHO_SCENES

SECONDS = 12.0
SPOKEN_AT_S = 7.0


def main(folder: Path) -> int:
    """0: written; 1: it could not be."""
    if not HAS_ESPEAK:
        print("espeak-ng is not installed", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    _fetch_recorded_speech()
    far = reply_speech(SECONDS, 1)
    _write(folder / "reply.wav", to_pcm(far), SPEAKER_HZ)
    scenes = {**{f"alone {name}": (scene, False) for name, scene in ECHO_SCENES.items()},
              **{f"over {name}": (scene, True) for name, scene in NEAR_SCENES.items()}}  # fmt: skip
    for name, (scene, with_voice) in scenes.items():
        voice = scene.near(spoken(REQUESTS[1], USER_VOICES[0], MIC_HZ)) if with_voice else far[:0]
        heard = Device(scene, conure()).hear(far, said_at(SPOKEN_AT_S, voice))
        stem = name.replace(",", "").replace(" ", "-")
        _write(folder / f"{stem}.mic.wav", heard.mic, MIC_HZ)
        _write(folder / f"{stem}.cleaned.wav", heard.cleaned, MIC_HZ)
    print(f"{2 * len(scenes) + 1} files in {folder}")
    return 0


def _fetch_recorded_speech() -> None:
    """For `scripts/bench frontend`, which does with espeak-ng's voices where it cannot be had."""
    try:
        recorded_speech.fetch()
    except (OSError, CalledProcessError) as error:
        print(f"no recorded speech: {error}", file=sys.stderr)


def _write(path: Path, pcm: bytes, rate_hz: int) -> None:
    """Mono s16 samples as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(pcm)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
