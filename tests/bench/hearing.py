"""Measures what Conure takes for speech: `scripts/bench hearing [--quick] [--part NAME] [--json FILE]`.

The sounds are recorded ones (`bench.household_sounds`, which fetches some 500 MB of Debian packages once).
Constants are chosen with one part, `chosen`; the other, `held-out`, judges them. The exit status says whether
it could be measured, not whether the goals are met.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import synthetic_sound as sounds
from echo_room import MIC_HZ, to_pcm
from synthetic_sound import Sound

from bench import household_sounds as household
from bench.household_sounds import Part
from daemon.config.settings import VadSettings
from daemon.hearing.endpointing import Edge, SpeechDetector
from daemon.hearing.vad import judge_from
from hw.base import CHUNK_MS, MIC_FORMAT

HOUR_S = 3600.0
PARTS = {"chosen": household.CHOSEN_WITH, "held-out": household.HELD_OUT}
ENGINES = ("webrtc", "cascade")

SPEECH_DBFS, QUIET_DBFS = -30.0, -62.0
LEAD_S, GAP_S = 8.0, 4.0
"""Before the first phrase, and between two."""

FOREIGN = {
    each.__name__: each
    for each in (
        household.music, household.solo, household.singing, household.television,
        household.animals, household.kitchen, household.telephones, household.doors,
    )
}  # fmt: skip
"""Where nobody speaks to the device: what starts there is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """Phrases, and the room in which they are said."""

    t60_s: float = 0.45
    background: Callable[[Part, float], Sound]
    words: bool = False
    whispered: bool = False
    expected: bool = False
    """After a press."""


def _quiet(part: Part, seconds: float) -> Sound:
    return sounds.white(np.random.default_rng(part.seed), seconds, QUIET_DBFS)


def _fan(snr_db: float) -> Callable[[Part, float], Sound]:
    def fan(part: Part, seconds: float) -> Sound:
        return sounds.fan(np.random.default_rng(part.seed), seconds, SPEECH_DBFS - snr_db)

    return fan


def _over_music(snr_db: float) -> Callable[[Part, float], Sound]:
    def music(part: Part, seconds: float) -> Sound:
        return household.music(part, seconds) * 10 ** (-snr_db / 20) + _quiet(part, seconds)

    return music


def _noise(snr_db: float) -> Callable[[Part, float], Sound]:
    def noise(part: Part, seconds: float) -> Sound:
        return sounds.white(np.random.default_rng(part.seed), seconds, SPEECH_DBFS - snr_db)

    return noise


SAID = {
    "quiet room": Saying(background=_quiet),
    "3 m, T60 0.5, 10 dB": Saying(t60_s=0.5, background=_noise(10)),
    "3 m, T60 0.9, 10 dB": Saying(t60_s=0.9, background=_noise(10)),
    "fan 10 dB": Saying(background=_fan(10)),
    "fan 5 dB": Saying(background=_fan(5)),
    "words, quiet": Saying(background=_quiet, words=True),
    "words, fan 20 dB": Saying(background=_fan(20), words=True),
    "words, fan 5 dB": Saying(background=_fan(5), words=True),
    "whispers after a press, 20 dB": Saying(background=_noise(20), whispered=True, expected=True),
    "whispers, 20 dB": Saying(background=_noise(20), whispered=True),
    "over music 20 dB": Saying(background=_over_music(20)),
    "over music 10 dB": Saying(background=_over_music(10)),
}


@dataclass(slots=True)
class Found:
    """What became of some phrases."""

    said: int = 0
    missed: int = 0
    cut: int = 0
    """Without their first sound: it is not in what is sent."""
    torn: int = 0
    """Ended in their middle."""
    unended: int = 0
    """Still open when the next phrase began."""
    waits_ms: list[float] | None = None
    """From the end of a phrase to the end of the utterance."""

    def row(self) -> dict[str, Any]:
        """For the table."""
        waits = self.waits_ms or [0.0]
        return {
            "said": self.said,
            "missed": self.missed,
            "cut": self.cut,
            "torn": self.torn,
            "ends p50 ms": round(float(np.median(waits))),
            "p95 ms": round(float(np.quantile(waits, 0.95))),
            "late": sum(wait > 1.5 * SAID_SETTINGS["silence_ms"] for wait in waits),
            "unended": self.unended,
        }


SAID_SETTINGS: dict[str, Any] = {"silence_ms": 700, "silence_max_ms": 0}
"""One silence, so that what holds an utterance open is not what was said."""


Pressed = Callable[[float], bool]
"""Whether the device has been told at that time that somebody will speak."""


def _never(_now_s: float) -> bool:
    return False


def _at_times(now_s: float) -> bool:
    """The last 5 of 13 s: as long as it waits for speech after a tap."""
    return now_s % 13.0 >= 8.0


def heard(settings: VadSettings, sound: Sound, pressed: Pressed) -> Iterator[tuple[float, Edge, float]]:
    """Each edge: when, which, and when the speech began by it."""
    ears = SpeechDetector(settings, judge_from(settings))
    pcm, size = to_pcm(sound), MIC_FORMAT.chunk_bytes
    for number, begin in enumerate(range(0, len(pcm) - size + 1, size), 1):
        now_s = number * CHUNK_MS / 1000
        chunk = pcm[begin : begin + size]
        told = ears.hear(chunk, min_speech_ms=settings.min_speech_ms, expected=pressed(now_s))
        if told.edge is not None:
            yield now_s, told.edge, now_s - told.onset_chunks_ago * CHUNK_MS / 1000


# --- nobody speaks -----------------------------------------------------------------------------------


def foreign(settings: VadSettings, sound: Sound, pressed: Pressed = _never) -> dict[str, Any]:
    """How often an hour it starts, how much of the time is speech, and what that costs.

    With presses only those starts count which follow one, an hour of waiting.
    """
    seconds = len(sound) / MIC_HZ
    noisy = sound + sounds.white(np.random.default_rng(5), seconds + 1, QUIET_DBFS)[: len(sound)]
    starts, speech_s, since_s = 0, 0.0, None
    begin_s = time.process_time()
    for now_s, edge, _ in heard(settings, noisy, pressed):
        if edge is Edge.STARTED:
            starts += pressed is _never or pressed(now_s)
            since_s = now_s
        elif edge is Edge.ENDED and since_s is not None:
            speech_s, since_s = speech_s + now_s - since_s, None
    cpu_s = time.process_time() - begin_s
    waited_s = seconds if pressed is _never else seconds * 5 / 13
    speech_s += 0.0 if since_s is None else seconds - since_s
    return {
        "starts an hour": round(starts * HOUR_S / waited_s),
        "speech %": round(100 * speech_s / seconds, 1),
        "CPU ms/s": round(cpu_s * 1000 / seconds, 1),
    }


# --- somebody speaks ---------------------------------------------------------------------------------


def said(settings: VadSettings, saying: Saying, part: Part, count: int) -> Found:
    """Phrases one after the other, to one detector."""
    spoken, places = _composed(saying, part, count)

    def pressed(now_s: float) -> bool:
        return saying.expected and any(begin_s - 1 < now_s < end_s + 0.2 for begin_s, end_s in places)

    edges = list(heard(settings, spoken, pressed))
    found = Found(waits_ms=[])
    for number, (begin_s, end_s) in enumerate(places):
        next_s = places[number + 1][0] if number + 1 < len(places) else end_s + GAP_S
        _judge(found, settings, edges, (begin_s, end_s, next_s))
    return found


def _composed(saying: Saying, part: Part, count: int) -> tuple[Sound, list[tuple[float, float]]]:
    random = np.random.default_rng(part.seed)
    dry = household.words(part, count) if saying.words else household.phrases(part, 1.0, 4.0, count)
    at_s, places, parts = LEAD_S, [], [sounds.silence(LEAD_S)]
    for each in dry:
        said_ = household.whispered(each, random) if saying.whispered else each
        padded = np.concatenate([said_, sounds.silence(GAP_S)])
        parts.append(household.in_room(padded, saying.t60_s, SPEECH_DBFS, part.seed))
        places.append((at_s, at_s + len(said_) / MIC_HZ))
        at_s += len(padded) / MIC_HZ
    whole = np.concatenate(parts)
    background = saying.background(part, len(whole) / MIC_HZ + 1)
    return whole + background[: len(whole)], places


def _judge(
    found: Found,
    settings: VadSettings,
    edges: list[tuple[float, Edge, float]],
    place: tuple[float, float, float],
) -> None:
    begin_s, end_s, next_s = place
    found.said += 1
    starts = [each for each in edges if each[1] is Edge.STARTED and begin_s < each[0] < end_s + 0.4]
    ends = [each[0] for each in edges if each[1] is Edge.ENDED]
    # An utterance that noise or the phrase before holds open has all of it.
    open_before = _open_at(edges, begin_s)
    if not starts and not open_before:
        found.missed += 1
        return
    if starts and not open_before:
        found.cut += starts[0][2] - settings.preroll_ms / 1000 > begin_s + 0.02
    found.torn += any(begin_s < at_s < end_s for at_s in ends)
    after = [at_s for at_s in ends if at_s > end_s]
    if not after or after[0] > next_s:
        found.unended += 1
    elif found.waits_ms is not None:
        found.waits_ms.append(1000 * (after[0] - end_s))


def _open_at(edges: list[tuple[float, Edge, float]], at_s: float) -> bool:
    before = [edge for now_s, edge, _ in edges if now_s <= at_s and edge in (Edge.STARTED, Edge.ENDED)]
    return bool(before) and before[-1] is Edge.STARTED


# --- all of it ---------------------------------------------------------------------------------------


def measured(engine: str, part: Part, minutes: float, count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Row by row."""
    settings = VadSettings(engine=engine)
    yield "silence", foreign(settings, sounds.silence(60.0 * minutes))
    for name, make in FOREIGN.items():
        yield name, foreign(settings, make(part, 60.0 * minutes))
    yield "kitchen after a press", foreign(settings, household.kitchen(part, 60.0 * minutes), _at_times)
    fixed = replace(settings, **SAID_SETTINGS)
    for name, saying in SAID.items():
        yield name, said(fixed, saying, part, count).row()


def main() -> int:
    """Measure and print. 0: measured; 1: it could not be."""
    arguments = _arguments()
    try:
        household.fetch()
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        print(f"bench: the sounds cannot be fetched: {error}", file=sys.stderr)
        return 1
    minutes, count = (2.0, 16) if arguments.quick else (10.0, 100)
    result: dict[str, dict[str, dict[str, Any]]] = {}
    for name in [arguments.part] if arguments.part else PARTS:
        for engine in ENGINES:
            rows = result.setdefault(f"{name}, {engine}", {})
            print(f"\n{name}, {engine}", flush=True)
            for kind, row in measured(engine, PARTS[name], minutes, count):
                rows[kind] = row
                print(f"  {kind:32}" + "  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    arguments.json.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench hearing", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer sounds")
    parser.add_argument("--part", choices=tuple(PARTS), help="one part only")
    parser.add_argument("--json", type=Path, default=Path("bench-hearing.json"), metavar="FILE")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
