"""Runs what `daemon.run.assembly` has built, as one, and takes it down in order.

Order of the start: lights, microphone, speaker, READY; only then the service's library is imported (it takes
longer than all the rest) and the link comes up. Order of the end: the tasks, which close the link and stop
the threads; each thread closes its device; then lights and board.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from daemon.control.server import ControlServer
from daemon.events import ButtonEdge
from daemon.run.assembly import Daemon
from daemon.run.dial import Dial
from daemon.runtime.threads import DeviceThread
from daemon.session import routes
from hw.base import ButtonError

log = logging.getLogger(__name__)


class _Ended(Exception):
    """The body is done: ends the task group."""


@contextlib.asynccontextmanager
async def running(daemon: Daemon, dial: Dial, *, control: Path | None = None) -> AsyncIterator[None]:
    """Run the daemon for as long as the body runs; the body begins at READY.

    Raises what ended a part: DeviceError, ZombieThread, AlreadyRunning, or a bug.
    """
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(daemon.board.close)
        stack.callback(daemon.parts.lamp.close)
        if control is not None:
            server = ControlServer(
                control, daemon.commands.handle, daemon.parts.feed.watch, daemon.reporter.control
            )
            await stack.enter_async_context(server)
        _open_button(daemon, stack)
        try:
            async with asyncio.TaskGroup() as tasks:
                _show_stage(daemon, starting=True)
                _start(daemon, tasks)
                await daemon.supervisor.ready()
                _show_stage(daemon)
                tasks.create_task(_keep_link(daemon, dial), name="link")
                yield
                _show_stage(daemon, stopping=True)
                raise _Ended
        except BaseExceptionGroup as group:
            cause = _first_cause(group)
            if not isinstance(cause, _Ended):
                raise cause from group


def _show_stage(daemon: Daemon, *, starting: bool = False, stopping: bool = False) -> None:
    """Before READY, and while the parts are taken down, the lights say so."""
    lamp = daemon.parts.lamp
    lamp.starting, lamp.stopping = starting, stopping
    lamp.refresh(daemon.controller.conditions())


def _start(daemon: Daemon, tasks: asyncio.TaskGroup) -> None:
    parts = daemon.parts
    jobs = {
        "capture": DeviceThread("capture", parts.capture.run).run(),
        "playback": DeviceThread("playback", parts.playback.run, parts.playback.wake).run(),
        "controller": daemon.controller.run(),
        "lights": parts.lamp.run(daemon.controller.conditions),
        "supervisor": daemon.supervisor.run(),
        "volume": daemon.volume.run(),
        "keeper": daemon.keeper.run(),
        "reminders": parts.reminders.run(),
        "routes": routes.watch(parts.connection.network_back),
        "tools": parts.tools.run(),
    }
    for name, job in jobs.items():
        tasks.create_task(job, name=name)


async def _keep_link(daemon: Daemon, dial: Dial) -> None:
    dialler, _ = await asyncio.gather(dial(daemon.tools.equipment), daemon.tools.toolbox.load())
    daemon.parts.connection.ask()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(daemon.tools.toolbox.run_servers(), name="MCP servers")
        tasks.create_task(daemon.parts.connection.run(dialler), name="connection")


def _open_button(daemon: Daemon, stack: contextlib.AsyncExitStack) -> None:
    """A board whose button cannot be had still answers to commands and, unless forbidden, to a voice."""
    post = daemon.parts.mailbox.post_from_thread
    try:
        button = daemon.board.open_button(lambda pressed, at_s: post(ButtonEdge(pressed, at_s)))
    except ButtonError as error:
        controller = daemon.controller
        if daemon.settings.trigger.voice == "auto" and not daemon.settings.wake.words:
            controller.policy = replace(controller.policy, voice_trigger=True)
        by_voice = ": speak to begin" if controller.policy.voice_trigger else ""
        log.warning("going on without the button%s (%s)", by_voice, error)
        return
    if button is not None:
        stack.callback(button.close)


def _first_cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The exception that matters of those that ended the tasks; our own end matters least."""
    causes = [
        _first_cause(error) if isinstance(error, BaseExceptionGroup) else error for error in group.exceptions
    ]
    return next((cause for cause in causes if not isinstance(cause, _Ended)), causes[0])
