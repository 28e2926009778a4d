"""The speaker's camera: open while a conversation is, the newest picture, and what becomes of faults."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from pictures import jpeg

from daemon.seeing import eyes as eyes_module
from daemon.seeing.eyes import FRESH_S, Eyes, NoPicture
from daemon.seeing.look import Looking
from daemon.tools.declaring.spec import ToolError
from hw.camera.base import CameraError, Frame


@dataclass
class FakeCamera:
    """Shows what the test puts into it."""

    newest: Frame | None = None
    error: CameraError | None = None
    dropped: int = 2
    closed: bool = False

    def close(self) -> None:
        """Remember it."""
        self.closed = True


@dataclass
class Scene:
    """A camera, and a clock that stands."""

    now_s: float = 100.0
    refuses: CameraError | None = None
    cameras: list[FakeCamera] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.eyes = Eyes(self._open, interval_s=2.0, clock=lambda: self.now_s)

    def _open(self) -> FakeCamera:
        if self.refuses is not None:
            raise self.refuses
        self.cameras.append(FakeCamera())
        return self.cameras[-1]

    def shows(self, picture: bytes, age_s: float = 0.0) -> None:
        self.cameras[-1].newest = Frame(picture, self.now_s - age_s)


async def until(what: Callable[[], object]) -> None:
    """Wait for what a thread has a part in."""
    async with asyncio.timeout(20):
        while not what():
            await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def seeing(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """The camera's task; pauses take milliseconds."""
    for name in ("LOOK_S", "FIRST_PAUSE_S"):
        monkeypatch.setattr(eyes_module, name, 0.002)
    monkeypatch.setattr(eyes_module, "LONGEST_PAUSE_S", 0.005)
    scene = Scene()
    task = asyncio.create_task(scene.eyes.run())
    try:
        yield scene
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_camera_is_open_while_a_conversation_is(monkeypatch: pytest.MonkeyPatch) -> None:
    async with seeing(monkeypatch) as scene:
        await asyncio.sleep(0.01)
        assert scene.cameras == []
        scene.eyes.set_wanted(True)
        scene.eyes.set_wanted(True)
        await until(lambda: scene.eyes.report()["open"])
        scene.eyes.set_wanted(False)
        await until(lambda: scene.cameras[0].closed)
        assert not scene.eyes.report()["open"]
        scene.eyes.set_wanted(True)
        await until(lambda: len(scene.cameras) == 2)
        assert scene.eyes.counters()["camera_starts"] == 2
        assert scene.eyes.counters()["camera_dropped"] >= 2


async def test_a_camera_is_closed_when_the_daemon_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async with seeing(monkeypatch) as scene:
        scene.eyes.set_wanted(True)
        await until(lambda: scene.cameras)
    assert scene.cameras[0].closed


async def test_a_picture_leaves_once_and_the_next_after_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    async with seeing(monkeypatch) as scene:
        eyes = scene.eyes
        assert eyes.due() is None
        eyes.set_wanted(True)
        await until(lambda: eyes.report()["open"])
        assert eyes.due() is None
        scene.shows(jpeg(width=1))
        assert eyes.due() == jpeg(width=1)
        scene.shows(jpeg(width=2))
        assert eyes.due() is None
        scene.now_s += 2.0
        scene.shows(jpeg(width=2))
        assert eyes.due() == jpeg(width=2)
        scene.now_s += 2.0
        assert eyes.due() is None
        assert eyes.counters()["camera_shown"] == 2


async def test_an_old_picture_and_one_that_is_none_do_not_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    async with seeing(monkeypatch) as scene:
        eyes = scene.eyes
        eyes.set_wanted(True)
        await until(lambda: eyes.report()["open"])
        scene.shows(jpeg(), age_s=FRESH_S + 0.1)
        assert eyes.due() is None
        scene.shows(b"no picture")
        assert eyes.due() is None
        assert (eyes.counters()["camera_stale"], eyes.counters()["camera_bad"]) == (1, 1)
        with pytest.raises(NoPicture, match="cannot be used"):
            eyes.look()


async def test_a_camera_that_ends_is_told_once_and_opened_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with seeing(monkeypatch) as scene:
        caplog.set_level(logging.INFO, "daemon.seeing.eyes")
        scene.eyes.set_wanted(True)
        await until(lambda: scene.cameras)
        scene.refuses = CameraError("rpicam-vid", "there is no camera")
        scene.cameras[0].error = CameraError("rpicam-vid", "ended with status 1")
        await until(lambda: scene.eyes.problem is scene.refuses)
        assert scene.cameras[0].closed
        with pytest.raises(NoPicture, match="there is no camera"):
            scene.eyes.look()
        assert scene.eyes.report()["problem"] == "rpicam-vid: there is no camera"
        scene.refuses = None
        await until(lambda: len(scene.cameras) == 2)
        scene.shows(jpeg())
        await until(lambda: scene.eyes.problem is None)
        told = [record.levelname for record in caplog.records]
        assert told == ["WARNING", "INFO"]


async def test_the_tool_shows_the_newest_picture_or_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async with seeing(monkeypatch) as scene:
        shown: list[bytes] = []
        arrives = [True, False]

        async def show(picture: bytes) -> bool:
            shown.append(picture)
            return arrives.pop(0)

        look = Looking(scene.eyes, show).look
        with pytest.raises(ToolError, match="not given a picture yet"):
            await look()
        scene.eyes.set_wanted(True)
        await until(lambda: scene.eyes.report()["open"])
        scene.shows(jpeg())
        assert "has been sent" in await look()
        with pytest.raises(ToolError, match="could not be sent"):
            await look()
        assert shown == [jpeg(), jpeg()]
