"""What `conure timers …` asks of the running daemon. Event loop only."""

from __future__ import annotations

from typing import Any

from daemon.errors import ControlError
from daemon.reminders import actions
from daemon.reminders.book import Refused
from daemon.reminders.requests import parse_duration
from daemon.reminders.service import Reminders


class ReminderCommands:
    """Carries out the command `timers` of the control socket."""

    def __init__(self, reminders: Reminders) -> None:
        self._reminders = reminders

    async def handle(self, args: dict[str, Any]) -> Any:
        """Carry it out; returns words to be shown, or data where they are asked for.

        Raises ControlError for what cannot be done.
        """
        try:
            return await self._carry_out(args)
        except Refused as refused:
            raise ControlError(str(refused)) from refused

    async def _carry_out(self, args: dict[str, Any]) -> Any:
        match args:
            case {"action": "list", "form": "data"}:  # a program that looks has told nobody what was missed
                return self._reminders.data()
            case {"action": "list"}:
                return await actions.list_all(self._reminders)
            case {"action": "add", "duration": str(duration), "name": str(name)}:
                return await actions.set_timer(self._reminders, parse_duration(duration), name)
            case {
                "action": "alarm",
                "at": str(at),
                "name": str(name),
                "weekdays": str(days),
                "day": str(day),
            }:
                words = days.replace(",", " ").split()
                return await actions.set_alarm(self._reminders, at, name, words, day)
            case {"action": "remind", "at": str(at), "text": str(text)}:
                return await actions.set_reminder(self._reminders, text, at)
            case {"action": "cancel", "which": str(which)}:
                return await actions.cancel(self._reminders, which)
            case {"action": "snooze", "duration": str(duration)}:
                return await actions.snooze(self._reminders, parse_duration(duration))
        raise ControlError(f"the command timers does not know {args.get('action')!r} in this form")
