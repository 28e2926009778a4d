"""The message by which Home Assistant, 2024.11 and later, learns of the speaker: device discovery. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from daemon.home.entities import Entity, HouseTerms, entities
from daemon.home.topics import Topics
from daemon.outside import one_line

NAME_CHARS = 60
MAKER = "Conure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What people are shown of the speaker."""

    name: str
    room: str = ""
    board: str = ""
    version: str = ""
    page: str = ""
    """The address of its page; empty: it has none."""


def discovery(topics: Topics, identity: Identity, terms: HouseTerms) -> dict[str, Any]:
    """The whole message. What the settings do without is named by its platform alone, which removes it."""
    return {
        "device": _device(topics, identity),
        "origin": {"name": MAKER, "sw_version": identity.version or "unknown"},
        "availability_topic": topics.availability,
        "components": {one.key: _component(topics, one) for one in entities(topics, terms)},
    }


def _component(topics: Topics, one: Entity) -> dict[str, Any]:
    if not one.wanted:
        return {"platform": one.platform}
    named = {"platform": one.platform, "unique_id": f"{topics.node}_{one.key}", "name": one.name}
    return {**named, **one.config}


def _device(topics: Topics, identity: Identity) -> dict[str, Any]:
    shown = {
        "name": one_line(identity.name, NAME_CHARS) or MAKER,
        "manufacturer": MAKER,
        "model": one_line(identity.board, NAME_CHARS),
        "sw_version": identity.version,
        "configuration_url": identity.page,
        "suggested_area": one_line(identity.room, NAME_CHARS),
    }
    return {"identifiers": [topics.node]} | {name: value for name, value in shown.items() if value}
