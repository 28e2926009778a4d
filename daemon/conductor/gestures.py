"""Button edges to gestures, without adding latency.

Talking begins at the press itself, before anyone can know whether it is a tap or a hold; what it was is
told as soon as it is certain. So a tap is PRESSED, TAPPED; a hold is PRESSED, HELD, HOLD_RELEASED; a
double press is PRESSED, TAPPED, DOUBLE. Pure: times come with the calls and are `time.monotonic()`
seconds; nothing here sets a timer (`next_deadline_s` says when to call `tick`).
"""

from __future__ import annotations

from enum import Enum

from daemon.config.settings import ButtonSettings


class Gesture(Enum):
    """What the user did with the button."""

    PRESSED = "pressed"
    """It went down, and this is not the second half of a double press."""
    TAPPED = "tapped"
    """It was let go before it became a hold or a long press."""
    HELD = "held"
    """It has been down for `hold_ms`; HOLD_RELEASED will follow. Only where a hold means something."""
    HOLD_RELEASED = "hold_released"
    """The hold is over."""
    DOUBLE = "double"
    """It went down again within `double_ms` of a tap's release. Only where a double press means something."""
    LONG = "long"
    """It has been down for `long_ms`. Only where a hold means nothing and a long press something."""


class _State(Enum):
    UP = "up"
    DOWN = "down"
    """Down, and it may still become anything."""
    HOLDING = "holding"
    """Down, and HELD was told."""
    SPENT = "spent"
    """Down, and its release means nothing any more."""


class GestureRecogniser:
    """Recognises the gestures of one button. Event loop only; not thread-safe.

    An edge that repeats the current level changes nothing. If a release is lost, the next press counts as
    such a repetition and its release ends the gesture, so the button works again after one press.
    """

    def __init__(self, settings: ButtonSettings) -> None:
        self._double_s = settings.double_ms / 1000 if settings.double != "none" else None
        self._ripe = _ripening(settings)
        self._state = _State.UP
        self._pressed_at_s = 0.0
        self._tapped_at_s: float | None = None

    def edge(self, pressed: bool, at_s: float) -> list[Gesture]:
        """Take a debounced edge and return the gestures that are certain now, in order.

        What became due before the edge comes first, so a late timer loses nothing.
        """
        is_down = self._state is not _State.UP
        if pressed == is_down:
            return []
        return self._press(at_s) if pressed else [*self.tick(at_s), *self._release(at_s)]

    def tick(self, now_s: float) -> list[Gesture]:
        """Return what became certain by the mere passing of time: HELD or LONG, once."""
        due_s = self.next_deadline_s()
        if due_s is None or self._ripe is None or now_s < due_s:
            return []
        _, gesture, self._state = self._ripe
        return [gesture]

    def next_deadline_s(self) -> float | None:
        """When `tick` will next have something to tell, or None while only an edge can."""
        if self._state is not _State.DOWN or self._ripe is None:
            return None
        return self._pressed_at_s + self._ripe[0]

    def _press(self, at_s: float) -> list[Gesture]:
        if self._completes_double(at_s):
            self._state, self._tapped_at_s = _State.SPENT, None
            return [Gesture.DOUBLE]
        self._state, self._pressed_at_s, self._tapped_at_s = _State.DOWN, at_s, None
        return [Gesture.PRESSED]

    def _completes_double(self, at_s: float) -> bool:
        if self._double_s is None or self._tapped_at_s is None:
            return False
        return at_s - self._tapped_at_s <= self._double_s

    def _release(self, at_s: float) -> list[Gesture]:
        was, self._state = self._state, _State.UP
        if was is _State.HOLDING:
            return [Gesture.HOLD_RELEASED]
        if was is _State.SPENT:
            return []
        self._tapped_at_s = at_s
        return [Gesture.TAPPED]


def _ripening(settings: ButtonSettings) -> tuple[float, Gesture, _State] | None:
    """What a press turns into if nobody lets go: after how many seconds, its gesture, the state then."""
    if settings.hold != "none":
        return settings.hold_ms / 1000, Gesture.HELD, _State.HOLDING
    if settings.long != "none":
        return settings.long_ms / 1000, Gesture.LONG, _State.SPENT
    return None
