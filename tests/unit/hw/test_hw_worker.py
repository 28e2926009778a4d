"""Calls that may never return."""

from __future__ import annotations

import queue
import threading

import pytest

from hw.sound.worker import Stalled, Worker


@pytest.fixture
def worker() -> Worker:
    return Worker("test")


def test_a_call_gives_its_result_from_another_thread(worker: Worker) -> None:
    assert worker.call(threading.get_ident, 10) != threading.get_ident()
    assert worker.finish(lambda: None, 10)


def test_all_calls_are_made_by_one_thread(worker: Worker) -> None:
    last: list[int] = []
    first = worker.call(threading.get_ident, 10)
    assert worker.finish(lambda: last.append(threading.get_ident()), 10)
    assert last == [first]


def test_an_exception_comes_to_the_caller_and_the_worker_goes_on(worker: Worker) -> None:
    with pytest.raises(ZeroDivisionError):
        worker.call(lambda: 1 / 0, 10)
    assert worker.call(lambda: 1, 10) == 1
    assert worker.finish(lambda: None, 10)


def test_a_call_that_hangs_is_given_up_and_so_is_the_worker(worker: Worker) -> None:
    release = threading.Event()
    with pytest.raises(Stalled):
        worker.call(release.wait, 0.01)
    with pytest.raises(Stalled):
        worker.call(lambda: 1, 10)
    release.set()


def test_what_a_hanging_call_holds_is_closed_when_it_returns_at_last(worker: Worker) -> None:
    release, closed = threading.Event(), threading.Event()
    with pytest.raises(Stalled):
        worker.call(release.wait, 0.01)
    assert not worker.finish(closed.set, 10)
    assert not closed.is_set()
    release.set()
    assert closed.wait(10)


def test_an_idle_moment_is_used_once(worker: Worker) -> None:
    done: queue.SimpleQueue[int] = queue.SimpleQueue()
    worker.call(lambda: worker.when_idle(lambda: done.put(threading.get_ident()), 0.01), 10)
    assert done.get(timeout=10) == worker.call(threading.get_ident, 10)
    assert worker.finish(lambda: None, 10)
    assert done.empty()


def test_a_call_that_comes_first_takes_the_place_of_the_idle_moment(worker: Worker) -> None:
    done: queue.SimpleQueue[int] = queue.SimpleQueue()
    worker.call(lambda: worker.when_idle(lambda: done.put(1), 60), 10)
    assert worker.call(lambda: 2, 10) == 2
    assert worker.finish(lambda: None, 10)
    assert done.empty()


def test_what_fails_in_an_idle_moment_does_not_disturb_the_next_call(worker: Worker) -> None:
    failed = threading.Event()

    def fail() -> None:
        failed.set()
        raise OSError

    worker.call(lambda: worker.when_idle(fail, 0.01), 10)
    assert failed.wait(10)
    assert worker.call(lambda: 2, 10) == 2
    assert worker.finish(lambda: None, 10)


def test_a_last_call_that_fails_ends_the_worker_quietly(worker: Worker) -> None:
    assert worker.finish(lambda: 1 / 0, 10)
