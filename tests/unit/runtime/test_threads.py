"""Device threads as tasks: their failures are known at once, and they end when they are told to."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
from fakes import PATIENCE_S

from daemon.runtime import threads
from daemon.runtime.threads import DeviceThread, ZombieThread
from hw.base import MicError


class Body:
    """A thread's body that waits for a word, and tells on which thread it ran."""

    def __init__(self) -> None:
        self.running = threading.Event()
        self.word = threading.Event()
        self.thread: threading.Thread | None = None
        self.finished = False

    def __call__(self, stop: threading.Event) -> None:
        self.thread = threading.current_thread()
        self.running.set()
        assert stop.wait(PATIENCE_S)
        self.finished = True

    def stubborn(self, _stop: threading.Event) -> None:
        """Does not heed `stop`."""
        self.running.set()
        assert self.word.wait(PATIENCE_S)


async def started(body: Callable[[threading.Event], None], running: threading.Event) -> asyncio.Task[None]:
    task = asyncio.create_task(DeviceThread("mic", body).run())
    await asyncio.to_thread(running.wait, PATIENCE_S)
    return task


async def forever() -> None:
    await asyncio.Event().wait()


async def test_a_body_that_raises_fails_the_task_group_with_its_own_error() -> None:
    error = MicError("hw:1", "gone")

    def body(_stop: threading.Event) -> None:
        raise error

    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
            tasks.create_task(forever())
            tasks.create_task(DeviceThread("mic", body).run())
    assert caught.value.exceptions == (error,)


class UnusualError(BaseException):
    """No Exception: what only few handlers catch."""


@pytest.mark.parametrize("error", [UnusualError(), AssertionError("bug")])
async def test_whatever_a_body_raises_comes_out(error: BaseException) -> None:
    def body(_stop: threading.Event) -> None:
        raise error

    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(type(error)) as caught:
            await DeviceThread("mic", body).run()
    assert caught.value is error


async def test_even_an_exception_that_a_future_refuses_is_known() -> None:
    def body(_stop: threading.Event) -> None:
        raise StopIteration

    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(RuntimeError, match="StopIteration"):
            await DeviceThread("mic", body).run()


async def test_a_body_that_ends_unasked_is_an_error_that_names_it() -> None:
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(RuntimeError, match="mic thread ended by itself"):
            await DeviceThread("mic", lambda stop: None).run()


async def test_cancelling_stops_the_body_and_waits_for_its_thread() -> None:
    body = Body()
    task = await started(body, body.running)
    task.cancel()
    await asyncio.wait({task}, timeout=PATIENCE_S)
    assert task.cancelled()
    assert body.finished
    assert body.thread is not None
    assert not body.thread.is_alive()


async def test_an_error_while_stopping_does_not_hide_the_cancellation() -> None:
    running = threading.Event()

    def body(stop: threading.Event) -> None:
        running.set()
        stop.wait(PATIENCE_S)
        raise MicError("hw:1", "gone")

    task = await started(body, running)
    task.cancel()
    await asyncio.wait({task}, timeout=PATIENCE_S)
    assert task.cancelled()


async def test_a_thread_that_does_not_stop_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "JOIN_TIMEOUT_S", 0.01)
    body = Body()
    task = await started(body.stubborn, body.running)
    task.cancel()
    with pytest.raises(ZombieThread, match="mic"):
        await task
    body.word.set()


async def test_a_thread_cannot_keep_a_dead_process_alive() -> None:
    body = Body()
    task = await started(body, body.running)
    assert body.thread is not None
    assert body.thread.daemon
    task.cancel()
    await asyncio.wait({task}, timeout=PATIENCE_S)
