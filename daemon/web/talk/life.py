"""When a talk ends by itself, and when its user is to be told that something takes long. Pure.

Times are seconds on the monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from daemon.session.failures import Failure, FailureKind, Retry
from daemon.web.talk.news import Trouble

BUSY_CODE, BROKEN_CODE, DONE_CODE = 1013, 1011, 1000
"""Close codes of a client's connection: try again later, something broke, all is well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long what may take."""

    idle_s: float = 60.0
    """Without speech or text."""
    longest_s: float = 900.0
    """All of a talk; the service itself ends a session of sound after 15 minutes."""
    connect_s: float = 12.0
    """Until the first connection to the service."""
    notice_s: float = 5.0
    """Without a connection, before the user is told: what is said is kept for longer."""
    give_up_s: float = 30.0
    """Without a connection, before the talk ends."""
    answer_s: float = 15.0
    """For a question that is known to be whole."""


@dataclass(slots=True, kw_only=True)
class Vitals:
    """When what happened last. `down_since_s` and `asked_at_s` None: it is connected, nothing is asked."""

    began_s: float
    moved_s: float
    down_since_s: float | None
    ever_up: bool = False
    noticed: bool = False
    asked_at_s: float | None = None

    def move(self, now_s: float) -> None:
        """Somebody spoke or wrote, or a reply is heard until then."""
        self.moved_s = max(self.moved_s, now_s)

    def up(self) -> None:
        """There is a connection."""
        self.ever_up, self.down_since_s, self.noticed = True, None, False

    def down(self, now_s: float) -> None:
        """There is none any more."""
        if self.down_since_s is None:
            self.down_since_s = now_s


class Due(Enum):
    """What is to be done now."""

    IDLE = "idle"
    LONG = "long"
    NEVER_CONNECTED = "never_connected"
    GAVE_UP = "gave_up"
    NOTICE = "notice"
    UNANSWERED = "unanswered"


def due(vitals: Vitals, patience: Patience, now_s: float) -> Due | None:
    """The most important of what is due; None: nothing is."""
    down_s = 0.0 if vitals.down_since_s is None else now_s - vitals.down_since_s
    asked_s = 0.0 if vitals.asked_at_s is None else now_s - vitals.asked_at_s
    rows = (
        (Due.LONG, now_s - vitals.began_s >= patience.longest_s),
        (Due.NEVER_CONNECTED, not vitals.ever_up and down_s >= patience.connect_s),
        (Due.GAVE_UP, vitals.ever_up and down_s >= patience.give_up_s),
        (Due.NOTICE, vitals.ever_up and not vitals.noticed and down_s >= patience.notice_s),
        (Due.UNANSWERED, asked_s >= patience.answer_s and not down_s),
        (Due.IDLE, now_s - vitals.moved_s >= patience.idle_s),
    )
    return next((row for row, is_due in rows if is_due), None)


_IDLE = Trouble(code="idle", sentence="Nobody spoke for a while.", expected=True, close_code=DONE_CODE)
_LONG = Trouble(
    code="long",
    sentence="This talk has reached its longest time.",
    remedy="Begin another.",
    expected=True,
    close_code=DONE_CODE,
)
_UNREACHABLE = Trouble(
    code="network",
    sentence="The service cannot be reached in time.",
    remedy="Check the internet connection and try again.",
)
NO_KEY = Trouble(
    code="no_key", sentence="No API key configured", remedy="Set GEMINI_API_KEY.", close_code=DONE_CODE
)
"""In the words of ai-proxy-core, whose clients know them."""

SPEAKER_FIRST = Trouble(
    code="speaker_first",
    sentence="The speaker needs the connection.",
    remedy="Talk to the speaker, or try again in some minutes.",
    close_code=BUSY_CODE,
)
NO_LIBRARY = Trouble(
    code="library",
    sentence="The service's library cannot be loaded.",
    remedy="Install Conure again, and unset ALL_PROXY if it is set.",
)
BEHIND = Trouble(code="behind", sentence="Too much of what was sent was not taken.", close_code=1008)
BUDGET = Trouble(
    code="budget",
    sentence="The budget of this day is used up.",
    remedy="It begins again at midnight; [usage] sets it.",
    close_code=BUSY_CODE,
)
SHUTDOWN = Trouble(code="shutdown", sentence="The gateway ends.", close_code=1001)


def ending(what: Due, failure: Failure | None) -> Trouble | None:
    """Why the talk is over, if it is."""
    match what:
        case Due.IDLE:
            return _IDLE
        case Due.LONG:
            return _LONG
        case Due.NEVER_CONNECTED | Due.GAVE_UP:
            return trouble_of(failure) if failure is not None else _UNREACHABLE
        case _:
            return None


def trouble_of(failure: Failure | None) -> Trouble:
    """A failed connection to the service, for whoever waits for it."""
    if failure is None:
        return _UNREACHABLE
    slowly = failure.treatment.retry is Retry.SLOWLY
    return Trouble(
        code=failure.kind.value,
        sentence=failure.treatment.says,
        remedy=failure.treatment.remedy,
        retry_after_s=60.0 if slowly else None,
        close_code=BUSY_CODE if failure.kind is FailureKind.QUOTA else BROKEN_CODE,
    )
