"""Holds what the tests run through against floors: `coverage json -q -o - | python coverage_floors.py`.

Which lines are left out of the count, and why, is in pyproject.toml and beside the lines themselves.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

LINES_PERCENT = 96.0
BRANCHES_PERCENT = 92.0
"""Of both packages together."""

PURE = (
    "daemon/config/",
    "daemon/dialogue/",
    "daemon/lights/",
    "daemon/session/failures.py",
    "daemon/session/link.py",
    "daemon/session/link_table.py",
    "daemon/session/signals.py",
    "daemon/session/utterance.py",
)
"""Here every branch is run through: rooms and tables that decide, without I/O."""

Report = Mapping[str, Any]


def shortfalls(report: Report) -> list[str]:
    """What the report of `coverage json` lacks, a line each."""
    files = report["files"]
    pure = {name: data for name, data in files.items() if name.startswith(PURE)}
    lines = _share(files.values(), "covered_lines", "num_statements")
    branches = _share(files.values(), "covered_branches", "num_branches")
    found = [f"{name}: branches never taken: {_told(data)}" for name, data in pure.items() if _missing(data)]
    if lines < LINES_PERCENT:
        found.append(f"{lines:.1f} % of the lines, and not {LINES_PERCENT:g}")
    if branches < BRANCHES_PERCENT:
        found.append(f"{branches:.1f} % of the branches, and not {BRANCHES_PERCENT:g}")
    return found


def _share(files: Iterable[Report], part: str, whole: str) -> float:
    """In percent."""
    summaries = [data["summary"] for data in files]
    covered: int = sum(one[part] for one in summaries)
    there: int = sum(one[whole] for one in summaries)
    return 100.0 * covered / there


def _missing(data: Report) -> list[list[int]]:
    branches: list[list[int]] = data["missing_branches"]
    return branches


def _told(data: Report) -> str:
    return ", ".join(f"{begin} to {'the end' if end < 0 else end}" for begin, end in _missing(data))


if __name__ == "__main__":
    found = shortfalls(json.load(sys.stdin))
    print("\n".join(found) or "conure: the tests run through as much as they must")
    sys.exit(bool(found))
