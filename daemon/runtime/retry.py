"""How often a lost device is tried again. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat

FIRST_PAUSES_S = (0.2, 0.5, 1.0, 2.0)
"""A USB device that was re-plugged or a sound server that restarted is back within seconds."""

LONGEST_PAUSE_S = 4.0

PROVEN_STEPS = 500
"""A device that has worked this long (chunks moved: 10 s of sound) begins with fresh pauses when it is lost
again; one that fails sooner, again and again, is given up."""


def device_pauses_s(give_up_after_s: float) -> Iterator[float]:
    """The pauses between tries; ends when together they exceed `give_up_after_s`."""
    total_s = 0.0
    for pause_s in chain(FIRST_PAUSES_S, repeat(LONGEST_PAUSE_S)):
        total_s += pause_s
        if total_s > give_up_after_s:
            return
        yield pause_s
