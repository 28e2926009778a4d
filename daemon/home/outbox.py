"""What waits to be published: the newest state, and some events. Pure; the caller has the clock.

A broker that is away for an hour must not be told an hour later what happened then: automations would act on
it. So the state is the newest only, and events have an end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_EVENTS = 32
"""Events that wait; policy for one more: the oldest is dropped, and counted."""
EVENT_LIFE_S = 30.0
"""An event that has waited for longer is dropped, and counted."""
STATE_PAUSE_S = 0.2
"""Between two states: at most five a second. What changes meanwhile is in the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message."""

    topic: str
    payload: str
    retain: bool = False
    once: bool = False
    """Sent at once, and not again if it is lost (QoS 0)."""


@dataclass(slots=True)
class BrokerOutbox:
    """Holds what is to be told, whether somebody takes it or not."""

    _state: Outgoing | None = None
    _told: Outgoing | None = None
    _events: deque[tuple[float, Outgoing]] = field(default_factory=deque)
    _told_s: float = float("-inf")
    events_dropped: int = 0

    def put_state(self, state: Outgoing) -> None:
        """This is how it is."""
        self._state = state

    def put_event(self, event: Outgoing, now_s: float) -> None:
        """This happened."""
        if len(self._events) >= MAX_EVENTS:
            self._events.popleft()
            self.events_dropped += 1
        self._events.append((now_s, event))

    def forget_told(self) -> None:
        """Somebody else listens: tell the state again."""
        self._told, self._told_s = None, float("-inf")

    def take(self, now_s: float) -> Iterator[Outgoing]:
        """What is to be published now: events in their order, then the state if it is another and due."""
        while self._events:
            since_s, event = self._events.popleft()
            if now_s - since_s <= EVENT_LIFE_S:
                yield event
            else:
                self.events_dropped += 1
        if self._state is not None and self.state_in_s(now_s) == 0.0:
            self._told, self._told_s = self._state, now_s
            yield self._state

    def state_in_s(self, now_s: float) -> float | None:
        """After how long a state is due; None while there is nothing new."""
        if self._state is None or self._state == self._told:
            return None
        return max(0.0, self._told_s + STATE_PAUSE_S - now_s)


FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
PROVEN_S = 60.0
"""A connection that lasted so long begins with the shortest pause again. One that ends sooner may be one of
two that push each other out with the same id."""


def pause_s(failures: int, chance: float) -> float:
    """The pause before the next try after so many in a row, the first being 1: within half a ceiling and it.

    The ceiling doubles from FIRST_PAUSE_S to LONGEST_PAUSE_S. `chance` is from 0 to 1: all speakers of a
    house lose their broker at the same moment, and should not come back at the same moment.
    """
    ceiling_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures, 10))
    return max(FIRST_PAUSE_S, ceiling_s * (0.5 + 0.5 * chance))
