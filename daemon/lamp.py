"""Shows the scene that the conditions ask for, and keeps it moving. Event loop only."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from daemon.lights import Conditions, bar_fill, choose_scene, next_frame_s, render
from daemon.scenes import IDLE
from hw.base import Colour, LedError, Leds

log = logging.getLogger(__name__)


class Lamp:
    """The status lights. Broken lights are told once, and the daemon goes on without them."""

    def __init__(self, leds: Leds, clock: Callable[[], float]) -> None:
        self._leds = leds
        self._clock = clock
        self._conditions = Conditions()
        self._since_s = clock()
        self._shown: tuple[Colour, ...] = ()
        self._changed = asyncio.Event()
        self.scene = IDLE
        self.failed = False

    def refresh(self, conditions: Conditions) -> None:
        """Show the conditions at once; called before the microphone's audio may leave."""
        self._conditions = conditions
        scene = choose_scene(conditions)
        if scene is not self.scene:
            self.scene, self._since_s = scene, self._clock()
            self._changed.set()
        self._draw()

    async def run(self, conditions: Callable[[], Conditions]) -> None:
        """Animate for ever; sleeps while the scene stands still."""
        while True:
            self._changed.clear()
            try:
                async with asyncio.timeout(next_frame_s(self.scene, self._clock() - self._since_s)):
                    await self._changed.wait()
            except TimeoutError:
                self.refresh(conditions())

    @property
    def pixels(self) -> tuple[Colour, ...]:
        """What is shown now."""
        return self._shown

    def close(self) -> None:
        """Lights off."""
        self._leds.close()

    def _draw(self) -> None:
        fill = bar_fill(self.scene, self._conditions)
        pixels = render(self.scene, self._clock() - self._since_s, self._leds.count, fill)
        if self.failed or pixels == self._shown:
            return
        try:
            self._leds.show(pixels)
            self._shown = pixels
        except LedError as error:
            self.failed = True
            log.warning("the lights failed, going on without them: %s", error)
