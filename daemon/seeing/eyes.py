"""What the speaker's own camera sees: open while a conversation is, and of its pictures the newest.

Event loop only. A camera takes a second to give its first picture and warms a small board, so that it runs
from the beginning of a conversation to its end. One that ends by itself is told once and opened again, after
growing pauses.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from daemon.seeing.pictures import BadPicture, cleaned
from hw.camera.base import Camera, CameraError, Frame

log = logging.getLogger(__name__)

FRESH_S = 2.0
"""An older picture shows what is no longer so, and does not leave."""

LOOK_S = 0.25
"""How often it is looked whether the camera still works, while it should."""

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
"""Before a camera that ended, or could not be opened, is tried again; doubled each time."""


class NoPicture(Exception):
    """There is none to show; the text says why."""


class Eyes:
    """The camera, as the conversation needs it."""

    def __init__(
        self, open_camera: Callable[[], Camera], *, interval_s: float, clock: Callable[[], float]
    ) -> None:
        """`open_camera` may raise CameraError and may take a moment: it is called on a thread.

        `interval_s`: the least time between two pictures of `due`.
        """
        self._open_camera = open_camera
        self._interval_s = interval_s
        self._clock = clock
        self._wanted = asyncio.Event()
        self._unwanted = asyncio.Event()
        self._camera: Camera | None = None
        self._left_s = float("-inf")
        self._last: Frame | None = None
        self._dropped = 0
        self.problem: CameraError | None = None
        self.shown = 0
        self.stale = 0
        self.bad = 0
        self.starts = 0

    def set_wanted(self, wanted: bool) -> None:
        """A conversation is open, or is over."""
        if wanted is self._wanted.is_set():
            return
        (self._wanted if wanted else self._unwanted).set()
        (self._unwanted if wanted else self._wanted).clear()
        self._left_s = float("-inf")

    def due(self) -> bytes | None:
        """The picture that is to leave now: fresh, not shown before, `interval_s` after the last one."""
        if self._camera is None or self._clock() - self._left_s < self._interval_s:
            return None
        frame = self._camera.newest
        if frame is None or frame is self._last:
            return None
        try:
            picture = self._picture(frame)
        except NoPicture:
            return None  # counted
        return picture

    def look(self) -> bytes:
        """The newest picture, whenever the last one left. Raises NoPicture."""
        if self._camera is None or (frame := self._camera.newest) is None:
            raise NoPicture(str(self.problem or "the camera has not given a picture yet"))
        return self._picture(frame)

    async def run(self) -> None:
        """Have the camera open whenever it is wanted, for ever."""
        while True:
            await self._wanted.wait()
            await self._watch()

    def report(self) -> dict[str, Any]:
        """For `conure status`."""
        return {"open": self._camera is not None, "problem": str(self.problem) if self.problem else None}

    def counters(self) -> dict[str, int]:
        """Pictures by what became of them, and how often the camera was opened."""
        return {
            "camera_shown": self.shown,
            "camera_stale": self.stale,
            "camera_bad": self.bad,
            "camera_dropped": self._dropped + (self._camera.dropped if self._camera else 0),
            "camera_starts": self.starts,
        }

    def _picture(self, frame: Frame) -> bytes:
        self._last = frame
        if self._clock() - frame.at_s > FRESH_S:
            self.stale += 1
            raise NoPicture("the camera gives no new pictures")
        try:
            picture = cleaned(frame.jpeg)
        except BadPicture as error:
            self.bad += 1
            raise NoPicture(f"the camera's picture cannot be used: {error}") from error
        self._left_s = self._clock()
        self.shown += 1
        return picture

    async def _watch(self) -> None:
        """One conversation."""
        pause_s = FIRST_PAUSE_S
        while self._wanted.is_set():
            try:
                await self._see()
            except CameraError as error:
                self._note(error)
            await self._while_wanted(pause_s)
            pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)

    async def _see(self) -> None:
        """One life of the camera, until it is unwanted. Raises CameraError."""
        self._camera = await asyncio.to_thread(self._open_camera)
        self.starts += 1
        try:
            while self._wanted.is_set():
                if (error := self._camera.error) is not None:
                    raise error
                if self._camera.newest is not None:
                    self._note_works()
                await self._while_wanted(LOOK_S)
        finally:
            camera, self._camera = self._camera, None
            self._dropped += camera.dropped
            await asyncio.shield(asyncio.to_thread(camera.close))

    async def _while_wanted(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._unwanted.wait()

    def _note(self, error: CameraError) -> None:
        level = logging.WARNING if self.problem is None else logging.DEBUG
        self.problem = error
        log.log(level, "no camera: %s", error)

    def _note_works(self) -> None:
        if self.problem is not None:
            log.info("the camera works again")
        self.problem = None
