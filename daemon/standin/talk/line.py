"""One connection after its set-up, as conversation, replies and faults all need it: how it says things.

It knows none of the three; what carries out a planned action is handed in. Event loop only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from daemon.standin import messages
from daemon.standin.actions import Action, CallTool, When, WorkAWhile
from daemon.standin.grammar.protocol import INTERNAL, Refusal
from daemon.standin.grammar.setups import Setup
from daemon.standin.record import ConnectionRecord
from daemon.standin.sessions import KeptSession
from daemon.standin.talk.calls import PendingCalls
from daemon.standin.voices import Voice
from daemon.standin.wire import Wire, WireEnded
from daemon.standin.world import World

TASK_LIMIT = 16
"""Replies (with NO_INTERRUPTION they queue) and timers of one connection; beyond it closes with 1011."""


class ReplyOver(Exception):
    """A planned fault has interrupted the reply; `turnComplete` follows."""


@dataclass(slots=True, eq=False)
class Draft:
    """What planned actions may change of a reply before it speaks."""

    voice: Voice
    reason: str = ""
    """`turnCompleteReason`."""
    status: str = ""
    """`interactionStatus` beside `turnComplete`."""
    tools: list[CallTool] = field(default_factory=list)
    work: WorkAWhile | None = None
    grounding: messages.Message | None = None
    """`groundingMetadata`, sent with the end of the generation."""


Perform = Callable[["Line", Action], Awaitable[None]]


class Line:
    """An asynchronous context manager: what it spawns does not outlast it."""

    def __init__(
        self,
        world: World,
        wire: Wire,
        record: ConnectionRecord,
        setup: Setup,
        session: KeptSession,
        perform: Perform,
    ) -> None:
        self.world = world
        self.wire = wire
        self.record = record
        self.setup = setup
        self.session = session
        self.calls = PendingCalls()
        self.draft: Draft | None = None
        """The reply that is being made; None before the first."""
        self.waits = dict(setup.waits)
        """The functions, and whether a reply waits for each."""
        self.withheld: set[str] = set()
        self._perform = perform
        self._tasks: set[asyncio.Task[None]] = set()
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        """Ready to spawn."""
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what was spawned. An error of the reader's goes on as it is; a group would wrap it."""
        for task in self._tasks:
            task.cancel()
        if isinstance(error, asyncio.CancelledError):
            await self._group.__aexit__(kind, error, trace)
        else:
            await self._group.__aexit__(None, None, None)

    def now_s(self) -> float:
        """The server's clock."""
        return self.world.clock()

    def changed(self) -> None:
        """Wake those who wait for the record."""
        self.world.record.changed()

    def waits_for(self, function: str) -> bool:
        """Whether a reply waits for the answer to this call; one that nobody declared is waited for."""
        return self.waits.get(function, True)

    async def say(self, kind: str, message: messages.Message) -> bool:
        """Send a message; False where it was withheld or the wire is muted. `kind` is its snake_case name."""
        return kind in await self.say_together({kind: message})

    async def say_together(self, told: Mapping[str, messages.Message]) -> set[str]:
        """Send these kinds as one message; which of them were sent."""
        kept = {kind: message for kind, message in told.items() if kind not in self.withheld}
        self.withheld -= set(told)
        if not kept or not await self.wire.send(messages.encode(messages.merged(kept.values()))):
            return set()
        self.world.record.note(self.record, "sent", sorted(kept))
        self.changed()
        return set(kept)

    async def tell_handle(self, *, resumable: bool) -> None:
        """A new handle, or that there can be none just now, if the client asked for handles."""
        if self.setup.resumption:
            handle = self.world.sessions.issue(self.session) if resumable else None
            await self.say("session_resumption_update", messages.handle_update(handle))

    async def cancel_calls(self) -> None:
        """The calls that were not answered must not be any more."""
        if cancelled := self.calls.cancel(self.now_s()):
            await self.say("tool_call_cancellation", messages.tool_call_cancellation(cancelled))

    async def fire(self, when: When, before: float = 0.0, after: float = 0.0) -> None:
        """Do what the plan has for this moment, in its order. Raises WireEnded, and ReplyOver in a reply."""
        for action in self.world.plan.due(when, before, after):
            await self.perform(action)

    async def perform(self, action: Action) -> None:
        """Do it, on the task that calls. Raises as `fire` does."""
        self.record.faults.append(type(action).__name__)
        self.changed()
        await self._perform(self, action)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something beside the reading, no longer than the connection lasts. Raises Refusal."""
        if len(self._tasks) >= TASK_LIMIT:
            work.close()
            raise Refusal(INTERNAL, "The service is currently unavailable.")
        task = self._group.create_task(self._until_closed(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: work.close())  # of a task that was cancelled before it began
        return task

    async def _until_closed(self, work: Coroutine[Any, Any, None]) -> None:
        """The end of the connection is the reader's to report; a refusal ends it for the reader, too."""
        try:
            await work
        except WireEnded:
            pass  # the reader meets it as well, and writes it into the record
        except Refusal as refusal:
            await self.wire.close(refusal.code, refusal.reason)
