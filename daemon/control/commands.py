"""What `conure talk`, `mute`, `volume` … do in the running daemon. Event loop only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from daemon.errors import ControlError
from daemon.events import EndAsked, Event, MuteSet, StopAsked, TalkPressed, TextAsked, Trigger
from daemon.runtime.mailbox import Mailbox
from daemon.speaking.volume import Volume

MAX_TEXT = 4000
"""Characters of one `conure say`; far more than anybody says in a turn."""


Handler = Callable[[dict[str, Any]], Awaitable[Any]]
"""Carries out one command with its arguments; returns what is to be shown. Raises ControlError."""


class Commands:
    """Carries out the commands of the control socket."""

    def __init__(
        self,
        mailbox: Mailbox[Event],
        volume: Volume,
        snapshot: Callable[[], dict[str, Any]],
        more: Mapping[str, Handler] | None = None,
    ) -> None:
        """`more`: commands that other parts carry out themselves."""
        self._more = more or {}
        self._mailbox = mailbox
        self._volume = volume
        self._snapshot = snapshot

    async def handle(self, command: str, args: dict[str, Any]) -> Any:
        """Carry out one command; returns what is to be shown. Raises ControlError for a bad one."""
        match command:
            case "status":
                return self._snapshot()
            case "talk":
                self._talk()
            case "stop":
                self._mailbox.post(StopAsked())
            case "end":
                self._mailbox.post(EndAsked())
            case "mute" | "unmute":
                self._mailbox.post(MuteSet(command == "mute"))
            case "volume":
                return self._set_volume(args.get("percent"), args.get("change"))
            case "say":
                self._say(args.get("text"))
            case _ if command in self._more:
                return await self._more[command](args)
            case _:
                raise ControlError(f"there is no command {command!r}")
        return None

    def _talk(self) -> None:
        if self._snapshot().get("muted"):
            raise ControlError("the microphone is muted; open it with `conure unmute`")
        self._mailbox.post(TalkPressed(Trigger.COMMAND))

    def _set_volume(self, percent: object, change: object) -> dict[str, Any]:
        if percent is not None:
            self._volume.set(_whole(percent))
        if change is not None:
            self._volume.change(_whole(change))
        return self._volume.report()

    def _say(self, text: object) -> None:
        if not isinstance(text, str) or not text.strip():
            raise ControlError("say what? `conure say TEXT` needs a text")
        if len(text) > MAX_TEXT:
            raise ControlError(f"that text is too long: {len(text)} characters of at most {MAX_TEXT}")
        self._mailbox.post(TextAsked(text.strip()))


def _whole(number: object) -> int:
    if not isinstance(number, int) or isinstance(number, bool):
        raise ControlError(f"the volume must be a whole number, not {number!r}")
    return number
