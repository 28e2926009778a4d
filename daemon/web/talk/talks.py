"""Who may talk: how many talks there are, whose, for how long, and what they have cost. Event loop only.

The speaker comes first: when its own connection meets a used-up quota, the idlest talk ends.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from daemon.conductor.accounts import Day
from daemon.errors import ConureError
from daemon.web.talk import life
from daemon.web.talk.news import TalkWishes, Trouble
from daemon.web.talk.terms import TalkTerms
from daemon.web.talk.traffic import Traffic

if TYPE_CHECKING:
    from daemon.web.talk.equipment import Ask
    from daemon.web.talk.sessions import LiveSessions
    from daemon.web.talk.talk import RemoteTalk

log = logging.getLogger(__name__)

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


@dataclass(slots=True, eq=False)
class _Seat:
    """A place that is taken. `talk` None: it is being prepared."""

    key: str
    name: str
    dialect: str
    talk: RemoteTalk | None = None

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
        ask: Ask | None = None,
        tools: str = "safe",
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`sessions` None: there is no key. `tools` is `web.talk_tools`; `ask` asks the speaker."""
        self.terms = terms
        self._sessions = sessions
        self._max_talks = max_talks
        self._ask = ask if tools != "none" else None
        self._tools = tools
        self._clock = clock
        self._chance = chance
        self._seats: list[_Seat] = []
        self._left = asyncio.Event()
        self._gave_way_s = float("-inf")
        self.budget_gone = False
        """No talk may begin, and none goes on."""
        self.heavy = asyncio.Lock()
        self.begun: Counter[str] = Counter()
        """By dialect."""
        self.ended: Counter[str] = Counter()
        """By reason."""
        self.refused: Counter[str] = Counter()
        """By the trouble's code."""
        self.counts: Counter[str] = Counter()
        """What clients were refused or dropped for, and what of their sound could not be read."""
        self.traffic = Traffic()
        self.past = Day()
        """What the talks that are over have cost."""

    # --- admission

    @asynccontextmanager
    async def admit(
        self, key: str, *, dialect: str, wishes: TalkWishes, name: str = "", take_over: bool = False
    ) -> AsyncIterator[RemoteTalk]:
        """A talk for as long as the context lasts. Raises TooMany or TalkRefused.

        `name` is for people. `take_over` ends the talk that a paired device has already, in another tab.
        """
        await self._let_in(key, take_over=take_over)
        seat = _Seat(key, name or key, dialect)
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
        if self.budget_gone:
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
        with suppress(TimeoutError):  # who asks is then refused, with the words for one who talks twice
            async with asyncio.timeout(HEAVY_WAIT_S):
                while any(seat.key == key for seat in self._seats):
                    self._left.clear()
                    await self._left.wait()

    async def _prepare(self, wishes: TalkWishes) -> tuple[LiveSessions, RemoteTalk]:
        assert self._sessions is not None, "refused before"
        # Loaded aside, before the names are taken: 3 MB that a gateway without talks can do without.
        await asyncio.to_thread(importlib.import_module, "daemon.web.talk.talk")
        from daemon.web.talk.equipment import equipment_of
        from daemon.web.talk.talk import RemoteTalk

        equipment = equipment_of(self._ask, self._tools)
        try:
            equipped, client = await asyncio.gather(equipment, self._sessions())
        except (ImportError, ValueError) as error:  # the library is missing, or dislikes its environment
            log.warning("no talk, for the service's library cannot be loaded: %s", type(error).__name__)
            raise TalkRefused(life.NO_LIBRARY) from error
        talk = RemoteTalk(
            wishes,
            self.terms,
            equipped,
            clock=self._clock,
            chance=self._chance,
            relayed=self.traffic.relay.add,
        )
        return client, talk

    @asynccontextmanager
    async def _running(self, seat: _Seat, talk: RemoteTalk, client: LiveSessions) -> AsyncIterator[None]:
        task = asyncio.create_task(self._run(talk, client), name=f"talk of {seat.key}")
        try:
            yield
        finally:
            talk.end("left")
            await asyncio.wait([task])
            self.ended[talk.end_reason] += 1
            self.past += talk.spent
            self.traffic.dropped_bytes[seat.dialect] += talk.dropped_bytes

    async def _run(self, talk: RemoteTalk, client: LiveSessions) -> None:
        """A bug in one talk ends that talk, and is told."""
        try:
            await talk.run(client)
        except Exception:
            log.exception("a talk failed")
            talk.end("bug", Trouble(code="bug", sentence="Something unexpected happened in the gateway."))

    # --- beside the talks

    def end_all(self, reason: str, trouble: Trouble) -> None:
        """All of them are over."""
        for seat in self._seats:
            if seat.talk is not None:
                seat.talk.end(reason, trouble)

    def give_way(self) -> None:
        """The speaker's quota is used up while there are talks: the idlest one ends."""
        now_s = self._clock()
        talking = [seat for seat in self._seats if seat.talk is not None]
        if talking and now_s - self._gave_way_s >= GIVES_WAY_S:
            self._gave_way_s = now_s
            idlest = min(talking, key=lambda seat: seat.moved_s)
            assert idlest.talk is not None, "chosen for it"
            idlest.talk.end("speaker_first", life.SPEAKER_FIRST)

    # --- what is told of them

    def count(self, what: str) -> None:
        """Something of a client was refused or dropped."""
        self.counts[what] += 1

    def spent(self) -> Day:
        """What all talks have cost until now."""
        return sum((seat.talk.spent for seat in self._seats if seat.talk is not None), self.past)

    def names(self) -> list[str]:
        """Who talks now."""
        return [seat.name for seat in self._seats if seat.talk is not None]

    def report(self) -> dict[str, Any]:
        """For metrics, the page and `conure status`."""
        talks = [(seat, seat.talk) for seat in self._seats if seat.talk is not None]
        return {
            "open": [{"who": seat.key, "dialect": seat.dialect} | talk.report() for seat, talk in talks],
            "max": self._max_talks,
            "begun": dict(self.begun),
            "ended": dict(self.ended),
            "refused": dict(self.refused),
            "counts": dict(self.counts),
            "traffic": self.traffic.report() | {"dropped_bytes": self._dropped_bytes()},
            "spent": self.spent().as_words(),
        }

    def _dropped_bytes(self) -> dict[str, int]:
        dropped = self.traffic.dropped_bytes.copy()
        for seat in self._seats:
            if seat.talk is not None:
                dropped[seat.dialect] += seat.talk.dropped_bytes
        return dict(dropped)
