"""How long a model usually takes to begin its answer. Pure; event loop only."""

from __future__ import annotations

from collections import deque

NEWEST = 50
"""Answers that count; of more the oldest is forgotten."""

FEWEST = 5
"""With fewer than these nothing is usual yet."""

STALE_S = 24 * 3600.0
"""An answer counts for a day: services grow faster and slower."""

USUAL_SHARE = 0.9
"""Of ten answers nine come within what is usual: one that searches the web is no sign of a dead path."""

TIMES_OVER = 2.0
"""What is twice as long as nearly all others is far beyond them."""


class ReplyTimes:
    """Of one model, from the end of the question to the first that comes of the answer."""

    def __init__(self) -> None:
        self._took: deque[tuple[float, float]] = deque(maxlen=NEWEST)
        """When it was, and how long it took, in seconds."""

    def note(self, took_s: float, now_s: float) -> None:
        """An answer began."""
        self._took.append((now_s, took_s))

    def usual_s(self, now_s: float) -> float | None:
        """Nine of ten answers began within this; None while that is not known."""
        while self._took and now_s - self._took[0][0] > STALE_S:
            self._took.popleft()
        if len(self._took) < FEWEST:
            return None
        inside = sorted(took_s for _, took_s in self._took)
        return inside[int(USUAL_SHARE * (len(inside) - 1) + 0.5)]

    def told_s(self, now_s: float) -> float | None:
        """As `usual_s`, for `conure status`."""
        usual_s = self.usual_s(now_s)
        return None if usual_s is None else round(usual_s, 2)

    def unusual_s(self, now_s: float) -> float | None:
        """After this an answer is missing; None while that is not known."""
        usual_s = self.usual_s(now_s)
        return None if usual_s is None else TIMES_OVER * usual_s
