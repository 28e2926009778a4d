"""The announcements that wait, and in which order they come. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

MAX_WAITING = 16
"""Policy for one more: the newest of the least important goes, which may be that one."""


class Priority(IntEnum):
    """How important an announcement is; the higher comes first, whenever it came."""

    LOW = 0
    NORMAL = 1
    HIGH = 2
    """It is as loud at night as by day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What is to be said."""

    id: str
    text: str
    expires_at_s: float
    """On the monotonic clock: who has not begun to say it by then does not say it."""
    volume: int | None = None
    """In percent; None: the present loudness."""
    chime: bool = False
    priority: Priority = Priority.NORMAL
    lasting_id: bool = False
    """The id is its sender's own, who may send it again: it is remembered over a restart."""
    interrupted: bool = False
    """Somebody spoke into it, and it is said once more."""


Waiting = tuple[Announcement, ...]
"""In the order in which they come."""


def with_one(
    waiting: Waiting, one: Announcement, *, first: bool = False
) -> tuple[Waiting, Announcement | None]:
    """The queue with one more, and the one that had to go, if there were too many.

    It comes after its equals, or `first` of them: its turn had come already.
    """
    place = sum(
        other.priority > one.priority or (other.priority == one.priority and not first) for other in waiting
    )
    longer = (*waiting[:place], one, *waiting[place:])
    if len(longer) > MAX_WAITING:
        return longer[:-1], longer[-1]
    return longer, None


def is_overtaken(one: Announcement, waiting: Waiting) -> bool:
    """Whether a more important one has come meanwhile."""
    return bool(waiting) and waiting[0].priority > one.priority


def without_expired(waiting: Waiting, now_s: float) -> tuple[Waiting, Waiting]:
    """Those that may still be said, and those that may not."""
    good = tuple(one for one in waiting if one.expires_at_s > now_s)
    return good, tuple(one for one in waiting if one.expires_at_s <= now_s)
