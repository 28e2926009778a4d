"""What all turns since the start cost in time, and how they ended: numbers that only grow. Pure.

The ledger forgets after some turns, and whoever collects these numbers is not always there. So they are
counted here, in buckets as a Prometheus histogram has them.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from daemon.conductor.ledger import Mark, Turn
from daemon.events import Trigger
from daemon.histogram import Histogram
from daemon.words import Outcome

BOUNDS_S = (0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Upper bounds of the buckets, inclusive; one more has none. Finer where a listener feels the difference."""

DURATIONS = {
    "first_sent": (Mark.TRIGGERED, Mark.FIRST_SENT),
    "first_reply": (Mark.SPEECH_ENDED, Mark.FIRST_REPLY),
    "first_sound": (Mark.SPEECH_ENDED, Mark.FIRST_SAMPLE),
}
"""What is measured, from one mark to another; a turn without either of them is not counted."""


def bucket_of(duration_s: float) -> int:
    """The place of the bucket that a duration falls into."""
    return bisect_left(BOUNDS_S, duration_s)


class TurnTotals:
    """All turns that have ended. Event loop only."""

    def __init__(self) -> None:
        self._turns = {outcome: dict.fromkeys(Trigger, 0) for outcome in Outcome}
        self._durations = {name: Histogram(BOUNDS_S) for name in DURATIONS}

    def add(self, line: Turn) -> None:
        """Count a turn of the ledger that is over; one without an outcome is passed over."""
        if line.outcome is None:
            return
        self._turns[line.outcome][line.trigger] += 1
        for name, (first, last) in DURATIONS.items():
            if (duration_ms := line.between_ms(first, last)) is not None:
                self._durations[name].add(duration_ms / 1000)

    def report(self) -> dict[str, Any]:
        """For `conure status`: every outcome and trigger is there, also those that never came."""
        return {
            "turns": {
                outcome.value: {trigger.value: count for trigger, count in counts.items()}
                for outcome, counts in self._turns.items()
            },
            "bounds_s": list(BOUNDS_S),
            "durations": {name: histogram.report() for name, histogram in self._durations.items()},
        }
