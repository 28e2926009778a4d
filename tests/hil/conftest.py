"""Tells of a failed check at once: the machine may be ended before pytest comes to its summary."""

from __future__ import annotations

import pytest


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Called by pytest for each phase of each check."""
    if report.failed:
        print(f"\n{report.longreprtext}\n", flush=True)
