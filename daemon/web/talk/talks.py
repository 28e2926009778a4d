"""Who may talk: how many talks there are, whose, for how long, and what they have cost. Event loop only.

The speaker comes first: when its own connection meets a used-up quota, the idlest talk ends.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from daemon.conductor.accounts import Day
from daemon.errors import ControlError, ConureError
from daemon.web.talk import life
from daemon.web.talk.equipment import equipment_of
from daemon.web.talk.news import TalkWishes, Trouble
from daemon.web.talk.service import LiveSessions
from daemon.web.talk.talk import RemoteTalk, TalkTerms

log = logging.getLogger(__name__)

ACCOUNT_S = 10.0
"""How often the speaker is told what the talks have cost since."""

HEAVY_WAIT_S = 5.0
"""So long work that holds up others, as a long message or an upload, waits for its turn."""

GIVES_WAY_S = 10.0
"""After so long the next talk may give way to the speaker: the first one's session needs a moment to end."""


class TalkRefused(ConureError):
    """There can be no talk now; `trouble` says why."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(str(trouble))
        self.trouble = trouble


class TooMany(TalkRefused):
    """All places are taken, or this visitor talks already."""


class SpeakerLink(Protocol):
    """The running speaker, as far as talks need it (`web.speaker.client.Speaker`)."""

    async def ask(self, command: str, **args: Any) -> Any:
        """A command. Raises ControlError."""
        ...

    def notes(self) -> AsyncIterator[dict[str, Any]]:
        """What it tells to whoever watches it."""
        ...


@dataclass(slots=True, eq=False)
class _Seat:
    """A place that is taken. `talk` None: it is being prepared."""

    key: str
    dialect: str
    talk: RemoteTalk | None = None
    told: Day = field(default_factory=Day)
    """What the speaker knows of its cost."""

    @property
    def moved_s(self) -> float:
        return float("inf") if self.talk is None else self.talk.moved_s


class Talks:
    """`heavy` is held for work that holds up others: one at a time."""

    def __init__(
        self,
        terms: TalkTerms,
        sessions: Callable[[], Awaitable[LiveSessions]] | None,
        *,
        max_talks: int,
        speaker: SpeakerLink | None = None,
        tools: str = "safe",
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`sessions` None: there is no key. `tools` is `web.talk_tools`; `speaker` None: there is none."""
        self.terms = terms
        self._sessions = sessions
        self._max_talks = max_talks
        self._speaker = speaker
        self._tools = tools
        self._clock = clock
        self._chance = chance
        self._seats: list[_Seat] = []
        self._left = asyncio.Event()
        self._gave_way_s = float("-inf")
        self._budget_gone = False
        self.heavy = asyncio.Lock()
        self.begun: Counter[str] = Counter()
        """By dialect."""
        self.ended: Counter[str] = Counter()
        """By reason."""
        self.refused: Counter[str] = Counter()
        """By the trouble's code."""
        self.counts: Counter[str] = Counter()
        """What clients were refused or dropped for, and what of their sound could not be read."""
        self._past = Day()

    # --- admission

    @asynccontextmanager
    async def admit(
        self, key: str, *, dialect: str, wishes: TalkWishes, take_over: bool = False
    ) -> AsyncIterator[RemoteTalk]:
        """A talk for as long as the context lasts. Raises TooMany or TalkRefused.

        `take_over` ends the talk that a paired device has already, in another tab.
        """
        await self._let_in(key, take_over=take_over)
        seat = _Seat(key, dialect)
        self._seats.append(seat)
        try:
            client, talk = await self._prepare(wishes)
            seat.talk = talk
            self.begun[dialect] += 1
            async with self._running(seat, talk, client):
                yield talk
        finally:
            self._seats.remove(seat)
            self._left.set()

    async def _let_in(self, key: str, *, take_over: bool) -> None:
        if take_over and key.startswith("device:"):
            await self._end_of(key)
        trouble = self._trouble_for(key)
        if trouble is not None:
            self.refused[trouble.code] += 1
            raise (TooMany if trouble.code in ("busy", "twice") else TalkRefused)(trouble)

    def _trouble_for(self, key: str) -> Trouble | None:
        if self._sessions is None:
            return life.NO_KEY
        if self._budget_gone:
            return life.BUDGET
        if key.startswith("device:") and any(seat.key == key for seat in self._seats):
            return Trouble(
                code="twice",
                sentence="This device talks already, in another place.",
                remedy="End that talk, or take it over.",
                close_code=life.BUSY_CODE,
            )
        if len(self._seats) >= self._max_talks:
            return Trouble(
                code="busy",
                sentence=f"There are {len(self._seats)} talks already, of {self._max_talks}.",
                remedy="Try again when one of them is over.",
                retry_after_s=self.terms.patience.idle_s,
                close_code=life.BUSY_CODE,
            )
        return None

    async def _end_of(self, key: str) -> None:
        """End the talks of this visitor, and wait until their places are free."""
        for seat in self._seats:
            if seat.key == key and seat.talk is not None:
                seat.talk.end("taken_over")
        with suppress(TimeoutError):
            async with asyncio.timeout(HEAVY_WAIT_S):
                while any(seat.key == key for seat in self._seats):
                    self._left.clear()
                    await self._left.wait()

    async def _prepare(self, wishes: TalkWishes) -> tuple[LiveSessions, RemoteTalk]:
        assert self._sessions is not None, "refused before"
        ask = None if self._speaker is None or self._tools == "none" else self._speaker.ask
        equipment, client = await asyncio.gather(equipment_of(ask, self._tools), self._sessions())
        return client, RemoteTalk(wishes, self.terms, equipment, clock=self._clock, chance=self._chance)

    @asynccontextmanager
    async def _running(self, seat: _Seat, talk: RemoteTalk, client: LiveSessions) -> AsyncIterator[None]:
        task = asyncio.create_task(self._run(talk, client), name=f"talk of {seat.key}")
        try:
            yield
        finally:
            talk.end("left")
            await asyncio.wait([task])
            self.ended[talk.end_reason] += 1
            self._past += talk.spent
            await self._account([seat])

    async def _run(self, talk: RemoteTalk, client: LiveSessions) -> None:
        """A bug in one talk ends that talk, and is told."""
        try:
            await talk.run(client)
        except Exception:
            log.exception("a talk failed")
            talk.end("bug", Trouble(code="bug", sentence="Something unexpected happened in the gateway."))

    # --- beside the talks

    def end_all(self) -> None:
        """The gateway ends."""
        for seat in self._seats:
            if seat.talk is not None:
                seat.talk.end("shutdown", life.SHUTDOWN)

    async def run(self) -> None:
        """Keep the speaker's accounts, and give way to it, for ever. Its task ends by cancellation."""
        if self._speaker is None:
            await asyncio.Event().wait()
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_speaker(self._speaker))
            tasks.create_task(self._keep_accounts())

    async def _follow_speaker(self, speaker: SpeakerLink) -> None:
        async for note in speaker.notes():
            if is_quota(note):
                self.give_way()

    def give_way(self) -> None:
        """The speaker's quota is used up while there are talks: the idlest one ends."""
        now_s = self._clock()
        talking = [seat for seat in self._seats if seat.talk is not None]
        if talking and now_s - self._gave_way_s >= GIVES_WAY_S:
            self._gave_way_s = now_s
            idlest = min(talking, key=lambda seat: seat.moved_s)
            assert idlest.talk is not None, "chosen for it"
            idlest.talk.end("speaker_first", life.SPEAKER_FIRST)

    async def _keep_accounts(self) -> None:
        while True:
            await asyncio.sleep(ACCOUNT_S)
            await self._account(self._seats)

    async def _account(self, seats: list[_Seat]) -> None:
        """Tell the speaker what was spent since; while it is away that waits."""
        spending = [(seat, seat.talk.spent) for seat in seats if seat.talk is not None]
        if self._speaker is None or not spending:
            return
        more = _difference(spending)
        try:
            answer = await self._speaker.ask("account", **more)
        except ControlError:
            return
        for seat, spent in spending:
            seat.told = spent
        self._budget_gone = bool(isinstance(answer, dict) and answer.get("used_up"))
        if self._budget_gone:
            for seat, _ in spending:
                assert seat.talk is not None, "only such are counted"
                seat.talk.end("budget", life.BUDGET)

    # --- what is told of them

    def count(self, what: str) -> None:
        """Something of a client was refused or dropped."""
        self.counts[what] += 1

    def report(self) -> dict[str, Any]:
        """For metrics, the page and `conure status`."""
        talks = [(seat, seat.talk) for seat in self._seats if seat.talk is not None]
        spent = sum((talk.spent for _, talk in talks), self._past)
        return {
            "open": [{"who": seat.key, "dialect": seat.dialect} | talk.report() for seat, talk in talks],
            "max": self._max_talks,
            "begun": dict(self.begun),
            "ended": dict(self.ended),
            "refused": dict(self.refused),
            "counts": dict(self.counts),
            "spent": spent.as_words(),
        }


def _difference(spending: list[tuple[_Seat, Day]]) -> dict[str, int]:
    """What the speaker has not been told of."""
    fields = ("sent_bytes", "received_bytes", "prompt_tokens", "response_tokens")
    return {
        name: sum(getattr(spent, name) - getattr(seat.told, name) for seat, spent in spending)
        for name in fields
    }


def is_quota(note: dict[str, Any]) -> bool:
    """Whether the speaker tells that its quota is used up."""
    return note.get("event") == "link" and note.get("kind") == "quota"
