"""The tool by which the model sees what the camera sees, when its user asks it to look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from daemon.seeing.eyes import Eyes, NoPicture
from daemon.tools.declaring.functions import tool
from daemon.tools.declaring.spec import ToolError

Show = Callable[[bytes], Awaitable[bool]]
"""Sends a picture once the lights say so; returns whether it has arrived."""


class Looking:
    """Event loop only."""

    def __init__(self, eyes: Eyes, show: Show) -> None:
        self._eyes = eyes
        self._show = show

    @tool(timeout_s=15.0)
    async def look(self) -> str:
        """Look through the device's camera. Only when the user asks you to look at or to see something."""
        try:
            picture = self._eyes.look()
        except NoPicture as error:
            raise ToolError(f"There is no picture: {error}.", retryable=True) from error
        if not await self._show(picture):
            raise ToolError("The picture could not be sent.", retryable=True)
        return "The picture of this moment has been sent to you. Answer by what it shows."
