"""Is the connection still alive? A rule over what TCP has delivered. Pure.

A connection whose path is gone looks alive for a long time: what is written to it goes into a buffer, and the
client library's own pings are answered late even by healthy servers (8 to 30 s are reported), so a short
limit on them would end good sessions. What TCP acknowledges is better evidence: the kernel at the other end
does that by itself, however busy the server is. While a turn is under way the connection gets a ping now and
then, so that there is always something to acknowledge. If nothing is acknowledged for `silent_s`, the path is
gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

SAMPLE_S = 0.5
"""How often the evidence is taken while a turn is under way."""

PING_S = 1.0
"""While a turn is under way: a ping this often, when nothing else has been sent."""

SILENT_S = 3.5
"""Nothing acknowledged for so long: gone. Three retransmissions fit into it (RFC 6298: 0.2 to 1 s, doubled),
and with the sampling it is noticed within 4.5 s: the budget is 5 s."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the kernel knows of the connection (TCP_INFO, SIOCOUTQ)."""

    outstanding_bytes: int
    """Written and not acknowledged."""
    acknowledged_bytes: int
    """Acknowledged since the connection was made."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """Since when nothing has moved; None while nothing is outstanding."""

    acknowledged_bytes: int = 0
    stuck_since_s: float | None = None

    def after(self, evidence: Evidence, now_s: float) -> Pulse:
        """The pulse after one more sample."""
        moved = evidence.acknowledged_bytes != self.acknowledged_bytes
        if evidence.outstanding_bytes == 0:
            return Pulse(evidence.acknowledged_bytes)
        if moved or self.stuck_since_s is None:
            return Pulse(evidence.acknowledged_bytes, now_s)
        return self

    def is_gone(self, now_s: float) -> bool:
        """Whether nothing has been acknowledged for too long."""
        return self.stuck_since_s is not None and now_s - self.stuck_since_s >= SILENT_S

    def rested(self) -> Pulse:
        """A pause in the sampling: what was stuck before it is judged anew."""
        return replace(self, stuck_since_s=None)
