"""What was found as a table, as JSON, and as an exit status. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from daemon.doctor.finding import Check, Finding, Verdict
from daemon.errors import EX_CONFIG
from daemon.runtime.cells import fold

NAME_WIDTH = max(len(check) for check in Check)

LEAST_CELLS = 24
"""A narrower column of text would be hard to read."""

JSON_MARKS = {Verdict.FINE: "fine", Verdict.WRONG: "wrong", Verdict.SKIPPED: "skipped"}


def as_table(findings: Sequence[Finding], width: int | None = None) -> str:
    """A line for each finding, the remedy below it, and the sum at the end.

    What is longer than `width` cells goes on below; None: nothing is broken.
    """
    lines = [line for finding in findings for line in _lines(finding, width)]
    return "\n".join([*lines, "", summary(findings)]) + "\n"


def _lines(finding: Finding, width: int | None) -> Iterator[str]:
    begin = f"{finding.mark.value} {finding.check:<{NAME_WIDTH}}  "
    yield from _hanging(begin, finding.found, width)
    if finding.remedy:
        yield from _hanging(f"{'':{len(begin)}}→ ", finding.remedy, width)


def _hanging(begin: str, text: str, width: int | None) -> Iterator[str]:
    """The text after its beginning, and its further lines below it."""
    room = None if width is None else max(LEAST_CELLS, width - len(begin))
    first, *rest = [text] if room is None else fold(text, room) or [""]
    yield f"{begin}{first}"
    yield from (f"{'':{len(begin)}}{part}" for part in rest)


def summary(findings: Sequence[Finding]) -> str:
    """All of it in one line."""
    count = sum(finding.mark is Verdict.WRONG for finding in findings)
    if count == 0:
        return "No fault was found."
    return f"{count} fault{'s' if count > 1 else ''} found; what may help stands behind each arrow."


def as_data(findings: Sequence[Finding]) -> dict[str, Any]:
    """For programs: `{"exit_status": …, "findings": [{"check", "mark", "found", "remedy"}, …]}`."""
    return {
        "exit_status": exit_status(findings),
        "findings": [
            {
                "check": finding.check.value,
                "mark": JSON_MARKS[finding.mark],
                "found": finding.found,
                "remedy": finding.remedy,
            }
            for finding in findings
        ],
    }


def exit_status(findings: Sequence[Finding]) -> int:
    """0: no fault; 78: `conure run` would refuse to start; 1: something else is wrong."""
    faults = [finding for finding in findings if finding.mark is Verdict.WRONG]
    if any(fault.refuses_start for fault in faults):
        return EX_CONFIG
    return 1 if faults else 0
