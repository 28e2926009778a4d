"""Dials sessions over a WebSocket, and where those do not pass, sessions call by call. Event loop only."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from daemon.session.failures import LinkError
from daemon.session.second import Dialler, Session
from daemon.session.signals import Signal, SignalKind, Where, classify
from daemon.session.slow import ways
from daemon.session.slow.session import ContentService, Exchanges, SlowSession
from daemon.session.slow.ways import Ways
from daemon.tools.declaring.declarations import Equipment

log = logging.getLogger(__name__)

TRIAL_S = 10.0
"""A session that is tried in the background has so long to be set up."""

LIVES_S = 1.0
"""So long it must then stay: some proxies let the upgrade pass and cut what follows."""

LEAVE_S = 600.0
"""What a slow session says it has left once sessions pass again: the link leaves it at the next pause."""


@dataclass(frozen=True, slots=True)
class SlowWay:
    """What the slow way needs."""

    service: ContentService
    equipment: Equipment
    voice: str = ""
    language: str = ""


class FallbackDialler:
    """A `Dialler` of both kinds of sessions."""

    def __init__(self, live: Dialler, slow: SlowWay, clock: Callable[[], float]) -> None:
        self._live = live
        self._slow = slow
        self._clock = clock
        self._past = Exchanges()
        self.ways = Ways()

    @asynccontextmanager
    async def session(self, handle: str | None) -> AsyncIterator[Session]:
        """As `Dialler`. A resumption handle is kept for the WebSocket's next session."""
        async with AsyncExitStack() as stack:
            live = None if self.ways.slow else await self._entered(stack, handle)
            if live is None:
                yield await self._slow_session(stack)
                return
            began_s = self._clock()
            try:
                yield live
            except LinkError as error:
                self.ways = ways.ended(self.ways, error.failure, self._clock() - began_s)
                raise
            self.ways = Ways()

    async def _entered(self, stack: AsyncExitStack, handle: str | None) -> Session | None:
        """A session over a WebSocket; None: the slow way is the one. Raises LinkError."""
        if self.ways.doubtful and self.ways.died and await self._slow.service.admits():
            self._go_slow("each connection ends at once")
            return None
        try:
            return await self._set_up(stack, handle, ways.SHORT_SETUP_S if self.ways.failures else None)
        except LinkError as error:
            self.ways = ways.failed(self.ways, error.failure)
            if not self.ways.doubtful or not await self._slow.service.admits():
                raise
        return await self._once_more(stack, handle)

    async def _once_more(self, stack: AsyncExitStack, handle: str | None) -> Session | None:
        """HTTPS passes now. If sessions still do not, that is the network's way. Raises LinkError."""
        try:
            return await self._set_up(stack, handle, ways.SURE_SETUP_S)
        except LinkError as error:
            self.ways = ways.failed(self.ways, error.failure)
            if not self.ways.doubtful:
                raise
            self._go_slow(error.failure.detail)
            return None

    async def _set_up(self, stack: AsyncExitStack, handle: str | None, limit_s: float | None) -> Session:
        try:
            async with asyncio.timeout(limit_s):
                return await stack.enter_async_context(self._live.session(handle))
        except TimeoutError as error:
            raise LinkError(classify(Signal(SignalKind.TIMEOUT, Where.SETUP))) from error

    def _go_slow(self, why: str) -> None:
        self.ways = ways.go_slow(self.ways, why, self._clock())
        log.warning(
            "WebSockets to the service do not pass (%s), and HTTPS does: going the slow way, and trying on; "
            "ask who runs this network to let WebSockets pass",
            why,
        )

    # --- the slow way

    async def _slow_session(self, stack: AsyncExitStack) -> SlowSession:
        slow = self._slow
        session = SlowSession(
            slow.service,
            slow.equipment,
            self._past,
            because=self.ways.because,
            voice=slow.voice,
            language=slow.language,
        )
        stack.callback(session.close)
        trials = asyncio.create_task(self._try_sessions(session), name="trials of sessions")
        stack.push_async_callback(_ended, trials)
        return session

    async def _try_sessions(self, slow: SlowSession) -> None:
        """Until one passes: then have the slow one left at the next pause."""
        while True:
            await asyncio.sleep(max(0.0, self.ways.next_trial_s - self._clock()))
            if await self._passes():
                break
            self.ways = ways.tried_in_vain(self.ways, self._clock())
        log.info("WebSockets pass again")
        self.ways, self._past = Ways(), Exchanges()
        slow.go_away(LEAVE_S)

    async def _passes(self) -> bool:
        """Whether a session can be had and stays."""
        try:
            async with asyncio.timeout(TRIAL_S), self._live.session(None) as session:
                try:
                    async with asyncio.timeout(LIVES_S):
                        await anext(aiter(session.receive()))
                except TimeoutError:
                    pass  # it had nothing to say
                return True
        except (LinkError, TimeoutError):
            return False


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
