"""Runs the tools that the model calls, beside the receive loop, and sees that each call is answered once.

Event loop only. A call belongs to the connection that asked; the work done for it belongs to the turn, and
may serve the same call of a later connection (`fates.py`). At most MAX_CALLS are open; one more is answered
at once with a refusal.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from daemon.config.models import UNKNOWN, Capabilities
from daemon.events import ToolsChanged
from daemon.runtime.feed import Feed
from daemon.server_events import ToolCall
from daemon.tools.calling.answers import Answer, failed, unconfirmed
from daemon.tools.calling.confirming import ASK, Confirmations, Occasion
from daemon.tools.calling.fates import FATES, Circumstances, Fate, ToolAnswer, is_same_request
from daemon.tools.calling.runner import Runner
from daemon.tools.declaring.spec import Scheduling, ToolSpec

MAX_CALLS = 8
"""Calls that may be open; models ask for two or three at once."""

MAX_UNANSWERED = 256
"""Calls that may wait for their answers to be sent, refusals too; policy for one more: pass over it and count
it as unsent. A server that calls without end does not read."""

MAX_WORKS = 16
"""Works of one turn that are remembered for a repetition; policy: forget the oldest."""

GONE_ON = "The user has gone on to something else, so this was not done."


class AnswerSender(Protocol):
    """The part of a session that answers go to."""

    async def send_tool_answer(self, answer: ToolAnswer) -> None:
        """Answer one call. Raises LinkError."""


@dataclass(slots=True, eq=False)
class Work:
    """A tool at work, or what it brought, for as long as its turn lasts."""

    request: ToolCall
    turn: int
    task: asyncio.Task[Answer]


@dataclass(slots=True, eq=False)
class Call:
    """A call that has not been answered."""

    request: ToolCall
    spec: ToolSpec | None
    waits: bool
    """The model says nothing until it is answered."""
    work: Work | None = None
    answer: ToolAnswer | None = None
    cancelled: bool = False
    connected: bool = True
    wanted: bool = True

    def fate(self) -> Fate:
        """What is to become of its answer."""
        return FATES[Circumstances(self.cancelled, self.connected, self.wanted)]


@dataclass(slots=True)
class Counters:
    """All calls, and what went otherwise than planned."""

    calls: int = 0
    errors: int = 0
    cancelled: int = 0
    refused: int = 0
    repeated: int = 0
    """Answered from the work of a lost connection."""
    unsent: int = 0
    """Answers that nobody waits for any more."""


class ToolHost:
    """Carries out calls. `connection` is the number of the present connection, 0 for none."""

    def __init__(
        self,
        tools: Callable[[], Mapping[str, ToolSpec]],
        model: Capabilities,
        *,
        feed: Feed,
        post: Callable[[ToolsChanged], None],
        hold_uplink: Callable[[bool], None],
        runner: Runner | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`tools` gives what can be called now.

        `hold_uplink` is told whether audio must wait, on models that close when it comes in a call.
        """
        self._tools = tools
        self._model = model
        self._feed = feed
        self._tell = post
        self._hold_uplink = hold_uplink
        self.runner = runner or Runner()
        self._clock = clock
        self.confirmations = Confirmations()
        self._times_said = 0
        self._calls: list[Call] = []
        self._works: deque[Work] = deque(maxlen=MAX_WORKS)
        self._tasks: set[asyncio.Task[Answer]] = set()
        self._outbox: deque[Call] = deque()
        self._filled = asyncio.Event()
        self._reply_due = False
        self.connection = 0
        self.counters = Counters()

    @property
    def open(self) -> bool:
        """Whether any call has not been answered: the connection is needed."""
        return bool(self._calls)

    @property
    def busy(self) -> bool:
        """Whether the turn under way waits for a tool."""
        return any(call.wanted for call in self._calls)

    def take_reply_due(self) -> bool:
        """Whether the model was told something, since this was asked last, of which it will speak."""
        due, self._reply_due = self._reply_due, False
        return due

    # --- what the controller and the connection tell

    def take(self, request: ToolCall, turn: int, *, wanted: bool) -> None:
        """The model calls. `wanted` is false for a turn that its user has cut: then nothing is done."""
        if request.connection != self.connection or len(self._calls) >= MAX_UNANSWERED:
            self.counters.unsent += 1
            return
        self.counters.calls += 1
        self._feed.tell("tool", name=request.name, status="called")
        spec = self._tools().get(request.name)
        call = Call(request, spec, self._waits(spec), wanted=wanted)
        refusal = self._refusal(call)
        self._calls.append(call)
        if refusal is not None or spec is None:
            self.counters.refused += 1
            self._post(call, refusal or failed(""))
        else:
            self._carry_out(call, spec, turn)
        self._changed()

    def note_said(self) -> None:
        """The user has begun to speak, in a turn that holds more than one utterance."""
        self._times_said += 1

    def cancel(self, call_ids: tuple[str, ...]) -> None:
        """The server wants no answer any more: stop what can be stopped."""
        for call in [call for call in self._calls if call.request.call_id in call_ids]:
            self.counters.cancelled += 1
            call.cancelled = True
            self._forget(call)
            if call.work is not None:
                call.work.task.cancel()
                if call.work in self._works:
                    self._works.remove(call.work)
            self._feed.tell("tool", name=call.request.name, status="cancelled")
        self._changed()

    def turn_cut(self) -> None:
        """The user has gone on: what still comes is told silently, and serves no later call."""
        for call in self._calls:
            call.wanted = False
            if call.answer is not None:
                call.answer = self._answer(call, call.answer.response)
        self._works.clear()
        self._changed()

    def connect(self, connection: int) -> None:
        """A connection stands; its calls will carry this number (above 0)."""
        self.disconnect()
        self.connection = connection

    def disconnect(self) -> None:
        """The connection is gone, and nobody on it waits any more. What is under way goes on for the turn."""
        self.connection = 0
        for call in self._calls:
            call.connected = False
        self.counters.unsent += len(self._outbox)
        self._calls.clear()
        self._outbox.clear()
        self._changed()

    async def pump(self, session: AnswerSender) -> None:
        """Send the answers of the present connection, for as long as it lasts. Raises LinkError."""
        while True:
            self._filled.clear()
            while self._outbox:
                await self._send(session, self._outbox[0])
            await self._filled.wait()

    async def run(self) -> None:
        """Wait for ever; at the end stop what is under way."""
        try:
            await asyncio.Event().wait()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- answers

    async def _send(self, session: AnswerSender, call: Call) -> None:
        assert call.answer is not None, "only answered calls are in the outbox"
        silent = call.answer.scheduling is Scheduling.SILENT or not call.wanted
        await session.send_tool_answer(call.answer)
        self._reply_due = self._reply_due or not silent
        self._forget(call)
        self._changed()

    def _done(self, call: Call, task: asyncio.Task[Answer]) -> None:
        if task.cancelled():
            return
        match call.fate():
            case Fate.SEND | Fate.SEND_SILENTLY:
                self._post(call, task.result())
            case Fate.KEEP | Fate.DROP:
                self.counters.unsent += 1

    def _post(self, call: Call, response: Answer) -> None:
        call.answer = self._answer(call, response)
        self.counters.errors += response["status"] == "error"
        self._feed.tell("tool", name=call.request.name, status=response["status"])
        self._outbox.append(call)
        self._filled.set()

    def _answer(self, call: Call, response: Answer) -> ToolAnswer:
        scheduling = None
        if not call.waits and call.spec is not None:
            silently = call.fate() is Fate.SEND_SILENTLY
            scheduling = Scheduling.SILENT if silently else call.spec.scheduling
        return ToolAnswer(call.request.call_id, call.request.name, response, scheduling)

    def _forget(self, call: Call) -> None:
        if call in self._calls:
            self._calls.remove(call)
        if call in self._outbox:
            self._outbox.remove(call)

    def _changed(self) -> None:
        if not self._model.audio_during_call:
            self._hold_uplink(any(call.waits for call in self._calls))
        self._tell(ToolsChanged())

    def _waits(self, spec: ToolSpec | None) -> bool:
        if spec is not None and self._model.blocking_by_choice:
            return spec.blocking
        return self._model.blocking_tools

    # --- work

    def _refusal(self, call: Call) -> Answer | None:
        if call.spec is None:
            return failed(f"There is no tool {call.request.name}. There are: {', '.join(self._tools())}.")
        if not call.wanted:
            return failed(GONE_ON)
        if len(self._calls) >= MAX_CALLS:
            return failed(f"At most {MAX_CALLS} calls at once. Wait for the others.", retryable=True)
        return None

    def _carry_out(self, call: Call, spec: ToolSpec, turn: int) -> None:
        """Begin the work, unless it was begun before, or the user has to confirm it first."""
        call.work = self._earlier(call.request, turn)
        if call.work is None and not self._consents(call.request, spec, turn):
            self._post(call, unconfirmed(ASK.format(name=spec.name)))
            return
        call.work = call.work or self._begin(spec, call.request, turn)
        call.work.task.add_done_callback(partial(self._done, call))

    def _consents(self, request: ToolCall, spec: ToolSpec, turn: int) -> bool:
        """Whether the user need not be asked, or has been, and has spoken since."""
        if spec.confirm is None or not spec.confirm.asks(request.arguments):
            return True
        said = Occasion(turn, self._times_said)
        return self.confirmations.admits(request.name, request.arguments, said, self._clock())

    def _earlier(self, request: ToolCall, turn: int) -> Work | None:
        """The work for the same call of this turn, made on a connection that was lost."""
        for work in self._works:
            same = work.turn == turn and is_same_request(work.request, request.name, request.arguments)
            if same and work.request.connection != request.connection:
                self.counters.repeated += 1
                work.request = request
                return work
        return None

    def _begin(self, spec: ToolSpec, request: ToolCall, turn: int) -> Work:
        task = asyncio.create_task(self.runner.carry_out(spec, request.arguments), name=f"tool {spec.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        work = Work(request, turn, task)
        self._works.append(work)
        return work


def no_tools() -> ToolHost:
    """A host for a model that has nothing to call."""

    def nothing(*_: object) -> None: ...

    return ToolHost(dict, UNKNOWN, feed=Feed(), post=nothing, hold_uplink=nothing)
