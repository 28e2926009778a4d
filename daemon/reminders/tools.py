"""What the model may do with timers, alarms and reminders. Event loop only.

Each answer is words with exact local times, so that the model has something true to say.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal, ParamSpec, cast

from daemon.reminders import actions
from daemon.reminders.book import Refused
from daemon.reminders.service import Reminders
from daemon.tools.declaring.functions import Range, tool
from daemon.tools.declaring.spec import ToolError

P = ParamSpec("P")

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

Tool = Callable[..., Awaitable[str]]


def refusing(function: Callable[P, Awaitable[str]]) -> Callable[P, Awaitable[str]]:
    """The function, which tells the model what it refuses: another try with the same words cannot help."""

    @functools.wraps(function)
    async def told(*args: P.args, **kwargs: P.kwargs) -> str:
        try:
            return await function(*args, **kwargs)
        except Refused as refused:
            raise ToolError(str(refused)) from refused

    return told


class ReminderTools:
    """The tools, as methods."""

    def __init__(self, reminders: Reminders) -> None:
        self._reminders = reminders

    def all(self) -> list[Tool]:
        """Every tool, for the tool host."""
        return cast(
            "list[Tool]",
            [
                self.set_timer, self.set_alarm, self.set_reminder, self.list_timers,
                self.cancel_timer, self.snooze, self.stop_ringing,
            ],
        )  # fmt: skip

    @tool()
    @refusing
    async def set_timer(self, duration_s: Annotated[float, Range(1, 604_800)], name: str = "") -> str:
        """Start a timer that rings after a duration. Also for "remind me in 20 minutes to …".

        Args:
            duration_s: seconds from now
            name: what it is for, as the user said it; empty if nothing was said
        """
        return await actions.set_timer(self._reminders, duration_s, name)

    @tool()
    @refusing
    async def set_alarm(
        self, at: str, name: str = "", weekdays: list[Weekday] | None = None, day: str = ""
    ) -> str:
        """Set an alarm for a local clock time: once, or repeated on weekdays.

        Args:
            at: local time of 24 hours, like "07:30"
            name: what it is for; empty if nothing was said
            weekdays: the days on which it repeats; leave it out for an alarm that rings once
            day: the day of an alarm that rings once, like "2026-12-24"; empty for the next such time
        """
        return await actions.set_alarm(self._reminders, at, name, weekdays or [], day)

    @tool()
    @refusing
    async def set_reminder(self, text: str, at: str) -> str:
        """Remind the user of something at a local clock time, once.

        Args:
            text: what to be reminded of, as the user would say it
            at: local time like "18:00" for the next such time, or with its day, like "2026-12-24 18:00"
        """
        return await actions.set_reminder(self._reminders, text, at)

    @tool()
    @refusing
    async def list_timers(self) -> str:
        """List timers, alarms and reminders: what rings now, what waits, what rang or was missed lately."""
        return await actions.list_all(self._reminders)

    @tool()
    @refusing
    async def cancel_timer(self, which: str) -> str:
        """Cancel a timer, an alarm or a reminder.

        Args:
            which: its name or number, or "timer", "alarm", "reminder" for the only one, or "all"
        """
        return await actions.cancel(self._reminders, which)

    @tool()
    @refusing
    async def snooze(self, minutes: Annotated[int, Range(1, 180)] = 10) -> str:
        """Let what rings now, or was silenced a moment ago, ring again later.

        Args:
            minutes: minutes from now
        """
        return await actions.snooze(self._reminders, minutes * 60.0)

    @tool()
    @refusing
    async def stop_ringing(self) -> str:
        """Silence the timer, alarm or reminder that rings now."""
        return await actions.stop_ringing(self._reminders)
