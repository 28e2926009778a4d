"""Measures the microphone's front end on made-up sounds: `scripts/bench frontend [--quick] [--json FILE]`.

Needs espeak-ng. The exit status says whether it could be measured, not whether the goals are met.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from echo_room import HAS_ESPEAK

from bench import frontend_ears as ears
from bench import frontend_echo as echo
from bench import frontend_harder as hard
from bench.frontend_candidates import conure, installed


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    echo_s: float
    sentences: int
    barge_ins: int
    own_minutes: int
    ear_minutes: int


FULL = Plan(echo_s=20, sentences=24, barge_ins=60, own_minutes=10, ear_minutes=10)
QUICK = Plan(echo_s=8, sentences=5, barge_ins=10, own_minutes=1, ear_minutes=1)

COMPARED = ("normal", "delay 300 ms", "drift +200 ppm", "loudest")

NEAR_SCENES = {
    "voice 5 dB louder than the echo": echo.NORMAL.but(near_dbfs=-15),
    "as loud as the echo": echo.NORMAL.but(near_dbfs=-20),
    "5 dB softer": echo.NORMAL.but(near_dbfs=-25),
    "10 dB softer": echo.NORMAL.but(near_dbfs=-30),
    "loudest setting, 8 dB softer": echo.LOUDEST.but(near_dbfs=-20),
    "loudest setting, 13 dB softer": echo.LOUDEST.but(near_dbfs=-25),
}


def main() -> int:
    """Measure and print. 0: measured; 1: it could not be."""
    arguments = _arguments()
    if not HAS_ESPEAK:
        print("bench: cannot measure: espeak-ng is not installed", file=sys.stderr)
        return 1
    plan, load = QUICK if arguments.quick else FULL, os.getloadavg()[0]
    result: dict[str, Any] = {}
    for name, measure in SECTIONS.items():
        result[name] = measure(plan)
        print(f"\n{_table(name, result[name])}", flush=True)
    arguments.json.write_text(json.dumps({**result, "load": load}, indent=2) + "\n", "utf-8")
    print(f"\nLoad: {load:.2f}. JSON: {arguments.json}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench frontend", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute instead of ten")
    parser.add_argument("--json", type=Path, default=Path("bench-frontend.json"), metavar="FILE")
    return parser.parse_args()


# --- sections: each gives rows by name --------------------------------------------------------------

Rows = dict[str, dict[str, Any]]


def candidates(plan: Plan) -> Rows:
    """Each library's echo return loss enhancement after 1 s, and what a voice as loud as the echo loses."""
    rows: Rows = {}
    for name, make in installed().items():
        erle = {scene: echo.measure_erle(echo.ECHO_SCENES[scene], make, plan.echo_s) for scene in COMPARED}
        rows[name] = {f"ERLE {scene}": each.after_1_s for scene, each in erle.items()}
        rows[name]["voice lost dB"] = echo.measure_near_loss(
            NEAR_SCENES["as loud as the echo"], make, plan.sentences
        )
    return rows


def echo_alone(plan: Plan) -> Rows:
    """Echo return loss enhancement in dB."""
    return {
        name: asdict(echo.measure_erle(scene, conure, plan.echo_s))
        for name, scene in echo.ECHO_SCENES.items()
    }


def voice_over_reply(plan: Plan) -> Rows:
    """A sentence over a reply: what of it is lost if the reply goes on, and how it interrupts."""
    rows: Rows = {}
    for name, scene in NEAR_SCENES.items():
        told = echo.measure_barge_ins(scene, conure, plan.barge_ins)
        rows[name] = {
            "caught": f"{told.caught} of {told.count}",
            "noticed p50 ms": told.p50_ms,
            "p90 ms": told.p90_ms,
            "sent from its first sound": f"{told.kept} of {told.caught}",
            "before anybody spoke": told.early,
            "lost dB, reply goes on": echo.measure_near_loss(scene, conure, plan.sentences),
        }
    return rows


def own_speech(plan: Plan) -> Rows:
    """How often the device interrupts itself."""
    scenes = {name: echo.ECHO_SCENES[name] for name in ("loudest", "loudest, 250 ms, +150 ppm")}
    return {
        name: {f"in {plan.own_minutes} min": echo.false_starts(scene, conure, plan.own_minutes)}
        for name, scene in scenes.items()
    }


def cost(_plan: Plan) -> Rows:
    """CPU in milliseconds per second of audio, and memory."""
    return {"front end": asdict(echo.measure_cost())}


def voices(plan: Plan) -> Rows:
    """Judges of voices: sentences whose start was missed + whose first sound was not sent; wrong starts."""
    rows: Rows = {}
    for name in ears.ENGINES:
        engine = ears.measure_engine(name, echo.LOUDEST, plan.sentences, plan.ear_minutes)
        if engine is not None:
            wrong = {f"wrong/h {room}": round(each, 1) for room, each in engine.wrong_per_hour.items()}
            missed = {f"missed at {snr}": each for snr, each in engine.missed.items()}
            rows[name] = {**missed, **wrong, "CPU ms/s": engine.cpu_ms_s}
    return rows


def wake_words(plan: Plan) -> Rows:
    """Wake words: caught, wrong, late."""
    rows: Rows = {}
    for name in ears.WORDS:
        word = ears.measure_wake_word(name, echo.NORMAL.but(near_dbfs=-20), plan.ear_minutes)
        if word is not None:
            wrong = {f"wrong/h {room}": round(each, 1) for room, each in word.wrong_per_hour.items()}
            rows[name] = {**word.caught, **wrong, "late ms": word.late_ms, "CPU ms/s": word.cpu_ms_s}
    return rows


def harder(plan: Plan) -> Rows:
    """Self-interruptions and requests in harder rooms, with voices that no constant was chosen with."""
    rows: Rows = {}
    for name, scene in hard.CONDITIONS.items():
        alone = hard.measure_alone(scene, hard.HELD_OUT, max(1, plan.own_minutes * 60 // 40))
        requests = plan.barge_ins // 5
        over = {below: hard.measure_over(scene, hard.HELD_OUT, requests, below) for below in (0, 10)}
        rows[name] = {
            "itself": f"{alone.self_interruptions} in {alone.seconds:.0f} s",
            "ERLE 1st s": alone.erle_first_s,
            "after": alone.erle_after,
            **{
                f"-{below_db} dB: caught": f"{told.caught} of {told.count}" for below_db, told in over.items()
            },
            **{f"-{below_db} dB: p50 ms": told.p50_ms for below_db, told in over.items()},
            **{f"-{below_db} dB: lost dB": told.loss_db for below_db, told in over.items()},
        }
    return rows


def nothing_to_take_away(plan: Plan) -> Rows:
    """Milliseconds of requests right after a reply that did not pass bit by bit, on a loopback."""
    altered_ms = hard.altered_ms(hard.HELD_OUT, plan.sentences)
    return {"no coupling": {"requests": len(altered_ms), "altered ms at most": max(altered_ms)}}


SECTIONS = {
    "candidates": candidates,
    "echo alone": echo_alone,
    "voice over a reply": voice_over_reply,
    "its own speech": own_speech,
    "harder rooms": harder,
    "nothing to take away": nothing_to_take_away,
    "cost": cost,
    "voices": voices,
    "wake words": wake_words,
}


def _table(name: str, rows: Rows) -> str:
    """A Markdown table."""
    if not rows:
        return f"**{name}**: not installed"
    columns = list(next(iter(rows.values())))
    lines: Iterable[list[Any]] = [
        [f"**{name}**", *columns],
        ["---"] * (len(columns) + 1),
        *([row, *(values[column] for column in columns)] for row, values in rows.items()),
    ]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
