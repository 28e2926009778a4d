"""How many tokens may be asked for: of one visitor in a minute and a day, and of all in a day. Pure.

What is counted is what was let through to the service, be it refused there: that is what costs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

MINUTE_S = 60.0
DAY_S = 86_400.0
"""The last 24 hours, whatever the calendar says."""

IN_A_MINUTE = 6
IN_A_DAY = 60
"""Of one visitor. A page asks for one at each of its sessions, which lasts minutes."""

OF_ALL_IN_A_DAY = 200
"""A stolen device must not use up the key's quota."""


class Allowance:
    """Remembers who asked when, for a day; `OF_ALL_IN_A_DAY` entries at most."""

    def __init__(self) -> None:
        self._asked: deque[tuple[float, str]] = deque()

    def take(self, key: str, now_s: float) -> float:
        """Let this visitor ask; 0 if it may, else after how many seconds it may again.

        `now_s` never goes back.
        """
        while self._asked and self._asked[0][0] <= now_s - DAY_S:
            self._asked.popleft()
        all_s = [at_s for at_s, _ in self._asked]
        own_s = [at_s for at_s, asked in self._asked if asked == key]
        wait_s = max(
            _wait_s(all_s, OF_ALL_IN_A_DAY, DAY_S, now_s),
            _wait_s(own_s, IN_A_DAY, DAY_S, now_s),
            _wait_s(own_s, IN_A_MINUTE, MINUTE_S, now_s),
        )
        if wait_s == 0:
            self._asked.append((now_s, key))
        return wait_s


def _wait_s(asked_s: Sequence[float], limit: int, window_s: float, now_s: float) -> float:
    """Until there are fewer than `limit` within the window; `asked_s` in order."""
    if len(asked_s) < limit:
        return 0.0
    return max(0.0, asked_s[-limit] + window_s - now_s)
