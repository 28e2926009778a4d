"""A thread for calls into a library that may never return.

PortAudio over PulseAudio hangs for ever in a read, a write and even a close when the server stops answering,
and in a read or `get_read_available` when the server was killed between two calls (measured with PulseAudio
16.1: the client library waits for a lock that nobody will release). So each stream lives on a `Worker`;
a call that takes too long is given up, with its thread, and the caller learns of it in time. One call costs
two thread switches: 0.05 s of CPU a minute at 50 calls a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar, cast

Result = TypeVar("Result")


class Stalled(Exception):
    """A call did not return in time; its thread is given up."""


@dataclass(frozen=True, slots=True)
class _Aside:
    """What nobody waits for."""

    function: Callable[[], object]


@dataclass(frozen=True, slots=True)
class _Answer(Generic[Result]):
    """What a call came to: a result, or an exception."""

    result: Result | None = None
    error: BaseException | None = None


class Worker:
    """Runs calls one after another on its own thread. One caller at a time; at most one call is queued."""

    def __init__(self, name: str) -> None:
        self._requests: SimpleQueue[Callable[[], object] | _Aside | None] = SimpleQueue()
        self._answers: SimpleQueue[_Answer[object]] = SimpleQueue()
        self._stalled = False
        self._idle: tuple[Callable[[], object], float] | None = None
        # daemon=True: a call that hangs in a driver must not keep a dead process looking alive.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], Result], timeout_s: float) -> Result:
        """What `function` returns or raises on the worker's thread. Raises Stalled, and then always."""
        if self._stalled:
            raise Stalled
        self._requests.put(function)
        try:
            answer = self._answers.get(timeout=timeout_s)
        except Empty:
            self._stalled = True
            raise Stalled from None
        if answer.error is not None:
            raise answer.error
        return cast(Result, answer.result)

    def when_idle(self, function: Callable[[], object], delay_s: float) -> None:
        """From inside a call: run `function` on this thread if no other call comes for so long after it.

        What it returns or raises is of no interest to anybody.
        """
        self._idle = function, time.monotonic() + delay_s

    def aside(self, function: Callable[[], object]) -> None:
        """Run `function` on this thread between two calls. Any thread, which learns nothing of its fate."""
        self._requests.put(_Aside(function))

    @property
    def stalled(self) -> bool:
        """Whether a call was given up that has not returned yet, as far as is known."""
        return self._stalled and self._thread.is_alive()

    def finish(self, last: Callable[[], object], timeout_s: float) -> bool:
        """Run `last`, then end the thread; returns whether it has ended in time. Never raises.

        After a stall `last` runs when the stalled call returns, if it ever does, and nobody waits for it.
        """
        self._requests.put(last)
        self._requests.put(None)
        if self._stalled:
            return False
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (function := self._next_request()) is not None:
            self._answers.put(_outcome(function))

    def _next_request(self) -> Callable[[], object] | None:
        """Wait for a call; meanwhile do what is asked aside, and what was left for an idle moment."""
        while True:
            try:
                request = self._requests.get(timeout=self._idle_in_s())
            except Empty:
                assert self._idle is not None
                function, self._idle = self._idle[0], None
                _outcome(function)
                continue
            if not isinstance(request, _Aside):
                self._idle = None
                return request
            _outcome(request.function)

    def _idle_in_s(self) -> float | None:
        return None if self._idle is None else max(0.0, self._idle[1] - time.monotonic())


def _outcome(function: Callable[[], object]) -> _Answer[object]:
    try:
        return _Answer(result=function())
    except BaseException as error:  # noqa: BLE001 - it is raised again, on the caller's thread
        return _Answer(error=error)
