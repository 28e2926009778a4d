"""What the lights have to know of the parts: what calls for the user, and whether the service can be had."""

from __future__ import annotations

from daemon.conductor.parts import Parts
from daemon.lights.conditions import Calls, Reach
from daemon.session.link import LinkPhase


def calls_of(parts: Parts) -> Calls:
    """What calls for the user of itself."""
    return Calls(
        ringing=parts.reminders.ringing,
        missed=parts.reminders.untold,
        announcing=parts.announcements.sounding,
        pairing=parts.pairing.waits,
    )


def reach_of(parts: Parts, *, resting: bool) -> Reach:
    """Whether the service can be had; a used-up budget is shown while the conversation is `resting`."""
    link = parts.connection.link
    failure = link.failure
    budget_gone = resting and parts.accounts.used_up()
    return Reach(
        connecting=link.phase is LinkPhase.CONNECTING,
        refused=failure is not None and failure.refused,
        offline=failure is not None and not failure.refused,
        quota=budget_gone or (failure is not None and failure.kind.value == "quota"),
    )
