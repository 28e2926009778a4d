"""What is known of the connection, by what rules it is kept, and what may happen to it. Pure.

`link_table.py` says what follows from what happens. Times are `time.monotonic()` seconds.

    OFFLINE       no connection, none wanted
    CONNECTING    one is being set up
    ONLINE        one is set up
    ROTATING      the old one is being closed so that a new one can resume the session
    BACKING_OFF   waiting before the next try
    REFUSED       the service will not have us; the user's next trigger tries again
"""

from __future__ import annotations

from dataclasses import dataclass

from daemon.session.failures import Failure
from daemon.words import LinkPhase as LinkPhase


@dataclass(frozen=True, slots=True)
class LinkPolicy:
    """Durations in seconds, with the source of each."""

    idle_close_s: float = 180.0
    max_age_s: float = 540.0
    """A connection lives some ten minutes (Live API guide, session management)."""
    leave_margin_s: float = 10.0
    """How long before the announced end it is rotated, in mid-turn if need be (livekit agents-js #2507)."""
    unannounced_left_s: float = 50.0
    """A `goAway` without a time: the shortest that is reported (live-api.md#goaway-and-resumption)."""
    first_back_off_s: float = 0.5
    first_pause_s: float = 0.2
    """At most this before the first try after a good connection was lost in a turn: the user is speaking."""
    longest_back_off_s: float = 30.0
    longest_busy_back_off_s: float = 1.5
    """While the user waits for it: an answer within 5 s of the network's return needs a try that soon."""
    slow_back_off_s: float = 60.0
    longest_slow_back_off_s: float = 900.0
    ask_pause_s: float = 10.0
    """While refused, the user's triggers try again at most this often."""
    proven_after_s: float = 10.0
    """A connection that lived this long resets the back-off, as does any reply."""
    resumes_before_fresh: int = 2
    """So many resumptions are tried before a fresh session is begun: after a path was lost, the server may
    think for minutes that the old connection still stands, and refuses to resume (1011, sip-to-ai PR #14)."""
    handle_life_s: float = 7000.0
    """Handles are valid for two hours after the session ended (Live API guide); less a margin."""


@dataclass(frozen=True, slots=True)
class Handle:
    """A resumption handle and when it was given."""

    value: str
    given_s: float


@dataclass(frozen=True, slots=True)
class Link:
    """All that is known of the connection."""

    phase: LinkPhase = LinkPhase.OFFLINE
    since_s: float = 0.0
    handle: Handle | None = None
    abandoned: bool = False
    """Whether the session that is being left is of no use: what it still hands over is not taken."""
    busy: bool = False
    """Whether a turn is under way, for which the connection is needed."""
    idle_since_s: float = 0.0
    leave_by_s: float | None = None
    """When an ONLINE connection must have been rotated; None: only its age counts."""
    hurried: bool = False
    """Whether the connection before was rotated before it had proved itself."""
    failure: Failure | None = None
    """The newest failure that has not been followed by a connection."""
    failed_since_s: float = 0.0
    tries: int = 0
    """Failures in a row without a connection that proved itself."""
    refused_resumes: int = 0
    """Set-ups in a row that wanted to resume and were not accepted."""
    next_try_s: float = 0.0
    detour: str = ""
    """Why the newest connection goes the slow way (`ways.py`); empty for one over a WebSocket."""
    connects: int = 0
    failures: int = 0

    def usable_handle(self, now_s: float, policy: LinkPolicy) -> str | None:
        """The handle, if it is still young enough to be worth a try."""
        if self.handle is None or now_s - self.handle.given_s > policy.handle_life_s:
            return None
        return self.handle.value


@dataclass(frozen=True, slots=True)
class Asked:
    """The user wants something now: connect at once, whatever the back-off says."""

    at_s: float


@dataclass(frozen=True, slots=True)
class Busy:
    """A turn began or ended."""

    busy: bool
    at_s: float


@dataclass(frozen=True, slots=True)
class NetworkBack:
    """A route to the world appeared."""

    at_s: float


@dataclass(frozen=True, slots=True)
class Connected:
    """The set-up was answered. `detour`: why by the slow way; empty: it is a WebSocket."""

    at_s: float
    detour: str = ""


@dataclass(frozen=True, slots=True)
class Switched:
    """A second connection, with a session of its own, has taken the place of the one that is set up."""

    at_s: float


@dataclass(frozen=True, slots=True)
class Answered:
    """The service answered a turn: the connection has proved itself."""

    at_s: float


@dataclass(frozen=True, slots=True)
class Failed:
    """Connecting or the connection failed. `jitter` is a random number from 0 to 1."""

    failure: Failure
    at_s: float
    jitter: float


@dataclass(frozen=True, slots=True)
class Leaving:
    """The server announced the end of the connection."""

    time_left_s: float | None
    at_s: float


@dataclass(frozen=True, slots=True)
class Handed:
    """A resumption handle arrived, or became unusable (`value` None)."""

    value: str | None
    at_s: float


@dataclass(frozen=True, slots=True)
class Renew:
    """Give this connection up and begin anew, without the handle if it is suspect."""

    keep_handle: bool
    at_s: float


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""

    at_s: float


LinkEvent = (
    Asked | Busy | NetworkBack | Connected | Switched | Answered | Failed | Leaving | Handed | Renew | Tick
)
