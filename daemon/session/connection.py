"""Does what the link's state table says: connects, serves, closes, waits. Event loop only."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from daemon.events import LinkChanged, LinkLost, LinkRefused, LinkUp, SecondAnswers, SecondLost, SecondUp
from daemon.runtime.heap import give_back_free_memory
from daemon.server_events import GoAway, HandleUpdate, ReplyAudio, ServerEvent, ToolCall
from daemon.session.failures import Failure, FailureKind, LinkError
from daemon.session.link import (
    Answered,
    Asked,
    Busy,
    Connected,
    Failed,
    Handed,
    Handle,
    Leaving,
    Link,
    LinkEvent,
    LinkPhase,
    LinkPolicy,
    NetworkBack,
    Renew,
    Switched,
    Tick,
)
from daemon.session.link_table import next_wake_s, step
from daemon.session.liveness import PING_S, SAMPLE_S, Pulse
from daemon.session.report import report_of
from daemon.session.second import ANSWERS, Dialler, Second, Served, Session, leave
from daemon.session.signals import Signal, SignalKind, Where, classify
from daemon.session.uplink import Uplink
from daemon.tools.calling.host import ToolHost, no_tools

log = logging.getLogger(__name__)

Told = ServerEvent | LinkUp | LinkLost | LinkRefused | LinkChanged | SecondUp | SecondLost | SecondAnswers
"""What the connection tells."""

_CONNECTS = (LinkPhase.CONNECTING, LinkPhase.ROTATING)


class Connection:
    """Keeps the link as `link.step` says, and moves what is said in both directions."""

    def __init__(
        self,
        uplink: Uplink,
        tools: ToolHost | None = None,
        *,
        policy: LinkPolicy,
        post: Callable[[Told], None],
        room: Callable[[], Awaitable[object]],
        clock: Callable[[], float],
        jitter: Callable[[], float],
        handle: Handle | None = None,
    ) -> None:
        """`tools` None: the model can call nothing.

        `room` waits until what the server says may be posted: till then nothing more of it is received.
        `jitter` gives numbers from 0 to 1; `handle` resumes the session of an earlier run.
        """
        self._uplink = uplink
        self._tools = tools or no_tools()
        self._policy = policy
        self._post = post
        self._room = room
        self._clock = clock
        self._jitter = jitter
        self._changed = asyncio.Event()
        self._busy = asyncio.Event()
        self._second = Second(uplink, post, clock)
        self._warned: set[FailureKind] = set()
        self.last_failure: tuple[Failure, float] | None = None
        """The newest failure of all, and when it was: for who asks why it was offline."""
        self.link = Link(since_s=clock(), handle=handle)

    # --- what the controller asks

    def ask(self) -> None:
        """The user wants something: connect now if that can help, else say that it cannot."""
        self._apply(Asked(self._clock()))
        if self.link.phase is LinkPhase.REFUSED:
            self._refuse()

    def set_busy(self, busy: bool) -> None:
        """A turn began or ended."""
        if busy == self.link.busy:
            return
        if busy:
            self._busy.set()
        else:
            self._busy.clear()
        self._apply(Busy(busy, self._clock()))

    def network_back(self) -> None:
        """A route to the world appeared."""
        self._apply(NetworkBack(self._clock()))

    def renew(self, *, keep_handle: bool) -> None:
        """Leave this connection for a new one."""
        self._apply(Renew(keep_handle, self._clock()))

    def renew_at_pause(self) -> None:
        """Leave this connection for a new one when no turn is under way, for the set-up would be another."""
        self._apply(Leaving(None, self._clock()))

    def open_second(self, turn: int) -> None:
        """Have another connection beside this one, for this turn."""
        if self.link.phase is LinkPhase.ONLINE and not self.link.detour:  # which has time limits of its own
            self._second.open(turn)

    def ask_second(self, turn: int) -> None:
        """Ask it, too; whichever answers first is heard."""
        self._second.ask(turn)

    def drop_second(self) -> None:
        """Nobody waits for it any more; if it has answered, it is the first one."""
        self._second.drop()

    def report(self) -> dict[str, Any]:
        """For `conure status`."""
        return report_of(self.link, self.last_failure, self._clock())

    # --- the task

    async def run(self, dialler: Dialler) -> None:
        """Keep the link for ever. Ends only by cancellation or by a bug."""
        while True:
            if self.link.phase in _CONNECTS:
                await self._connect_and_serve(dialler)
                give_back_free_memory()  # a session's messages are freed with it
            else:
                await self._while_in(self.link.phase)

    async def _connect_and_serve(self, dialler: Dialler) -> None:
        now_s = self._clock()
        handle = self.link.usable_handle(now_s, self._policy)
        was_online = False
        try:
            closing = AsyncExitStack()
            session = await closing.enter_async_context(dialler.session(handle))
            self._note_connected(resumed=handle is not None, detour=session.detour)
            was_online = True
            await self._serve_in_turn(Served(session, session.receive(), closing), dialler)
        except LinkError as error:
            self._note_failure(error, was_online=was_online)
        finally:
            self._uplink.gone()
            if was_online:
                self._post(LinkLost(trouble=self.link.failure is not None))

    async def _serve_in_turn(self, line: Served, dialler: Dialler) -> None:
        """Serve the line, and whichever takes its place.

        A cancellation is raised after the line was left as one that ends well (1000).
        """
        while True:
            async with line.closing:
                ended = await self._serve_until_cancelled(line, dialler)
                if isinstance(ended, Served):
                    await leave(line)
            if isinstance(ended, Served):
                self._switch(ended)
                line = ended
            elif ended is not None:
                raise ended
            else:
                return

    async def _serve_until_cancelled(
        self, line: Served, dialler: Dialler
    ) -> Served | asyncio.CancelledError | None:
        try:
            return await self._serve(line, dialler)
        except asyncio.CancelledError as cancelled:
            return cancelled

    async def _serve(self, line: Served, dialler: Dialler) -> Served | None:
        """Move data until the phase is no longer ONLINE, a direction fails, or another line has answered."""
        session = line.session
        self._uplink.restart(asked=None if line.asked is None else line.asked[0])
        self._tools.connect(self.link.connects)
        self._second = Second(self._uplink, self._post, self._clock)
        second = asyncio.create_task(self._second.run(dialler), name="second")
        tasks = {
            second,
            asyncio.create_task(self._uplink.pump(session), name="uplink"),
            asyncio.create_task(self._receive(line, self._second), name="downlink"),
            asyncio.create_task(self._while_in(LinkPhase.ONLINE), name="link-timer"),
            asyncio.create_task(self._feel_pulse(session), name="pulse"),
            asyncio.create_task(self._tools.pump(session), name="answers"),
            asyncio.create_task(self._uplink.glance.pump(session), name="glance"),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if self._second.answered:
                return await second
        finally:
            self._second.drop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._tools.disconnect()
        for task in done:
            task.result()
        return None

    async def _receive(self, line: Served, second: Second) -> None:
        async for event in line.says:
            await self._room()
            if second.answered:
                continue  # it was faster, and nothing is said twice
            if isinstance(event, ANSWERS):
                second.drop()
            self._take(event)
        raise RuntimeError("a session ended without a LinkError")  # else nobody would notice

    def _take(self, event: ServerEvent) -> None:
        match event:
            case GoAway(time_left_s):
                if self.link.leave_by_s is None:  # once, however often it says so
                    log.info("the server will close this connection in %s s", time_left_s)
                self._apply(Leaving(time_left_s, self._clock()))
            case HandleUpdate(handle, resumable):
                self._apply(Handed(handle if resumable else None, self._clock()))
            case ReplyAudio():
                self._prove()
                self._post(event)
            case ToolCall():
                self._prove()
                self._post(replace(event, connection=self.link.connects))
            case _:
                self._post(event)

    async def _feel_pulse(self, session: Session) -> None:
        """While a turn is under way, notice within seconds when the path is gone. Then LinkError.

        What goes call by call has no path that stays, and time limits of its own.
        """
        if session.detour:
            await asyncio.Event().wait()
        pulse = Pulse()
        pinged_s = 0.0
        while True:
            if not self._busy.is_set():
                await self._busy.wait()
                pulse = pulse.rested()
            now_s = self._clock()
            if (evidence := session.evidence()) is not None:
                pulse = pulse.after(evidence, now_s)
                if pulse.is_gone(now_s):
                    session.abort()  # a farewell would only wait for an answer that cannot come
                    raise LinkError(classify(Signal(SignalKind.SILENT, Where.RECEIVE)))
                if not evidence.outstanding_bytes and now_s - pinged_s >= PING_S:
                    pinged_s = now_s
                    await session.ping()
            await asyncio.sleep(SAMPLE_S)

    async def _while_in(self, phase: LinkPhase) -> None:
        """Wait until the link is no longer in this phase, giving it its ticks."""
        while self.link.phase is phase:
            wake_s = next_wake_s(self.link, self._policy)
            timeout_s = None if wake_s is None else max(0.0, wake_s - self._clock())
            self._changed.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._changed.wait()
            except TimeoutError:
                self._apply(Tick(self._clock()))

    # --- the link

    def _apply(self, event: LinkEvent) -> None:
        before = self.link
        self.link = step(before, event, self._policy)
        self._changed.set()
        if self.link.phase is not before.phase:
            log.debug("link: %s -> %s", before.phase.value, self.link.phase.value)
            self._post(LinkChanged())

    def _prove(self) -> None:
        if self.link.tries:
            self._apply(Answered(self._clock()))

    def _switch(self, line: Served) -> None:
        assert line.asked is not None
        log.warning("the connection did not answer in the usual time: a second one did, and is kept")
        self._apply(Switched(self._clock()))
        self._uplink.gone()
        self._post(SecondAnswers(*line.asked))

    def _note_connected(self, *, resumed: bool, detour: str) -> None:
        failure, since_s = self.link.failure, self.link.failed_since_s
        self._apply(Connected(self._clock(), detour))
        if failure is not None:
            log.info("connected again after %.1f s", self._clock() - since_s)
        log.debug("session %s", "resumed" if resumed else "begun")
        self._post(LinkUp())

    def _note_failure(self, error: LinkError, *, was_online: bool) -> None:
        known = self.link.failure
        self._apply(Failed(error.failure, self._clock(), self._jitter()))
        self.last_failure = (error.failure, self._clock())
        self._log_failure(error.failure)
        if error.failure.refused or error.failure.kind is FailureKind.QUOTA:
            self._refuse()
        elif not was_online and known is None:
            self._post(LinkLost(trouble=True))

    def _log_failure(self, failure: Failure) -> None:
        """One WARNING for each kind of failure in an episode; its repetitions go to debug."""
        if self.link.tries == 1:
            self._warned.clear()
        if self.link.failure is None:
            log.info("%s", failure)  # dropped while nobody needed it
            return
        log.log(logging.DEBUG if failure.kind in self._warned else logging.WARNING, "%s", failure)
        self._warned.add(failure.kind)

    def _refuse(self) -> None:
        failure = self.link.failure
        self._post(LinkRefused(quota=failure is not None and failure.kind is FailureKind.QUOTA))
