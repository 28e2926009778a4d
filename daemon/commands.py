"""What `conure talk`, `mute`, `volume` … do in the running daemon. Event loop only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from daemon.controller import Event
from daemon.errors import ControlError
from daemon.events import MuteSet, StopAsked, TalkPressed, TextAsked, Trigger
from daemon.gain import gain_for
from daemon.mailbox import Mailbox
from daemon.playback import Playback

MAX_TEXT = 4000
"""Characters of one `conure say`; far more than anybody says in a turn."""


class Volume:
    """Loudness in percent, 0 to 100."""

    def __init__(self, playback: Playback, percent: int) -> None:
        self._playback = playback
        self.percent = 0
        self.set(percent)

    def set(self, percent: int) -> None:
        """Change the loudness, also of what is playing now. Raises ControlError out of range."""
        if not 0 <= percent <= 100:
            raise ControlError(f"the volume must be from 0 to 100, not {percent}")
        self.percent = percent
        self._playback.gain = gain_for(percent)


class Commands:
    """Carries out the commands of the control socket."""

    def __init__(
        self, mailbox: Mailbox[Event], volume: Volume, snapshot: Callable[[], dict[str, Any]]
    ) -> None:
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
            case "mute" | "unmute":
                self._mailbox.post(MuteSet(command == "mute"))
            case "volume":
                return self._set_volume(args.get("percent"))
            case "say":
                self._say(args.get("text"))
            case _:
                raise ControlError(f"there is no command {command!r}")
        return None

    def _talk(self) -> None:
        if self._snapshot().get("muted"):
            raise ControlError("the microphone is muted; open it with `conure unmute`")
        self._mailbox.post(TalkPressed(Trigger.COMMAND))

    def _set_volume(self, percent: object) -> dict[str, int]:
        if percent is not None:
            if not isinstance(percent, int) or isinstance(percent, bool):
                raise ControlError(f"the volume must be a whole number, not {percent!r}")
            self._volume.set(percent)
        return {"volume": self._volume.percent}

    def _say(self, text: object) -> None:
        if not isinstance(text, str) or not text.strip():
            raise ControlError("say what? `conure say TEXT` needs a text")
        if len(text) > MAX_TEXT:
            raise ControlError(f"that text is too long: {len(text)} characters of at most {MAX_TEXT}")
        self._mailbox.post(TextAsked(text.strip()))
