"""Sessions that say what a test has planned, and a dialler that gives them, on the loop's time."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator

from fakes import LoopTime, settled

from daemon.server_events import ServerEvent
from daemon.session.failures import Failure, FailureKind, LinkError
from daemon.session.liveness import Evidence
from daemon.tools.calling.fates import ToolAnswer

HANDSHAKE_S = 0.2
CLOSING_S = 0.1


def failure(kind: FailureKind = FailureKind.TRANSIENT) -> LinkError:
    """What a connection fails with."""
    return LinkError(Failure(kind, "as planned"))


class PlannedSession:
    """A session that says what the test lets it say, and writes down what it is given."""

    detour = ""

    def __init__(self, handle: str | None) -> None:
        self.handle = handle
        self.calls: list[str | bytes] = []
        self.tcp: Evidence | None = None
        self.pings = 0
        self.aborted = False
        self._says: asyncio.Queue[ServerEvent | Exception | None] = asyncio.Queue()

    def will_say(self, *events: ServerEvent | Exception | None) -> None:
        """As `say`, and nothing has come of it yet."""
        for event in events:
            self._says.put_nowait(event)

    async def say(self, *events: ServerEvent | Exception | None) -> None:
        """Events are received; an error is raised there; None ends the stream without one."""
        self.will_say(*events)
        await settled()

    async def receive(self) -> AsyncIterator[ServerEvent]:
        while (event := await self._says.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event

    async def send_audio(self, pcm: bytes) -> None:
        self.calls.append(pcm)

    async def start_activity(self) -> None:
        self.calls.append("start")

    async def end_activity(self) -> None:
        self.calls.append("end")

    async def end_stream(self) -> None:
        self.calls.append("end of stream")

    async def send_text(self, text: str) -> None:
        self.calls.append(text)

    async def send_video(self, jpeg: bytes) -> None:
        self.calls.append(jpeg)

    async def send_tool_answer(self, answer: ToolAnswer) -> None:
        self.calls.append(f"answer of {answer.name}")

    async def ping(self) -> None:
        self.pings += 1

    def evidence(self) -> Evidence | None:
        return self.tcp

    def abort(self) -> None:
        self.aborted = True


class PlannedDialler:
    """Fails as planned, then gives sessions: one at a time. Both the handshake and the closing take time."""

    def __init__(self, time: LoopTime) -> None:
        self.time = time
        self.failures: deque[Exception] = deque()
        """Raised by the next tries."""
        self.closing_failures: deque[Exception] = deque()
        """Raised by the next closings."""
        self.dials_s: list[float] = []
        self.handles: list[str | None] = []
        self.sessions: list[PlannedSession] = []
        self.open = 0
        self.most_open = 1
        """So many sessions may be open at once; more is a fault of the connection's."""

    @contextlib.asynccontextmanager
    async def session(self, handle: str | None) -> AsyncIterator[PlannedSession]:
        assert self.open < self.most_open, "too many sessions are open"
        self.open += 1
        try:
            yield await self._begin(handle)
            await asyncio.sleep(CLOSING_S)
            if self.closing_failures:
                raise self.closing_failures.popleft()
        finally:
            self.open -= 1

    async def _begin(self, handle: str | None) -> PlannedSession:
        self.dials_s.append(self.time.now_s())
        self.handles.append(handle)
        await asyncio.sleep(HANDSHAKE_S)
        if self.failures:
            raise self.failures.popleft()
        self.sessions.append(PlannedSession(handle))
        return self.sessions[-1]
