"""What the command `announce` asks for: every argument checked, all mistakes told at once. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from daemon.announcements.waiting import Announcement, Priority
from daemon.errors import ControlError
from daemon.outside import OutOfRange, number, plain_text, whole_number

MAX_TEXT_CHARS = 1000
"""A minute and more of speech."""

MAX_ID_CHARS = 64
LONGEST_WAIT_S = 86_400.0

PRIORITIES = {priority.name.lower(): priority for priority in Priority}


def announcement_of(
    args: Mapping[str, Any], *, now_s: float, expires_s: float, new_id: Callable[[], str]
) -> Announcement:
    """The announcement, which expires after `expires_s` where nothing else is asked. Raises ControlError."""
    mistakes = [f"there is no {name!r}" for name in args if name not in READERS]
    values: dict[str, Any] = {}
    for name, read in READERS.items():
        try:
            if args.get(name) is not None or name == "text":
                values[name] = read(args.get(name))
        except OutOfRange as error:
            mistakes.append(f"{name} {error}")
    if mistakes:
        raise ControlError(f"that cannot be announced: {'; '.join(mistakes)}")
    given_id = values.pop("id", "")
    wait_s = values.pop("expires_s", expires_s)
    return Announcement(
        id=given_id or new_id(), lasting_id=bool(given_id), expires_at_s=now_s + wait_s, **values
    )


def _text(value: object) -> str:
    words = " ".join(plain_text(value).split()) if isinstance(value, str) else ""
    if not 0 < len(words) <= MAX_TEXT_CHARS:
        raise OutOfRange(f"must be 1 to {MAX_TEXT_CHARS} characters")
    return words


def _id(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_CHARS or not value.isprintable():
        raise OutOfRange(f"must be 1 to {MAX_ID_CHARS} printable characters")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise OutOfRange("must be true or false")
    return value


def _priority(value: object) -> Priority:
    if not isinstance(value, str) or value not in PRIORITIES:
        raise OutOfRange(f"must be {', '.join(PRIORITIES)}")
    return PRIORITIES[value]


READERS: dict[str, Callable[[object], Any]] = {
    "text": _text,
    "volume": lambda value: whole_number(value, 0, 100),
    "chime": _flag,
    "priority": _priority,
    "expires_s": lambda value: number(value, 1.0, LONGEST_WAIT_S),
    "id": _id,
}
"""What may be asked."""
