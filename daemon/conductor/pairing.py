"""Whether a press of the button lets a browser in: for a moment, when the gateway asks. Event loop only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from daemon.errors import ControlError
from daemon.events import PairingChanged
from daemon.outside import OutOfRange, number

LONGEST_S = 60.0
"""Longest time that may be asked for."""

SETTLE_S = 1.0
"""A press this soon after the light has begun was meant for talking: the hand was on its way already."""


class PressToPair:
    """The one window in which a press counts; whoever asks for another takes the place of the one before."""

    def __init__(
        self,
        *,
        tell: Callable[..., None] = lambda event, **fields: None,
        post: Callable[[PairingChanged], None] = lambda changed: None,
        clock: Callable[[], float] = time.monotonic,
        has_button: bool = True,
    ) -> None:
        """`tell` is `Feed.tell`: the note `pair` says whether the button was pressed. By default nobody
        hears.
        """
        self._tell = tell
        self._post = post
        self._clock = clock
        self._has_button = has_button
        self._window = 0
        self._since_s = 0.0
        self._end: asyncio.TimerHandle | None = None

    @property
    def waits(self) -> bool:
        """Whether the light is to ask for a press."""
        return self._end is not None

    async def handle(self, args: dict[str, Any]) -> dict[str, Any]:
        """The command `pair`: ask for a press for `seconds` (0: no more). Raises ControlError.

        Answers at once, with the `id` that the note `pair` will have.
        """
        try:
            seconds = number(args.get("seconds", LONGEST_S), 0, LONGEST_S)
        except OutOfRange as error:
            raise ControlError(f"the seconds to wait for a press {error}") from error
        if not self._has_button:
            raise ControlError("this speaker has no button; use a code of `conure web pair`")
        self._close(pressed=False)
        if seconds:
            self._open(seconds)
        return {"id": self._window, "seconds": seconds}

    def press(self) -> bool:
        """The button went down while the light asked for it; returns whether that was for the browser."""
        if self._end is None or self._clock() < self._since_s + SETTLE_S:
            return False
        self._close(pressed=True)
        return True

    def _open(self, seconds: float) -> None:
        self._window += 1
        self._since_s = self._clock()
        self._end = asyncio.get_running_loop().call_later(seconds, self._run_out)
        self._post(PairingChanged())

    def _run_out(self) -> None:
        self._close(pressed=False)

    def _close(self, *, pressed: bool) -> None:
        if self._end is None:
            return
        self._end.cancel()
        self._end = None
        self._tell("pair", id=self._window, pressed=pressed)
        self._post(PairingChanged())
