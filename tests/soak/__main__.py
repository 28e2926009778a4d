"""Soaks the whole daemon: `scripts/soak [--turns N] [--seed N] [--minutes N] [--plan FILE]`.

The daemon, the service's library, TLS and the stand-in are real; microphone and speaker live ten times
faster. Each turn says something that can be told apart, things go wrong at random, and after each turn
nothing may be lost, doubled, torn or left open. The same seed gives the same steps.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from daemon.runtime.heap import keep_heap_small
from soak.growth import MB, after_warm_up, slope_mb_per_1000
from soak.run import Result, run, shrink
from soak.steps import Step, from_lines, make_steps, to_lines


def main() -> int:
    """Soak and print. 0: nothing was wrong; 1: something was; 2: the options or the plan cannot be used."""
    arguments = _arguments()
    keep_heap_small()  # as `conure run` does
    seed = arguments.seed if arguments.seed is not None else secrets.randbelow(2**32)
    try:
        steps = _steps(arguments, seed)
    except (OSError, ValueError, TypeError) as error:
        print(f"soak: {arguments.plan}: {error}", file=sys.stderr)
        return 2
    print(f"soak: {len(steps)} steps, seed {seed}" + (f", plan {arguments.plan}" * bool(arguments.plan)))
    result = run(steps, minutes=arguments.minutes, on_step=_tell_progress)
    print(report(result))
    if result.ok:
        return 0
    print(f"soak: FAILED with seed {seed}", *result.complaints, sep="\n  ")
    if result.failed is not None and arguments.tries:
        _print_shortest(steps[: result.steps], arguments.tries)
    return 1


def report(result: Result) -> str:
    """A few lines for people."""
    samples, counters = result.samples, result.counters
    judged = after_warm_up(samples)
    outcomes = ", ".join(f"{count} {name}" for name, count in result.outcomes.most_common())
    lines = [
        f"{result.steps} steps in {result.seconds:.0f} s: {result.seconds / max(1, result.steps):.2f} s each",
        f"turns: {outcomes or 'none'}",
    ]
    if judged:
        ranges = ", ".join(
            f"{name} {min(counts)} to {max(counts)}"
            for name in ("descriptors", "threads", "tasks")
            for counts in [[getattr(one, name) for one in judged]]
        )
        resident_mb, slope = judged[-1].resident_bytes / MB, slope_mb_per_1000(samples)
        lines += [f"resident: {resident_mb:.1f} MB, {slope:+.2f} MB in 1000 turns", ranges]
    lines.append(", ".join(f"{name} {count}" for name, count in counters.items() if count))
    return "\n".join(lines)


def _steps(arguments: argparse.Namespace, seed: int) -> list[Step]:
    if arguments.plan is not None:
        return list(from_lines(arguments.plan.read_text("utf-8")))
    return make_steps(seed, arguments.turns)


def _tell_progress(done: int) -> None:
    if done % 100 == 0:
        print(f"  {done}", flush=True)


def _print_shortest(steps: Sequence[Step], tries: int) -> None:
    """What fails, as a plan file."""
    found = shrink(steps, lambda fewer: not run(fewer).ok, tries)
    print(f"soak: the shortest plan that was found to fail, {len(found)} steps, for --plan FILE:")
    print(to_lines(found), end="")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--turns", type=int, default=2000, help="steps of the user; default: 2000")
    parser.add_argument("--seed", type=int, help="of everything random; default: a new one, which is printed")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="end after so long at the latest")
    parser.add_argument("--plan", type=Path, help="play this file of steps instead, as a failure prints it")
    parser.add_argument("--tries", type=int, default=8, help="runs to find a shorter plan that fails")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
