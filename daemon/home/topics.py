"""What the speaker is called at the broker: its id, and the topics made of it. Pure.

No name that a person chose is part of a topic of ours, so none can lead into another's. A room's name is
part of the topic of its group, with nothing but letters, digits and `-` left of it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

ROOT = "conure"
"""Every topic of ours but the one of discovery begins with this."""

ID_DIGITS = 10
"""Hexadecimal: 40 bits tell all speakers of a town from one another."""

EVERYWHERE = "all"
"""The group of all speakers."""

SLUG_CHARS = 60


def id_of(machine_id: str) -> str:
    """The speaker's id, from the machine's, which is not to be told to others (machine-id(5))."""
    digest = hashlib.sha256(b"conure speaker " + machine_id.strip().encode())
    return digest.hexdigest()[:ID_DIGITS]


def slug(room: str) -> str:
    """The name of a room as a level of a topic: its letters and digits, of any language, joined by `-`."""
    letters = "".join(char if char.isalnum() else " " for char in room.lower())
    return "-".join(letters.split())[:SLUG_CHARS]


@dataclass(frozen=True, slots=True)
class Topics:
    """Those of one speaker."""

    id: str
    discovery_prefix: str = "homeassistant"
    room: str = ""

    @property
    def node(self) -> str:
        """What Home Assistant knows the device by."""
        return f"{ROOT}_{self.id}"

    @property
    def discovery(self) -> str:
        """Where the device is described."""
        return f"{self.discovery_prefix}/device/{self.node}/config"

    @property
    def house_status(self) -> str:
        """Where Home Assistant tells that it has started."""
        return f"{self.discovery_prefix}/status"

    @property
    def state(self) -> str:
        """Where everything is told that has a state."""
        return f"{ROOT}/{self.id}/state"

    @property
    def availability(self) -> str:
        """Where `online` or `offline` stands."""
        return f"{ROOT}/{self.id}/availability"

    def event(self, kind: str) -> str:
        """Where is told what happens, by kind."""
        return f"{ROOT}/{self.id}/event/{kind}"

    def said(self, who: str) -> str:
        """Where is told what one side said."""
        return f"{ROOT}/{self.id}/said/{who}"

    def command(self, name: str) -> str:
        """Where a command is taken."""
        return f"{ROOT}/{self.id}/do/{name}"

    @property
    def wake(self) -> str:
        """Where all speakers tell that they heard their wake word."""
        return f"{ROOT}/wake"

    def speaker_at(self, topic: str) -> str:
        """The id of the speaker whose availability is told there; empty: that is another topic."""
        root, _, rest = topic.partition("/")
        speaker, _, what = rest.partition("/")
        return speaker if (root, what) == (ROOT, "availability") else ""

    @property
    def groups(self) -> tuple[str, ...]:
        """Where announcements to several speakers are taken."""
        rooms = [EVERYWHERE, *([slug(self.room)] if slug(self.room) else [])]
        return tuple(f"{ROOT}/group/{room}/announce" for room in dict.fromkeys(rooms))

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """All that is listened to."""
        others = f"{ROOT}/+/availability"
        return (self.command("+"), *self.groups, self.house_status, others, self.wake)

    def command_at(self, topic: str) -> str:
        """The name of the command that is taken there; empty: none is."""
        if topic in self.groups:
            return "announce"
        before, _, name = topic.rpartition("/")
        return name if f"{before}/" == self.command("") else ""
