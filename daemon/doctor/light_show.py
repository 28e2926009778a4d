"""The light grammar, one scene after the other: `conure lights`."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from daemon.lights.ladder import FRAME_S, LADDER, render
from daemon.lights.scenes import Layout, Scene
from hw.base import Board, LedError, Leds
from hw.build import NoLeds


def plain_name(name: str) -> str:
    """A scene's name as one types it: `no microphone` is `no-microphone`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


SCENES_BY_NAME: dict[str, Scene] = {plain_name(rung.scene.name): rung.scene for rung in LADDER}
"""Everything that the lights can say."""


def open_lights(board: Board) -> Leds:
    """The board's lights. Raises LedError, also where it has none."""
    leds = board.open_leds()
    if isinstance(leds, NoLeds):
        raise LedError("lights", "there are none: [lights] kind says what is wired", permanent=True)
    return leds


def show(
    leds: Leds,
    scene: Scene,
    seconds: float,
    wait: Callable[[float], object],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Show a scene for so long, its bar, if it has one, shrinking; `wait` sleeps. Raises LedError."""
    start_s = clock()
    while (shown_s := clock() - start_s) < seconds:
        fill = 1 - shown_s / seconds if scene.layout is Layout.BAR else 1.0
        leds.show(render(scene, shown_s, leds.count, fill))
        wait(min(FRAME_S, seconds - shown_s))
