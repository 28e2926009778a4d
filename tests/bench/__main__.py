"""Measures Conure beside a bare loop: `scripts/bench [--quick] [--json FILE]`.

The exit status says whether it could be measured, not whether the budgets are kept; that the table says.
"""

from __future__ import annotations

import argparse
import asyncio
import compileall
import json
import logging
import os
import platform
import sys
import tempfile
import wave
from pathlib import Path
from typing import Any

from pulse import EXACT, MISSING, PrivatePulse

from bench.clients import ROOT, Surroundings
from bench.report import missed, table
from bench.results import Client
from bench.scenario import Bench, Plan
from daemon import __version__
from daemon.standin.server import StandIn
from hw.simulated.board import SENTENCE_WAV

FULL = Plan(turns=24, floor_turns=8, cuts=5, starts=5, waiting_s=30.0)
QUICK = Plan(turns=4, floor_turns=2, cuts=1, starts=2, waiting_s=8.0)

PRECISION = """\
Times at the sinks are right to 5 ms and tend to be early: mouth → wire seems longer for that and wire → ear
shorter; in their sum it cancels. Starts are with warm caches. CPU talking is over all turns, some 7 s each.
"""

KEEP_PIECES = 200_000
"""Of the recordings: some 15 minutes, more than the bench takes."""


def main() -> int:
    """Measure and print. 0: measured; 1: it could not be."""
    arguments = _arguments()
    if MISSING:
        _say(f"cannot measure: not installed: {', '.join(MISSING)}")
        return 1
    logging.disable(logging.CRITICAL)  # of the stand-in
    try:
        with tempfile.TemporaryDirectory(prefix="conure-bench-") as folder:
            result = _measure(Path(folder), QUICK if arguments.quick else FULL)
    except (TimeoutError, RuntimeError, OSError) as error:
        _say(f"cannot measure: {str(error) or type(error).__name__}")
        return 1
    arguments.json.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    print(f"\n{table(result['conure'], result['floor'])}\n\n{PRECISION}")
    print(
        f"missed: {', '.join(result['missed']) or 'nothing'}. Load: {result['load']}. JSON: {arguments.json}"
    )
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about a minute instead of five")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), metavar="FILE", help="the numbers")
    return parser.parse_args()


def _measure(folder: Path, plan: Plan) -> dict[str, Any]:
    # As scripts/install does: what is compiled at each start costs time, and memory that stays.
    for package in ("daemon", "hw"):
        compileall.compile_dir(ROOT / package, quiet=1)
    pulse = PrivatePulse(folder, EXACT, KEEP_PIECES)
    load = os.getloadavg()[0]
    try:
        pulse.start()
        conure, floor = asyncio.run(_run(folder, pulse, plan))
    except Exception:
        _tell_log(folder / "clients.log")
        raise
    finally:
        pulse.kill()
    return {
        "conure_version": __version__,
        "python": platform.python_version(),
        "machine": f"{os.cpu_count()} × {platform.machine()}",
        "load": f"{load:.2f} before, {os.getloadavg()[0]:.2f} after",
        "conure": conure.numbers(),
        "floor": floor.numbers(),
        "missed": missed(conure.numbers()),
        "turns": {"conure": conure.each_turn(), "floor": floor.each_turn()},
    }


async def _run(folder: Path, pulse: PrivatePulse, plan: Plan) -> tuple[Client, Client]:
    async with StandIn() as standin:
        around = Surroundings(folder, pulse, standin)
        around.ca_file.write_text(standin.ca_pem, "ascii")
        bench = Bench(around, plan, _sentence(), _say)
        return await bench.conure(), await bench.floor()


def _sentence() -> bytes:
    with wave.open(str(SENTENCE_WAV)) as file:
        pcm: bytes = file.readframes(file.getnframes())
    return pcm


def _tell_log(log: Path) -> None:
    if log.exists():
        _say("the last words of the client:\n" + log.read_text("utf-8", "replace")[-3000:])


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
