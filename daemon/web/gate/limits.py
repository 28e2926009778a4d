"""How many requests somebody may make: token buckets, one for each address. Pure; time comes with calls."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

REQUESTS_HZ = 20.0
"""Of one address, in the long run: a page asks for some 16 files, and then seldom."""
REQUESTS_BURST = 60
"""At once: a page that is loaded by three tabs."""
MESSAGES_HZ = 100.0
"""Of one WebSocket: twice what a microphone in pieces of 20 ms sends."""
MESSAGES_BURST = 200

MAX_ADDRESSES = 256
"""Addresses that are remembered; policy for one more: forget the one that was heard longest ago."""


@dataclass(slots=True)
class TokenBucket:
    """Lets `rate_hz` through in the long run, and `burst` at once."""

    rate_hz: float
    burst: float
    _left: float = -1.0
    _at_s: float = 0.0

    def take(self, now_s: float) -> float:
        """Take one; 0 if there was one, else after how many seconds there will be."""
        if self._left < 0:
            self._left = self.burst
        else:
            self._left = min(self.burst, self._left + max(0.0, now_s - self._at_s) * self.rate_hz)
        self._at_s = now_s
        if self._left < 1:
            return (1 - self._left) / self.rate_hz
        self._left -= 1
        return 0.0


class AddressLimits:
    """A bucket for each address. `forgotten` counts addresses that made room for others."""

    def __init__(self, rate_hz: float = REQUESTS_HZ, burst: float = REQUESTS_BURST) -> None:
        self._rate_hz = rate_hz
        self._burst = burst
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()
        self.forgotten = 0

    def take(self, address: str, now_s: float) -> float:
        """As `TokenBucket.take`, for the one at this address."""
        whose = owner_of(address)
        bucket = self._buckets.pop(whose, None) or TokenBucket(self._rate_hz, self._burst)
        self._buckets[whose] = bucket
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
            self.forgotten += 1
        return bucket.take(now_s)


def owner_of(address: str) -> str:
    """What one machine cannot have many of: an IPv4 address, or the network that an IPv6 address is in.

    A host chooses the lower 64 bits of its IPv6 addresses itself (RFC 4291, section 2.5.1).
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    mapped = found.ipv4_mapped
    return str(mapped) if mapped else str(IPv6Address(int(found) >> 64 << 64))
