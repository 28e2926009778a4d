"""What the service manager is told, at a socket of its kind."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import LoopTime, settled

from daemon.runtime.supervision import Supervisor, notify, watchdog_interval_s


class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener

    def told(self) -> list[str]:
        """The messages since the last call; sending is done when `notify` returns."""
        messages = []
        while True:
            try:
                messages.append(self._listener.recv(4096).decode())
            except BlockingIOError:
                return messages


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield Manager(listener)


class Parts:
    """Counters that grow when the test says so."""

    def __init__(self) -> None:
        self.capture = 0
        self.playback = 0
        self.status = "listening"
        self.supervisor = Supervisor(
            {"capture": lambda: self.capture, "playback": lambda: self.playback},
            status=lambda: self.status,
            environ={"WATCHDOG_USEC": "20000000"},
        )


def test_a_message_arrives_whole(manager: Manager) -> None:
    notify("READY=1\nSTATUS=idle")
    assert manager.told() == ["READY=1\nSTATUS=idle"]


def test_without_a_service_manager_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert notify("READY=1")


def test_an_address_in_the_abstract_namespace_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0conure-test-notify")
        listener.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", "@conure-test-notify")
        assert notify("READY=1")
        assert Manager(listener).told() == ["READY=1"]


def test_a_service_manager_that_does_not_read_holds_up_nobody(manager: Manager) -> None:
    taken = [notify("WATCHDOG=1") for _ in range(10_000)]
    assert taken[0]
    assert not taken[-1]
    assert len(manager.told()) == taken.count(True)
    assert notify("WATCHDOG=1")


def test_a_service_manager_that_is_gone_is_logged_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify("READY=1\nSTATUS=idle")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "READY" in caplog.text


async def test_ready_is_told_when_every_part_has_moved(manager: Manager) -> None:
    parts = Parts()
    with LoopTime() as time:
        ready = asyncio.create_task(parts.supervisor.ready())
        await time.run(5.0)
        parts.capture += 1
        await time.run(5.0)
        assert not ready.done()
        assert manager.told() == []
        parts.playback += 1
        await time.run(0.01)
        assert ready.done()
    assert manager.told() == ["READY=1\nSTATUS=listening"]


async def test_ready_is_told_again_until_it_is_taken(manager: Manager) -> None:
    parts = Parts()
    while notify("WATCHDOG=1"):
        pass
    with LoopTime() as time:
        ready = asyncio.create_task(parts.supervisor.ready())
        await settled()
        parts.capture = parts.playback = 1
        await time.run(1.0)
        assert not ready.done()
        assert parts.supervisor.dropped > 0
        manager.told()
        await time.run(0.01)
        assert ready.done()
    assert manager.told() == ["READY=1\nSTATUS=listening"]


async def test_the_state_is_told_when_it_changes_and_not_before(manager: Manager) -> None:
    parts = Parts()
    with LoopTime() as time:
        feeding = asyncio.create_task(parts.supervisor.run())
        await time.run(2.5)
        assert manager.told() == ["STATUS=listening"]
        parts.status = "idle; no microphone:\nit is\tgone"
        await time.run(1.0)
        assert manager.told() == ["STATUS=idle; no microphone: it is gone"]
        await time.run(3.0)
        assert manager.told() == []
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)


async def test_the_watchdog_is_fed_only_while_every_part_moves(
    manager: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    parts = Parts()
    with LoopTime() as time:
        feeding = asyncio.create_task(parts.supervisor.run())
        await settled()
        told = []
        for capture, playback in ((1, 1), (5, 1), (3, 0), (0, 0), (1, 1)):
            parts.capture += capture
            parts.playback += playback
            await time.run(10.0)
            told.append(manager.told())
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
    fed = "WATCHDOG=1\nSTATUS=listening"
    assert told == [
        ["STATUS=listening", fed],
        [fed],
        ["STATUS=stuck: playback"],
        ["STATUS=stuck: capture, playback"],
        [fed],
    ]
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2


def test_a_part_that_moved_since_the_last_look_is_not_stuck() -> None:
    parts = Parts()
    assert parts.supervisor.stuck() == []
    parts.capture += 1
    assert parts.supervisor.stuck() == ["playback"]
    parts.playback += 1
    assert parts.supervisor.stuck() == ["capture"]


@pytest.mark.parametrize(
    ("environ", "interval_s"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({}, 10.0),
        ({"WATCHDOG_USEC": "0"}, 10.0),
        ({"WATCHDOG_USEC": "soon"}, 10.0),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_systemd_asks(
    environ: dict[str, str], interval_s: float
) -> None:
    assert watchdog_interval_s(environ) == interval_s
