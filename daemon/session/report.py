"""The connection in words, for `conure status`. Pure."""

from __future__ import annotations

from typing import Any

from daemon.session.failures import Failure
from daemon.session.link import Link, LinkPhase


def report_of(link: Link, last: tuple[Failure, float] | None, now_s: float) -> dict[str, Any]:
    """What is wrong, since when, and when the next try is. `last` is the newest failure and when it was."""
    failure = link.failure
    waiting = link.phase is LinkPhase.BACKING_OFF
    return {
        "state": link.phase.value,
        "since_s": round(now_s - link.since_s, 1),
        "problem": f"{failure.treatment.says} ({failure.detail})" if failure else None,
        "problem_since_s": round(now_s - link.failed_since_s, 1) if failure else None,
        "remedy": failure.treatment.remedy if failure else None,
        "slow_way": link.detour or None,
        "next_try_s": round(max(0.0, link.next_try_s - now_s), 1) if waiting else None,
        "connects": link.connects,
        "failures": link.failures,
        **_last_problem(last, now_s),
    }


def _last_problem(last: tuple[Failure, float] | None, now_s: float) -> dict[str, Any]:
    if last is None:
        return {}
    failure, at_s = last
    return {"last_problem": failure.treatment.says, "last_problem_ago_s": round(now_s - at_s)}
