"""Shows the scene that the conditions ask for, and keeps it moving. Event loop only."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from daemon.lights.ladder import Conditions, bar_fill, choose_scene, next_frame_s, render
from daemon.lights.night import Night, dimmed
from daemon.lights.scenes import IDLE
from daemon.runtime.local_clock import local_minute
from hw.base import Colour, LedError, Leds

log = logging.getLogger(__name__)

VOLUME_SHOWN_S = 1.5
"""A new loudness is shown for so long: time to see it, and to press again."""

RETRY_S = 2.0
"""Lights that failed are tried again so often: else what was shown last, perhaps blue, would stay."""

DUSK_S = 60.0
"""So late may a light that stands still notice that the night has begun; the clock may also have been set."""


class Lamp:
    """The status lights. Broken lights are told once, and tried again; the daemon goes on without them."""

    def __init__(
        self,
        leds: Leds,
        clock: Callable[[], float],
        night: Night | None = None,
        minute_of_day: Callable[[], int] = local_minute,
    ) -> None:
        self._leds = leds
        self._clock = clock
        self._night = night
        self._minute_of_day = minute_of_day
        self._conditions = Conditions()
        self._since_s = clock()
        self._shown: tuple[Colour, ...] = ()
        self._changed = asyncio.Event()
        self._volume: tuple[float, float] | None = None
        """The loudness that was set last, and until when it is shown."""
        self.scene = IDLE
        self._retry_s = 0.0
        """When lights that failed are tried again, on the clock."""
        self.failed = False

    def refresh(self, conditions: Conditions) -> None:
        """Show the conditions at once; called before the microphone's audio may leave."""
        self._conditions = self._with_what_passes(conditions)
        scene = choose_scene(self._conditions)
        if scene is not self.scene:
            self.scene, self._since_s = scene, self._clock()
            self._changed.set()
        self._draw()

    def show_volume(self, share: float) -> None:
        """Show a loudness, 0 to 1, for a moment."""
        self._volume = share, self._clock() + VOLUME_SHOWN_S
        self.refresh(self._conditions)

    async def run(self, conditions: Callable[[], Conditions]) -> None:
        """Animate for ever; sleeps while the scene stands still."""
        while True:
            self._changed.clear()
            try:
                async with asyncio.timeout(self._next_frame_s()):
                    await self._changed.wait()
            except TimeoutError:
                self.refresh(conditions())

    @property
    def pixels(self) -> tuple[Colour, ...]:
        """What is shown now."""
        return self._shown

    def report(self) -> dict[str, Any]:
        """The lights, for `conure status`."""
        return {"problem": "failed" if self.failed else None}

    def close(self) -> None:
        """Lights off."""
        self._leds.close()

    def _with_what_passes(self, conditions: Conditions) -> Conditions:
        share, until_s = self._volume or (0.0, 0.0)
        shown = share if self._clock() < until_s else None
        return replace(conditions, volume_shown=shown)

    def _next_frame_s(self) -> float | None:
        if self.failed:
            return RETRY_S
        due_s = next_frame_s(self.scene, self._clock() - self._since_s)
        return DUSK_S if due_s is None and self._night else due_s

    def _draw(self) -> None:
        fill = bar_fill(self.scene, self._conditions)
        pixels = render(self.scene, self._clock() - self._since_s, self._leds.count, fill)
        if self._night:
            pixels = dimmed(pixels, self._night.share_at(self._minute_of_day()))
        if pixels == self._shown and not self.failed:
            return
        if self.failed and self._clock() < self._retry_s:
            return
        try:
            self._leds.show(pixels)
        except LedError as error:
            if not self.failed:
                log.warning("the lights failed, going on without them: %s", error)
            self.failed, self._retry_s = True, self._clock() + RETRY_S
            return
        if self.failed:
            log.info("the lights work again")
        self.failed, self._shown = False, pixels
