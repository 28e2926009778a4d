"""Runs what `daemon.assembly` has built, as one, and takes it down in order.

Order of the start: lights, microphone, speaker, READY; only then the service's library is imported (it takes
longer than all the rest) and the link comes up. Order of the end: the tasks, which close the link and stop
the threads; each thread closes its device; then lights and board.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from ssl import SSLContext

from daemon import routes
from daemon.assembly import Daemon
from daemon.connection import Dialler
from daemon.control import ControlServer
from daemon.errors import ConfigError
from daemon.events import ButtonEdge
from daemon.secret import Secret
from daemon.settings import Settings
from daemon.threads import DeviceThread
from daemon.tools.declared import Equipment
from hw.base import ButtonError

log = logging.getLogger(__name__)

STAND_IN_KEY = Secret("stand-in")
"""The stand-in takes any key."""

Dial = Callable[[Equipment], Awaitable[Dialler]]
"""Makes the client; called after READY, since it imports the service's library."""


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


async def _load_client(
    settings: Settings,
    api_key: Secret,
    base_url: str,
    trust: SSLContext | None,
    equipment: Equipment | None = None,
) -> Dialler:
    """Import the service's library aside, since that takes longer than the start may, and make a client."""

    def load() -> Dialler:
        live = importlib.import_module("daemon.live")
        client: Dialler = live.LiveClient(
            settings.live, api_key, base_url=base_url or None, trust=trust, equipment=equipment
        )
        return client

    try:
        return await asyncio.to_thread(load)
    except ImportError as error:
        # Without a module's name it is the HTTP library's own, whose text may hold the proxy's password.
        words = "a SOCKS proxy is set in the environment (ALL_PROXY), which cannot be used: unset it"
        if error.name:
            words = f"the service's library cannot be loaded (module {error.name}): install Conure again"
        raise ConfigError([words]) from error


@contextlib.asynccontextmanager
async def service(settings: Settings, api_key: Secret | None, base_url: str) -> AsyncIterator[Dial]:
    """How to reach the service: with a key Google's (or `base_url`), without one the stand-in, in here."""
    if api_key is not None:
        yield partial(_load_client, settings, api_key, base_url, None)
        return
    standin = await asyncio.to_thread(importlib.import_module, "daemon.standin")
    async with standin.StandIn() as server:
        yield partial(_load_client, settings, STAND_IN_KEY, server.base_url, server.client_ssl_context())
