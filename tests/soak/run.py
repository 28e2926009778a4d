"""A soak from its steps to its verdict, and the search for a shorter one that fails as well."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from soak import checks, growth
from soak.acts import ACTS
from soak.growth import Sample, sample
from soak.stage import Stage, open_stage
from soak.steps import Step, clean_step

LONGEST_QUEUE = 512
"""Events that have waited in the mailbox: an eighth of what it may hold."""

LAST_NUMBER = 32_000
"""Of the clean step at the end: twice it still fits into a stamp."""


@dataclass(slots=True)
class Result:
    """What came of a soak."""

    steps: int = 0
    seconds: float = 0.0
    failed: Step | None = None
    """The step in which something was wrong; None where it was the run as a whole, or nothing."""
    complaints: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    counters: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing was wrong."""
        return not self.complaints


class ErrorLog(logging.Handler):
    """Keeps what is logged as an error: a bug, even where nobody notices anything else."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the text."""
        self.lines.append(f"logged as an error: {record.name}: {self.format(record)}")


@contextlib.contextmanager
def errors_logged() -> Iterator[list[str]]:
    """Collect the errors of all loggers, and keep all else off the terminal."""
    log, root = ErrorLog(), logging.getLogger()
    before = root.handlers[:]
    root.handlers[:] = [log]
    try:
        yield log.lines
    finally:
        root.handlers[:] = before


def run(
    steps: Sequence[Step],
    *,
    minutes: float = float("inf"),
    prepare: Callable[[Stage], None] = lambda stage: None,
    on_step: Callable[[int], None] = lambda done: None,
) -> Result:
    """Play the steps until one fails, or time is up; then a clean one. `prepare` may change the daemon first.

    `on_step` is told how many have been played.
    """
    return asyncio.run(_run(steps, minutes, prepare, on_step))


async def _run(
    steps: Sequence[Step],
    minutes: float,
    prepare: Callable[[Stage], None],
    on_step: Callable[[int], None],
) -> Result:
    result, begun_s = Result(), time.monotonic()
    with errors_logged() as errors:
        try:
            async with open_stage() as stage:
                prepare(stage)
                for step in (*_until(steps, begun_s + 60 * minutes), clean_step(LAST_NUMBER)):
                    await _play(stage, step, result, errors)
                    on_step(result.steps)
                    if result.complaints:
                        break
                _judge_whole(stage, result)
        except Exception as error:  # noqa: BLE001 - whatever ends the daemon is what a soak looks for
            result.complaints.append(f"the daemon ended: {error!r}")
    result.seconds = time.monotonic() - begun_s
    return result


def _until(steps: Sequence[Step], end_s: float) -> Iterator[Step]:
    for step in steps:
        if time.monotonic() >= end_s:
            return
        yield step


async def _play(stage: Stage, step: Step, result: Result, errors: list[str]) -> None:
    scene = await stage.play(step, ACTS[step.act])
    result.steps += 1
    result.outcomes.update(map(str, scene.outcomes))
    result.samples.append(sample(result.steps))
    result.complaints = [*checks.complaints(scene), *errors]
    if result.complaints:
        result.failed = step


def _judge_whole(stage: Stage, result: Result) -> None:
    """What can only be said of the run as a whole."""
    reporter = stage.rig.conure.reporter
    result.counters = reporter.counters()
    sound = stage.rig.conure.sound
    rings = {"uplink": sound.uplink_ring.stats(), "reply": sound.reply_ring.stats()}
    for name, stats in rings.items():
        if lost := stats.lost_bytes:
            result.complaints.append(f"the {name} ring lost {lost} bytes")
    if result.counters["events_high_water"] > LONGEST_QUEUE:
        result.complaints.append(f"{result.counters['events_high_water']} events waited in the mailbox")
    result.complaints += growth.complaints(result.samples)


def shrink(steps: Sequence[Step], fails: Callable[[Sequence[Step]], bool], tries: int) -> list[Step]:
    """The shortest failing plan that `tries` runs can find: the last steps alone, then without faults.

    `steps` ends with the step that failed.
    """
    found, left = list(steps), tries
    length = 1
    while length < len(found) and left > 0:
        left -= 1
        if fails(found[-length:]):
            found = found[-length:]
            break
        length *= 4
    while len(found) > 1 and left > 0:
        left -= 1
        half = (len(found) - 1) // 2
        without = found[half:] if half else found[1:]
        if not fails(without):
            break
        found = without
    return found
