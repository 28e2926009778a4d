"""What a test of real time that fails is worth when the machine was busy with something else: another try.

A sound that breaks, or a process that ends late, may be the fault of the machine: on one that others use
too (a shared runner, a board that updates itself) nothing else can be told from it. So a test that is marked
`alone` or that plays the whole daemon (`tests/whole`) is asked again when it fails, but only if there was not
processor enough for all meanwhile. On a quiet machine its first failure counts.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol  # what plugins use that run a test again; there is no public name

TRIES = 3

BUSY = 0.2
"""The part of the time in which somebody waited for a processor. The tests alone: 0.02 to 0.1."""

STOLEN = 0.02
"""The part of the time that the host of a virtual machine took from it (proc_stat(5), steal)."""

PRESSURE = Path("/proc/pressure/cpu")
"""Since Linux 4.20; where it is missing, only stolen time is seen."""

ASKED_AGAIN = "asked again"
"""The property of a report that tells of another try; it reaches the summary from every worker."""


@dataclass(frozen=True, slots=True)
class Burden:
    """What the machine had to bear until a moment."""

    at_s: float
    waited_s: float
    stolen_s: float

    @classmethod
    def now(cls) -> Burden:
        """Read the kernel's counters."""
        first, *_ = Path("/proc/stat").read_text("ascii").splitlines()
        stolen_s = int(first.split()[8]) / os.sysconf("SC_CLK_TCK") / (os.cpu_count() or 1)
        return cls(time.monotonic(), _waited_s(), stolen_s)

    def busy_since(self, before: Burden) -> bool:
        """Whether the machine had more to do than it could."""
        lasted_s = self.at_s - before.at_s
        return (
            self.waited_s - before.waited_s > BUSY * lasted_s
            or self.stolen_s - before.stolen_s > STOLEN * lasted_s
        )


def _waited_s() -> float:
    try:
        first, *_ = PRESSURE.read_text("ascii").splitlines()
    except OSError:
        return 0.0
    return int(first.rsplit("total=", 1)[1]) / 1e6


def run_until_it_counts(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Run a test, and report its last try."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for tries_left in reversed(range(TRIES)):
        before = Burden.now()
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        failed = any(report.failed for report in reports)
        if not (failed and tries_left and Burden.now().busy_since(before)):
            break
        item.user_properties.append((ASKED_AGAIN, item.nodeid))
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
