"""From the bounces of a contact to edges. Pure.

Libraries differ in what their "bounce time" means: some report the first change and ignore those that follow
(so a spike is a press), some wait for a stable level. Here a level counts when it has lasted for the debounce
time, and carries the time at which it began. Only the times of the changes decide, never when they are told:
a stall of the machine neither loses a tap nor dates it late.
"""

from __future__ import annotations

Edge = tuple[bool, float]
"""Whether the contact is pressed now, and since when."""


class Debouncer:
    """One contact. Times are seconds on any one clock; not for several threads at once."""

    def __init__(self, debounce_s: float, *, pressed: bool) -> None:
        """`pressed` is the level at the start, which is not reported."""
        self._debounce_s = debounce_s
        self._reported = pressed
        self._pressed = pressed
        self._since_s = 0.0

    def changed(self, pressed: bool, at_s: float) -> Edge | None:
        """The level changed, for a moment or for longer; the edge before it, if that had lasted until now."""
        edge = self.settle(at_s)
        self._pressed, self._since_s = pressed, at_s
        return edge

    @property
    def due_s(self) -> float | None:
        """When `settle` should be called, unless the level changes before; None: nothing is open."""
        return None if self._pressed == self._reported else self._since_s + self._debounce_s

    def settle(self, now_s: float) -> Edge | None:
        """The edge that has become certain by now."""
        if self.due_s is None or now_s < self.due_s:
            return None
        self._reported = self._pressed
        return self._pressed, self._since_s
