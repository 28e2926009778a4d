"""What was found as a table, as JSON, and as an exit status. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from daemon.doctor.finding import Check, Finding, Verdict
from daemon.errors import EX_CONFIG

NAME_WIDTH = max(len(check) for check in Check)
JSON_MARKS = {Verdict.FINE: "fine", Verdict.WRONG: "wrong", Verdict.SKIPPED: "skipped"}


def as_table(findings: Sequence[Finding]) -> str:
    """A line for each finding, the remedy below it, and the sum at the end."""
    lines = [line for finding in findings for line in _lines(finding)]
    return "\n".join([*lines, "", summary(findings)]) + "\n"


def _lines(finding: Finding) -> list[str]:
    line = f"{finding.mark.value} {finding.check:<{NAME_WIDTH}}  {finding.found}"
    return [line, f"{'':{NAME_WIDTH + 4}}→ {finding.remedy}"] if finding.remedy else [line]


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
