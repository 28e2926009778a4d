"""The level meter of `conure listen`: what the microphone hears, and what counts as speech. Capture only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, islice

from daemon.config.settings import VadSettings
from daemon.hearing.endpointing import Heard, SpeechDetector
from daemon.hearing.vad import make_is_voiced
from hw.base import CHUNK_MS, Mic

LIVE_CHUNKS = 100 // CHUNK_MS
"""Ten readings a second: faster is not read, and costs a slow terminal."""
LINE_CHUNKS = 500 // CHUNK_MS
"""Two lines a second where each stays."""

BAR_CELLS = 40
BAR_FROM_DBFS = -80.0
"""The bar's left end; its right end is full scale."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Some chunks in one."""

    at_s: float
    """When it ended, from the first chunk on."""
    level_dbfs: float
    """Of the loudest chunk."""
    floor_dbfs: float
    speech: bool
    """Whether somebody was speaking in any of them."""


def hear(mic: Mic, vad: VadSettings, seconds: float | None) -> Iterator[Heard]:
    """Every chunk, as the daemon judges it; for ever if no time is given. Raises MicError."""
    detector = SpeechDetector(vad, make_is_voiced(vad.aggressiveness))
    chunks: Iterable[int] = count() if seconds is None else range(max(1, round(seconds * 1000 / CHUNK_MS)))
    for _ in chunks:
        yield detector.hear(mic.read(), min_speech_ms=vad.min_speech_ms)


def readings(heard: Iterable[Heard], chunks: int) -> Iterator[Reading]:
    """So many chunks in one; what is left at the end makes a shorter one."""
    rest = iter(heard)
    done = 0
    while group := list(islice(rest, chunks)):
        done += len(group)
        yield Reading(
            at_s=done * CHUNK_MS / 1000,
            level_dbfs=max(one.level_dbfs for one in group),
            floor_dbfs=group[-1].floor_dbfs,
            speech=any(one.speech for one in group),
        )


def plain_line(reading: Reading) -> str:
    """For a file or a pipe."""
    word = "speech" if reading.speech else "-"
    return (
        f"{reading.at_s:7.1f} s  {reading.level_dbfs:6.1f} dBFS  floor {reading.floor_dbfs:6.1f} dBFS  {word}"
    )


def bar_line(reading: Reading) -> str:
    """For a terminal of 80 columns: a bar with the noise floor marked in it."""
    filled, floor = _cell(reading.level_dbfs), min(_cell(reading.floor_dbfs), BAR_CELLS - 1)
    bar = "".join("|" if cell == floor else "#" if cell < filled else " " for cell in range(BAR_CELLS))
    word = "  SPEECH" if reading.speech else ""
    return f"[{bar}] {reading.level_dbfs:5.0f} dBFS, floor {reading.floor_dbfs:4.0f}{word}"


def _cell(dbfs: float) -> int:
    share = 1 - max(BAR_FROM_DBFS, min(0.0, dbfs)) / BAR_FROM_DBFS
    return round(share * BAR_CELLS)
