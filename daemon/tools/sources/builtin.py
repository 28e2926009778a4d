"""The tools that come with the speaker: time, volume, mute, the end of a conversation, how the device is.

Event loop only. What they act on is behind `Device`: the running speaker itself, or for `conure tools call`
the one at the other end of the control socket.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Protocol

from daemon.tools.declaring.functions import Range, spec_of, tool
from daemon.tools.declaring.spec import ToolError, ToolSpec
from daemon.tools.instruction import in_words


class Device(Protocol):
    """The speaker, as far as tools may know and change it. May raise ToolError."""

    async def status(self) -> dict[str, Any]:
        """All that `conure status --json` tells."""
        ...

    async def set_volume(self, percent: int) -> None:
        """Set the loudness, 0 to 100."""

    async def mute(self) -> None:
        """Close the microphone."""

    async def end_conversation(self) -> None:
        """No follow-up after the reply that is under way."""


class BuiltIn:
    """`now` gives the local time with its zone, or None while the clock is not set."""

    def __init__(self, device: Device, now: Callable[[], datetime | None]) -> None:
        self._device = device
        self._now = now

    def specs(self) -> list[ToolSpec]:
        """All of them."""
        tools = (self.get_time, self.volume, self.mute, self.end_conversation, self.device_status)
        return [spec_of(function) for function in tools]

    @tool()
    async def get_time(self) -> dict[str, str]:
        """Tell the date and the time of day, where the device is."""
        now = self._now()
        if now is None:
            raise ToolError("The clock is not set: the device has had no network since it was switched on.")
        return {"now": in_words(now), "zone": str(now.tzinfo)}

    @tool()
    async def volume(
        self,
        percent: Annotated[int, Range(0, 100)] | None = None,
        change: Annotated[int, Range(-100, 100)] | None = None,
    ) -> dict[str, int]:
        """Set the loudness of the device, or change it, or with neither only tell it.

        Args:
            percent: the new loudness in percent; 0 is silent
            change: what is added to the loudness; about 15 for "louder", -15 for "softer"
        """
        if percent is not None and change is not None:
            raise ToolError("Give percent or change, not both.", retryable=True)
        before = int((await self._device.status())["volume"])
        wanted = before if percent is None else percent
        after = max(0, min(100, wanted + (change or 0)))
        if after != before:
            await self._device.set_volume(after)
        return {"before_percent": before, "now_percent": after}

    @tool()
    async def mute(self) -> str:
        """Close the microphone. Only when the user clearly asks for it: no voice can open it again."""
        await self._device.mute()
        return (
            "The microphone is closed. Tell the user that you cannot hear any more, and that only the button "
            "or `conure unmute` opens it again."
        )

    @tool()
    async def end_conversation(self) -> str:
        """End the conversation when the user says goodbye, says stop, or wants no answer any more."""
        await self._device.end_conversation()
        return "The conversation ends after your next words. Say a short goodbye, or nothing."

    @tool()
    async def device_status(self) -> dict[str, Any]:
        """Tell how the device is: faults, connection, microphone, volume. For "why were you offline?"."""
        return summary(await self._device.status())


def summary(status: dict[str, Any]) -> dict[str, Any]:
    """What of the status is worth telling."""
    link, devices = status["link"], status["devices"]
    faults = {name: device["problem"] for name, device in devices.items() if device.get("problem")}
    told = {
        "running_for_s": status["up_s"],
        "volume_percent": status["volume"],
        "microphone_closed": status["muted"],
        "faults": faults or "none",
        "connection": link["state"],
        "connection_for_s": link["since_s"],
        "connections_lost_since_start": link["failures"],
        "last_connection_problem": link.get("last_problem") or "none",
        "last_connection_problem_ago_s": link.get("last_problem_ago_s"),
        "model": status["model"],
    }
    return {name: value for name, value in told.items() if value is not None}
