"""Whether the service can be had, for the lights. Pure."""

from __future__ import annotations

from daemon.lights.conditions import Reach
from daemon.session.failures import FailureKind
from daemon.session.link import Link, LinkPhase


def reach_of(link: Link, *, budget_gone: bool) -> Reach:
    """What the link's state means. `budget_gone`: the day's budget is used up, and nothing is under way."""
    failure = link.failure
    return Reach(
        connecting=link.phase is LinkPhase.CONNECTING,
        refused=failure is not None and failure.refused,
        offline=failure is not None and not failure.refused,
        slow=link.phase is LinkPhase.ONLINE and bool(link.detour),
        quota=budget_gone or (failure is not None and failure.kind is FailureKind.QUOTA),
    )
