"""What ends an utterance, measured with recorded people: false ends, how long it waits, eager ends in vain.

    cd tests && PYTHONPATH=..:.:support ../.venv/bin/python -m bench.turn_ends FOLDER [COUNT]

FOLDER holds folders of prompts, one for each language, as the Debian packages asterisk-core-sounds-*-wav
install them (8 kHz WAV files, digits in `digits/`). Utterances are composed of whole recordings and of pauses
that are drawn at random; the same each time. Eager ends are not limited to three here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import synthetic_sound as sounds
from synthetic_sound import Sound

from daemon.config.settings import VadSettings
from daemon.hearing.endpointing import Edge, SpeechDetector
from daemon.hearing.vad import judge_from
from daemon.standin.voices import resample
from hw.base import CHUNK_MS, MIC_FORMAT

PROMPT_HZ = 8000
SPEECH_DBFS, NOISE_DBFS = -28.0, -75.0
LEAD_S, TAIL_S = 1.0, 3.0
SETTINGS = {"700 ms": VadSettings(silence_max_ms=0), "adaptive": VadSettings()}

Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Prompts:
    """The recordings of one language, by their length."""

    phrases: list[Path]
    words: list[Path]
    digits: list[Path]


@dataclass(slots=True)
class Row:
    """What one kind of utterance came to with one setting."""

    said: int = 0
    false_ends: int = 0
    in_vain: int = 0
    waits_s: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        wait_ms = 1000 * float(np.mean(self.waits_s)) if self.waits_s else 0.0
        false_ends, in_vain = 100 * self.false_ends / self.said, self.in_vain / self.said
        return f"false ends {false_ends:3.0f} %, ended after {wait_ms:5.0f} ms, eager in vain {in_vain:.2f}"


def prompts_in(folder: Path) -> Prompts:
    """What a language has."""
    seconds = {path: path.stat().st_size / (2 * PROMPT_HZ) for path in sorted(folder.glob("*.wav"))}
    return Prompts(
        phrases=[path for path, each_s in seconds.items() if 1.0 <= each_s <= 4.0],
        words=[path for path, each_s in seconds.items() if 0.5 <= each_s <= 1.3],
        digits=sorted(folder.glob("digits/?.wav")),
    )


def spoken(random: Random, paths: list[Path]) -> Sound:
    """One of them, from its first sample to its last, at 16 kHz."""
    pcm = resample(paths[random.integers(len(paths))].read_bytes()[44:], PROMPT_HZ, MIC_FORMAT.rate_hz)
    sound = np.frombuffer(pcm, "<i2").astype(np.float64)
    loud = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())
    return sounds.at_dbfs(sound[loud[0] : loud[-1] + 1], SPEECH_DBFS)


def pause(random: Random, median_s: float, spread: float) -> Sound:
    """Log-normal, as the pauses of speech are."""
    return sounds.silence(median_s * float(np.exp(spread * random.standard_normal())))


def several(random: Random, paths: list[Path], count: int, median_s: float, spread: float) -> list[Sound]:
    """With pauses that are alike, since it is one person who makes them."""
    own_s = len(pause(random, median_s, spread)) / MIC_FORMAT.rate_hz
    parts: list[Sound] = []
    for _ in range(count):
        parts += [spoken(random, paths), pause(random, own_s, 0.2)]
    return parts[:-1]


def hesitation(random: Random, prompts: Prompts) -> list[Sound]:
    """A word or two, a silence, and the rest."""
    return [spoken(random, prompts.words), pause(random, 0.52, 0.7), spoken(random, prompts.phrases)]


def filled(random: Random, prompts: Prompts) -> list[Sound]:
    """The same with a vowel that is drawn out before a shorter silence."""
    uh = sounds.at_dbfs(
        sounds.vowel("e", random.uniform(0.25, 0.5), random.uniform(100, 200)), SPEECH_DBFS - 2
    )
    said, gap = spoken(random, prompts.words), sounds.silence(0.06)
    return [said, gap, uh, pause(random, 0.33, 0.6), spoken(random, prompts.phrases)]


KINDS: dict[str, Callable[[Random, Prompts], list[Sound]]] = {
    "phrase": lambda random, prompts: [spoken(random, prompts.phrases)],
    "sentences": lambda random, prompts: several(random, prompts.phrases, 3, 0.27, 0.25),
    "digits": lambda random, prompts: several(random, prompts.digits, int(random.integers(6, 11)), 0.28, 0.4),
    "list": lambda random, prompts: several(random, prompts.words, int(random.integers(3, 6)), 0.46, 0.35),
    "hesitation": hesitation,
    "uh": filled,
}


def listen(row: Row, settings: VadSettings, chunks: list[bytes], end_s: float) -> None:
    """Note what the detector makes of an utterance that ends at `end_s`."""
    ears = SpeechDetector(settings, judge_from(settings))
    row.said += 1
    for at, chunk in enumerate(chunks, 1):
        edge = ears.hear(chunk, min_speech_ms=settings.min_speech_ms, expected=True).edge
        row.in_vain += edge is Edge.RESUMED
        if edge is Edge.ENDED:
            wait_s = at * CHUNK_MS / 1000 - end_s
            row.false_ends += wait_s < 0
            row.waits_s += [wait_s] if wait_s >= 0 else []
            return


def main(folder: Path, count: int) -> int:
    """0: measured; 1: there is nothing to measure with."""
    languages = [prompts_in(each) for each in sorted(folder.iterdir()) if each.is_dir()]
    if not languages:
        print(f"{folder} holds no folders of prompts", file=sys.stderr)
        return 1
    random = np.random.default_rng(7)
    rows = {(kind, name): Row() for kind in KINDS for name in SETTINGS}
    for number in range(count):
        for kind, compose in KINDS.items():
            parts = compose(random, languages[number % len(languages)])
            sound = np.concatenate([sounds.silence(LEAD_S), *parts, sounds.silence(TAIL_S)])
            chunks = sounds.chunks(
                [sound + sounds.white(random, len(sound) / MIC_FORMAT.rate_hz, NOISE_DBFS)]
            )
            for name, settings in SETTINGS.items():
                listen(rows[kind, name], settings, chunks, len(sound) / MIC_FORMAT.rate_hz - TAIL_S)
    for (kind, name), row in rows.items():
        print(f"{kind:10}  {name:8}  {row}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 60))
