"""The ids of announcements that were begun, so that none is said again after a restart. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.announcements.requests import MAX_ID_CHARS

FILE = "announcements.json"

MAX_IDS = 256
"""Ids that are remembered; policy for more: the oldest is forgotten."""


def content_of(ids: Sequence[str]) -> Mapping[str, Any]:
    """What `ids_from` takes back."""
    return {"said": list(ids)}


def ids_from(data: Any) -> tuple[str, ...]:
    """The ids in a file. Raises ValueError for a file that was not made here."""
    match data:
        case {"said": list(ids)} if all(isinstance(one, str) and len(one) <= MAX_ID_CHARS for one in ids):
            return tuple(ids[-MAX_IDS:])
    raise ValueError("it does not hold the ids of announcements")
