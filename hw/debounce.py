"""From the bounces of a contact to edges. Pure.

Libraries differ in what their "bounce time" means: some report the first change and ignore those that follow
(so a spike is a press), some wait for a stable level. Here an edge counts when the level has stayed for the
debounce time; it then carries the time at which the contact first moved.
"""

from __future__ import annotations


class Debouncer:
    """One contact. Times are seconds on any one clock."""

    def __init__(self, debounce_s: float, *, pressed: bool) -> None:
        """`pressed` is the level at the start, which is not reported."""
        self._debounce_s = debounce_s
        self._reported = pressed
        self._moved_s: float | None = None
        self._last_change_s = 0.0

    def changed(self, at_s: float) -> None:
        """The level changed, for a moment or for longer."""
        if self._moved_s is None:
            self._moved_s = at_s
        self._last_change_s = at_s

    @property
    def due_s(self) -> float | None:
        """When `settle` should be called, unless the level changes before; None: nothing is open."""
        return None if self._moved_s is None else self._last_change_s + self._debounce_s

    def settle(self, pressed: bool, now_s: float) -> tuple[bool, float] | None:
        """The edge that has become certain by now, with its time; `pressed` is the level now."""
        if self._moved_s is None or self.due_s is None or now_s < self.due_s:
            return None
        moved_s, self._moved_s = self._moved_s, None
        if pressed == self._reported:
            return None
        self._reported = pressed
        return pressed, moved_s
