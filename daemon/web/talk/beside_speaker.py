"""What talks owe to the speaker: its accounts, the list of who talks, its connection. Event loop only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Protocol

from daemon.conductor.accounts import Day
from daemon.errors import ControlError
from daemon.session.failures import TREATMENTS, FailureKind
from daemon.web.talk import life
from daemon.web.talk.talks import Talks
from hw.base import MIC_FORMAT, SPEAKER_FORMAT

TELL_S = 5.0
"""How often the speaker is told what talks have cost since, and who talks; it forgets the list after 90 s."""


class SpeakerLink(Protocol):
    """The running speaker, as far as talks need it (`control.remote.client.SpeakerDoor`)."""

    async def ask(self, command: str, **args: Any) -> Any:
        """A command of its control socket. Raises ControlError."""
        ...

    def notes(self) -> AsyncIterator[dict[str, Any]]:
        """What it tells to whoever watches it."""
        ...


class BesideSpeaker:
    """Tells the speaker of the talks, and ends one where it needs the connection."""

    def __init__(self, talks: Talks, speaker: SpeakerLink) -> None:
        self._talks = talks
        self._speaker = speaker
        self._told = Day()
        self._named = False
        """The speaker has a list of talks that is not empty."""

    async def run(self) -> None:
        """For ever; ends by cancellation or by a bug."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._tell_for_ever())

    async def _follow(self) -> None:
        async for note in self._speaker.notes():
            if is_quota(note):
                self._talks.give_way()

    async def _tell_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TELL_S)
            await self.tell()

    async def tell(self) -> None:
        """Once; while the speaker is away, what was spent waits."""
        talks, spent = self._talks, self._talks.spent()
        names = talks.names()
        if spent == self._told and not names and not talks.budget_gone and not self._named:
            return
        try:
            answer = await self._speaker.ask("account", **_difference(spent, self._told))
            self._told = spent
            await self._speaker.ask("talk_notes", talks=names)
        except ControlError:
            return  # who watches the speaker tells that it is away; what was spent is told the next time
        self._named = bool(names)
        talks.budget_gone = answer["used_up"]
        if talks.budget_gone:
            talks.end_all("budget", life.BUDGET)


def _difference(spent: Day, told: Day) -> dict[str, float]:
    """What the speaker has not been told of."""
    return {
        "sent_s": MIC_FORMAT.seconds(spent.sent_bytes - told.sent_bytes),
        "received_s": SPEAKER_FORMAT.seconds(spent.received_bytes - told.received_bytes),
        "prompt_tokens": spent.prompt_tokens - told.prompt_tokens,
        "response_tokens": spent.response_tokens - told.response_tokens,
    }


def is_quota(note: dict[str, Any]) -> bool:
    """Whether the speaker tells that its quota is used up."""
    says = TREATMENTS[FailureKind.QUOTA].says
    return note.get("event") == "link" and str(note.get("problem")).startswith(says)
