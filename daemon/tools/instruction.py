"""The system instruction: tells the model who it is, and what it has to know of the device. Pure.

The model reads it, and the user pays for it, with every turn, so it is short. The time in it is that of the
session's beginning; a tool tells the time of the moment.
"""

from __future__ import annotations

from datetime import datetime

from daemon.config.settings import LiveSettings

SPOKEN = "Your words are spoken by a small loudspeaker: no lists, no markup, no links."
TOOLS = (
    "Use a tool when the user wants what it does. Never say that something is done before its tool says so. "
    "If a tool fails, say why in your own words."
)


def compose(live: LiveSettings, now: datetime | None, *, tools: bool, facts: str = "") -> str:
    """The instruction of a session that begins `now` (local time with its zone; None: the clock is not set).

    `facts` is what it was asked to remember. An empty `live.instruction` adds no persona.
    """
    place = f"The device is in {live.place.strip()}." if live.place.strip() else ""
    language = f"Speak {live.language} unless you are asked for another language." if live.language else ""
    lines = [live.instruction.strip(), SPOKEN, place, language, _time(now), TOOLS if tools else "", facts]
    return "\n".join(line for line in lines if line)


def _time(now: datetime | None) -> str:
    if now is None:
        return "The device does not know date and time yet: its clock is not set."
    return f"This conversation began on {in_words(now)}."


def in_words(moment: datetime) -> str:
    """A moment for the model: weekday, date, time and offset, in a form that no language reads otherwise."""
    offset = moment.strftime("%z")
    return f"{moment:%A}, {moment.day} {moment:%B %Y}, {moment:%H:%M} (UTC{offset[:3]}:{offset[3:5]})"
