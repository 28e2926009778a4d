"""Runs what `daemon.run.assembly` has built, as one, and takes it down in order.

Order of the start: lights, microphone, speaker, READY; only then the service's library is imported (it takes
longer than all the rest) and the link comes up. Order of the end: the tasks, which close the link and stop
the threads; each thread closes its device; then lights and board.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from daemon.control.server import ControlServer
from daemon.control.watching import Event, watched
from daemon.lights.conditions import RunStage
from daemon.run.assembly import Conure
from daemon.run.dial import Dial
from daemon.runtime.threads import DeviceThread
from daemon.session import routes


class _Ended(Exception):
    """The body is done: ends the task group."""


@contextlib.asynccontextmanager
async def running(conure: Conure, dial: Dial, *, control: Path | None = None) -> AsyncIterator[None]:
    """Run the daemon for as long as the body runs; the body begins at READY.

    Raises what ended a part: DeviceError, ZombieThread, AlreadyRunning, or a bug.
    """
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(conure.board.close)
        stack.callback(conure.parts.lamp.close)
        if conure.button is not None:
            stack.callback(conure.button.close)
        if control is not None:
            server = ControlServer(control, conure.commands.handle, partial(_watch, conure), conure.control)
            await stack.enter_async_context(server)
        try:
            async with asyncio.TaskGroup() as tasks:
                conure.controller.enter(RunStage.STARTING)
                _start(conure, tasks)
                await conure.supervisor.ready()
                conure.controller.enter(RunStage.RUNNING)
                tasks.create_task(_keep_link(conure, dial), name="link")
                yield
                conure.controller.enter(RunStage.STOPPING)
                conure.parts.feed.tell("end")
                raise _Ended
        except BaseExceptionGroup as group:
            cause = _first_cause(group)
            if not isinstance(cause, _Ended):
                raise cause from group


def _watch(conure: Conure, args: Mapping[str, Any]) -> AsyncGenerator[Event]:
    """What the command `watch` gives."""
    level = args.get("level") is True
    return watched(conure.parts.feed.watch, conure.reporter.snapshot, conure.reporter.look, level=level)


def _start(conure: Conure, tasks: asyncio.TaskGroup) -> None:
    parts = conure.parts
    jobs = {
        "capture": DeviceThread("capture", parts.capture.run).run(),
        "playback": DeviceThread("playback", parts.playback.run, parts.playback.wake).run(),
        "controller": conure.controller.run(),
        "lights": parts.lamp.run(conure.controller.conditions),
        "supervisor": conure.supervisor.run(),
        "volume": parts.volume.run(),
        "keeper": conure.keeper.run(),
        "reminders": parts.reminders.run(),
        "announcements": parts.announcements.run(),
        "messages": conure.voices.messages.run(),
        "routes": routes.watch(parts.connection.network_back),
        "tools": parts.tools.run(),
        **({"camera": parts.eyes.run()} if parts.eyes else {}),
    }
    for name, job in jobs.items():
        tasks.create_task(job, name=name)


async def _keep_link(conure: Conure, dial: Dial) -> None:
    service, _ = await asyncio.gather(dial(conure.tools.equipment), conure.tools.toolbox.load())
    conure.parts.announcements.serve(service.content)
    conure.parts.connection.ask()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(conure.tools.toolbox.run_servers(), name="MCP servers")
        tasks.create_task(conure.parts.connection.run(service.dialler), name="connection")


def _first_cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The exception that matters of those that ended the tasks; our own end matters least."""
    causes = [
        _first_cause(error) if isinstance(error, BaseExceptionGroup) else error for error in group.exceptions
    ]
    return next((cause for cause in causes if not isinstance(cause, _Ended)), causes[0])
