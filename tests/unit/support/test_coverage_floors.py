"""The floors of coverage: what falls short is told."""

from __future__ import annotations

from typing import Any

from coverage_floors import shortfalls


def measured(lines: int, branches: int, missing: list[list[int]] | None = None) -> dict[str, Any]:
    """A file of a hundred lines and a hundred branches."""
    summary = {
        "covered_lines": lines,
        "num_statements": 100,
        "covered_branches": branches,
        "num_branches": 100,
    }
    return {"summary": summary, "missing_branches": missing or []}


def test_enough_is_enough() -> None:
    assert shortfalls({"files": {"hw/base.py": measured(96, 92)}}) == []


def test_too_few_lines_and_too_few_branches_are_both_told() -> None:
    files = {"hw/base.py": measured(100, 90), "hw/build.py": measured(90, 90)}
    assert shortfalls({"files": files}) == [
        "95.0 % of the lines, and not 96",
        "90.0 % of the branches, and not 92",
    ]


def test_a_branch_that_is_never_taken_is_told_where_something_is_decided_and_only_there() -> None:
    files = {
        "daemon/dialogue/device.py": measured(99, 99, [[3, 5], [7, -1]]),
        "daemon/session/tcp.py": measured(99, 99, [[1, 2]]),
    }
    assert shortfalls({"files": files}) == [
        "daemon/dialogue/device.py: branches never taken: 3 to 5, 7 to the end"
    ]
