"""What a failed connection means: a table from what failed, and where, to the class of the failure. Pure.

`gemini/errors.py` translates foreign exceptions into a `Signal`; `classify` finds the first row that matches.
A source that begins with # is a heading of docs/inside/live-api.md, which leads on to the threads.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from enum import Enum

from daemon.runtime.cells import clean
from daemon.session.failures import Failure, FailureKind


class Where(Enum):
    """What was under way when it failed."""

    CONNECT = "connecting"
    SETUP = "setting up"
    SEND = "sending"
    RECEIVE = "receiving"


class SignalKind(Enum):
    """What a `Signal` is made from."""

    DNS = "dns"
    UNREACHABLE = "unreachable"
    """Refused, no route, network down: the operating system's word."""
    TIMEOUT = "timeout"
    SILENT = "silent"
    """The connection stands but nothing moves on it (the half-open rule of `liveness.py`)."""
    TLS = "tls"
    HTTP = "http"
    """An HTTP status instead of the WebSocket upgrade; `code` is the status."""
    CLOSE = "close"
    """A WebSocket close frame; `code` and `reason` are its own."""
    RESET = "reset"
    """The connection ended without a close frame (RFC 6455 code 1006)."""
    MESSAGE = "message"
    """A message that broke the client library."""


@dataclass(frozen=True, slots=True)
class Signal:
    """What happened, free of vendor types. `reason` must not hold the key."""

    kind: SignalKind
    where: Where
    code: int = 0
    reason: str = ""
    resuming: bool = False
    """Whether the connection was set up with a resumption handle."""
    clock_set: bool = True
    """Whether the system clock can be right (later than this release)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One known behaviour. Empty or None fields match anything; `words` match the reason, any of them."""

    gives: FailureKind
    source: str
    """Where it is known from: a heading of docs/inside/live-api.md, or a document by its name."""
    kind: SignalKind | None = None
    codes: tuple[int, ...] = ()
    _: KW_ONLY
    words: tuple[str, ...] = ()
    resuming: bool | None = None
    where: tuple[Where, ...] = ()
    clock_set: bool | None = None

    def matches(self, signal: Signal) -> bool:
        """Whether this row describes the signal."""
        reason = signal.reason.lower()
        return (
            (self.kind is None or self.kind is signal.kind)
            and (not self.codes or signal.code in self.codes)
            and (not self.words or any(word in reason for word in self.words))
            and (self.resuming is None or self.resuming == signal.resuming)
            and (not self.where or signal.where in self.where)
            and (self.clock_set is None or self.clock_set == signal.clock_set)
        )


_OPENING = (Where.CONNECT, Where.SETUP)

_PROJECT = ("permission denied on resource project", "has not been used in project", "not found or deleted")
"""The service's words for a project that may not use it, in small letters."""

ROWS: tuple[Row, ...] = (
    # TLS and what stands in between
    Row(FailureKind.CLOCK, "#errors; a Pi has no clock of its own", SignalKind.TLS, clock_set=False),
    Row(
        FailureKind.CLOCK,
        "openssl-verification-options(1): it goes on from when it was last on (systemd-timesyncd(8))",
        SignalKind.TLS,
        words=("not yet valid",),
    ),
    Row(FailureKind.INTERCEPTED, "#errors: ssl.SSLError", SignalKind.TLS),
    # the upgrade
    Row(
        FailureKind.REFUSED_REGION,
        "Gemini API: available regions",
        SignalKind.HTTP,
        (400, 403),
        words=("location is not supported",),
    ),
    Row(
        FailureKind.REFUSED_PROJECT,
        "google.rpc.ErrorReason SERVICE_DISABLED, CONSUMER_INVALID",
        SignalKind.HTTP,
        (400, 403, 404),
        words=_PROJECT,
    ),
    Row(FailureKind.REFUSED_KEY, "#errors: InvalidStatus 401/403", SignalKind.HTTP, (401, 403)),
    Row(
        FailureKind.REFUSED_KEY,
        "google.rpc.ErrorReason API_KEY_INVALID",
        SignalKind.HTTP,
        (400,),
        words=("api key",),
    ),
    Row(
        FailureKind.REFUSED_CONFIG,
        "google.rpc.Code INVALID_ARGUMENT, of a call over plain HTTP",
        SignalKind.HTTP,
        (400,),
        words=("invalid_argument",),
    ),
    Row(FailureKind.REFUSED_MODEL, "#errors: InvalidStatus 404", SignalKind.HTTP, (404,)),
    Row(
        FailureKind.QUOTA,
        "#closes: 429",
        SignalKind.HTTP,
        (429,),
        words=("quota", "exhausted", "billing"),
    ),
    Row(
        FailureKind.TRANSIENT,
        "#closes: 409/429 concurrency, forum 180489; 5xx",
        SignalKind.HTTP,
        (409, 429, 500, 502, 503, 504),
    ),
    Row(
        FailureKind.INTERCEPTED, "a captive portal answers 200, a redirect or 511 (RFC 6585)", SignalKind.HTTP
    ),
    # words that mean the same under every close code
    Row(
        FailureKind.REFUSED_KEY,
        "#closes: 1007 voiceclaw #155, 1008 python-genai #1710",
        SignalKind.CLOSE,
        words=("api key",),
    ),
    Row(
        FailureKind.REFUSED_REGION,
        "Gemini API: available regions",
        SignalKind.CLOSE,
        words=("location is not supported",),
    ),
    Row(
        FailureKind.QUOTA,
        "#closes: 1011 RESOURCE_EXHAUSTED, sutando #569",
        SignalKind.CLOSE,
        words=("quota", "resource_exhausted", "resource exhausted", "credits are depleted", "billing"),
    ),
    Row(
        FailureKind.REFUSED_PROJECT,
        "#closes: 1008 generative-ai #1748, #3061",
        SignalKind.CLOSE,
        words=_PROJECT,
    ),
    Row(
        FailureKind.REFUSED_MODEL,
        "#address and #closes: 1008",
        SignalKind.CLOSE,
        (1007, 1008),
        words=("is not found for api version", "not supported for bidigeneratecontent"),
    ),
    # 1007: what was sent cannot be accepted
    Row(
        FailureKind.POISONED_HANDLE,
        "#closes: 1007, forum 186392",
        SignalKind.CLOSE,
        (1007,),
        resuming=True,
    ),
    Row(FailureKind.REFUSED_CONFIG, "#closes: 1007 when fresh", SignalKind.CLOSE, (1007,), where=_OPENING),
    Row(FailureKind.POISONED_HANDLE, "#closes: 1007 later: context is full", SignalKind.CLOSE, (1007,)),
    # 1008: read the reason
    Row(FailureKind.POISONED_HANDLE, "#closes: 1008 stale handle", SignalKind.CLOSE, (1008,), resuming=True),
    Row(
        FailureKind.REFUSED_CONFIG,
        "#closes: 1008 on a fresh connect",
        SignalKind.CLOSE,
        (1008,),
        words=("not implemented",),
        where=_OPENING,
    ),
    Row(
        FailureKind.TRANSIENT,
        "#closes: 1008 aborted, before there was a session",
        SignalKind.CLOSE,
        (1008,),
        words=("aborted", "cancelled"),
        where=_OPENING,
    ),
    Row(
        FailureKind.REFUSED_CONFIG,
        "RFC 6455 1008: of a set-up that resumes nothing it is the set-up that is against the policy",
        SignalKind.CLOSE,
        (1008,),
        where=_OPENING,
    ),
    Row(FailureKind.POISONED_HANDLE, "#closes: 1008 aborted, entity not found", SignalKind.CLOSE, (1008,)),
    # 1011 and the rest
    Row(
        FailureKind.GOING_AWAY,
        "#closes: 1011 Deadline expired after goAway",
        SignalKind.CLOSE,
        (1011,),
        words=("deadline expired",),
    ),
    Row(
        FailureKind.HALF_OPEN,
        "#errors: our own ping",
        SignalKind.CLOSE,
        (1011,),
        words=("keepalive ping timeout",),
    ),
    Row(
        FailureKind.REFUSED_CONFIG,
        "#closes: 1011 for TEXT on 3.1",
        SignalKind.CLOSE,
        (1003, 1011),
        words=("modalit",),
        where=_OPENING,
    ),
    Row(
        FailureKind.BUG,
        "RFC 6455 1002, 1003, 1009: one of the two sides is wrong",
        SignalKind.CLOSE,
        (1002, 1003, 1009),
    ),
    Row(
        FailureKind.TRANSIENT,
        "#closes: 1000, 1001, 1005, 1011 to 1014, and unknown ones",
        SignalKind.CLOSE,
    ),
    # no close frame
    Row(FailureKind.NETWORK, "#errors: gaierror", SignalKind.DNS),
    Row(FailureKind.NETWORK, "#errors: refused, no route", SignalKind.UNREACHABLE),
    Row(
        FailureKind.NETWORK,
        "#errors: took too long",
        SignalKind.TIMEOUT,
        where=(Where.CONNECT,),
    ),
    Row(FailureKind.TRANSIENT, "#errors: set-up never answered", SignalKind.TIMEOUT),
    Row(FailureKind.HALF_OPEN, "#dead-paths", SignalKind.SILENT),
    Row(FailureKind.TRANSIENT, "#errors: reset; a drop is normal at any time", SignalKind.RESET),
    Row(FailureKind.BUG, "#receiving: TypeError, ValueError, ValidationError", SignalKind.MESSAGE),
)
"""In order; the first that matches decides. The last rows of each kind match whatever is left of it."""

DETAIL_LIMIT = 200
"""Longest part of a foreign reason that is repeated to the user, in characters."""


def find_row(signal: Signal) -> Row:
    """The first row that describes the signal; every kind has one that always does."""
    return next(row for row in ROWS if row.matches(signal))


def classify(signal: Signal) -> Failure:
    """What the signal means."""
    resuming = signal.resuming and signal.where is Where.SETUP
    closed = signal.kind is SignalKind.CLOSE
    return Failure(find_row(signal).gives, describe(signal), resuming=resuming, closed=closed)


def describe(signal: Signal) -> str:
    """The cause in a few words: where, what, and the service's own reason, in one line.

    That may be the page of whoever answers in the service's place, which is not to command a terminal.
    """
    code = f" {signal.code}" if signal.code else ""
    words = " ".join(clean(signal.reason).split())[:DETAIL_LIMIT]
    reason = f": {words}" if words else ""
    return f"{signal.where.value}: {signal.kind.value}{code}{reason}"
