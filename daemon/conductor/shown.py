"""What the lights have to know of the parts: what calls for the user."""

from __future__ import annotations

from daemon.conductor.parts import Parts
from daemon.lights.conditions import Calls


def calls_of(parts: Parts) -> Calls:
    """What calls for the user of itself."""
    return Calls(
        ringing=parts.reminders.ringing,
        missed=parts.reminders.untold,
        announcing=parts.announcements.sounding,
        pairing=parts.pairing.waits,
    )
