"""Which way to the service is taken: sessions over a WebSocket, or the slow way, call by call. Pure.

Some networks (a proxy, a school's firewall) let HTTPS through and break each WebSocket: the upgrade fails, or
the connection dies at once. After TRIES such failures in a row it is looked whether the service answers by
HTTPS, and then a session is tried once more: so a network that is just coming back is not taken for one that
breaks WebSockets. While the slow way is taken, sessions are tried in the background.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from daemon.session.failures import Failure, FailureKind

TRIES = 3
"""Failures in a row after which it is no accident."""

DIED_S = 5.0
"""A session that ended sooner has died at once."""

SHORT_SETUP_S = 2.5
"""Once there was a failure, a set-up may take no longer: a good one takes some 0.5 s, and somebody waits."""

SURE_SETUP_S = 6.0
"""The last set-up before the slow way is taken: a network that is just coming back is slow."""

FIRST_TRIAL_S = 30.0
LONGEST_TRIAL_S = 600.0
"""Between two trials of a session while the slow way is taken; doubled each time."""

SUSPICIOUS = frozenset(
    {
        FailureKind.NETWORK,
        FailureKind.TRANSIENT,
        FailureKind.INTERCEPTED,
        FailureKind.BUG,
    }
)
"""What a way that WebSockets do not pass looks like, unless a close frame came over it. Quota, clock, handle
and a path that went silent have other reasons."""

DECISIVE = frozenset({FailureKind.REFUSED_KEY, FailureKind.REFUSED_MODEL})
"""An upgrade that is refused (HTTP 401, 403, 404), where HTTPS takes key and model, was not refused by the
service."""


@dataclass(frozen=True, slots=True)
class Ways:
    """What is known. `because`: why the slow way is taken; empty while it is not."""

    failures: int = 0
    died: bool = False
    """Whether the last failure was a session that stood and died at once."""
    because: str = ""
    next_trial_s: float = 0.0
    pause_s: float = FIRST_TRIAL_S

    @property
    def slow(self) -> bool:
        """Whether the slow way is taken."""
        return bool(self.because)

    @property
    def doubtful(self) -> bool:
        """Whether it is to be looked whether HTTPS passes."""
        return not self.slow and self.failures >= TRIES


def failed(ways: Ways, failure: Failure) -> Ways:
    """A session could not be had."""
    if failure.closed:
        return Ways()
    if failure.kind in DECISIVE:
        return replace(ways, failures=TRIES, died=False)
    if failure.kind in SUSPICIOUS:
        return replace(ways, failures=ways.failures + 1, died=False)
    return Ways()


def ended(ways: Ways, failure: Failure, lived_s: float) -> Ways:
    """A session ended with a failure, after so long."""
    if failure.closed or lived_s >= DIED_S or failure.kind not in SUSPICIOUS:
        return Ways()
    return replace(ways, failures=ways.failures + 1, died=True)


def go_slow(ways: Ways, why: str, now_s: float) -> Ways:
    """HTTPS passes and sessions do not, for this reason."""
    return replace(ways, because=why, next_trial_s=now_s + FIRST_TRIAL_S, pause_s=FIRST_TRIAL_S)


def tried_in_vain(ways: Ways, now_s: float) -> Ways:
    """A session was tried in the background, and could not be had."""
    pause_s = min(LONGEST_TRIAL_S, 2 * ways.pause_s)
    return replace(ways, next_trial_s=now_s + pause_s, pause_s=pause_s)
