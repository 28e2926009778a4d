"""What goes through all talks: messages, sound, and how long it is under way. Event loop only."""

from __future__ import annotations

from collections import Counter
from typing import Any

from daemon.histogram import Histogram

RELAY_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The budget is 5 ms for nine of ten; what waits for a connection takes seconds."""


class Traffic:
    """By dialect, a closed set. `relay` has the time from a client's sound to its leaving for the service."""

    def __init__(self) -> None:
        self.received: Counter[str] = Counter()
        """Messages of clients."""
        self.sent: Counter[str] = Counter()
        """Messages to clients."""
        self.decoded_s: dict[str, float] = {}
        """Sound that was understood."""
        self.dropped_bytes: Counter[str] = Counter()
        """Sound of replies that was not told: cut, unwanted, or too much; of talks that are over."""
        self.relay = Histogram(RELAY_BOUNDS_S)

    def heard(self, dialect: str, length_s: float) -> None:
        """So much of a client's sound was understood."""
        self.decoded_s[dialect] = self.decoded_s.get(dialect, 0.0) + length_s

    def report(self) -> dict[str, Any]:
        """For metrics."""
        return {
            "messages": {"received": dict(self.received), "sent": dict(self.sent)},
            "decoded_s": dict(self.decoded_s),
            "relay": self.relay.report() | {"bounds_s": list(RELAY_BOUNDS_S)},
        }
