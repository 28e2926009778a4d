"""`conure web`: loads the settings, opens the listeners, serves until told to end."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.config import load
from daemon.config.settings import Settings
from daemon.errors import ConfigError
from daemon.runtime import logs
from daemon.runtime.heap import give_back_free_memory, keep_heap_small
from daemon.runtime.supervision import Supervisor, notify
from daemon.runtime.told import until_told
from daemon.web.door.sockets import handed_over
from daemon.web.entry import Listener
from daemon.web.gate.places import Whereabouts, web_folder, write_whereabouts
from daemon.web.house import home_of
from daemon.web.listeners import Moments, OpenListener, door_counters, opened, serve_all
from daemon.web.options import WebOptions
from daemon.web.parts import GatewayParts, build_parts, entries_of
from daemon.web.rest import Bustle, rest_when_quiet
from daemon.web.talk.beside_speaker import BesideSpeaker
from daemon.web.tls import Tls

if TYPE_CHECKING:
    from daemon.home.parts import HomeParts

log = logging.getLogger(__name__)


def run(options: WebOptions) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status. Raises ConureError."""
    handed = handed_over(os.environ)
    loaded = load.load(options.config, os.environ, look_at_files=False)
    settings = with_options(loaded.settings, options)
    logs.configure(settings.log.level)
    keep_heap_small()
    folder = web_folder(os.environ)
    try:
        with opened(settings.web, handed) as found:
            parts = partial(build_parts, settings, folder, config=loaded.path, no_speaker=options.no_speaker)
            asyncio.run(_serve(parts, folder, found))
    finally:
        logs.flush()
    return 0


def with_options(settings: Settings, options: WebOptions) -> Settings:
    """The settings, with what the command line says in their place. Raises ConfigError."""
    if not options.listen:
        return settings
    checked = load.validate({"web": {"listen": list(options.listen)}}, base=settings)
    if checked.problems:
        raise ConfigError([f"--listen: {problem.text}" for problem in checked.problems])
    return replace(settings, web=checked.settings.web)


HTTPS_PORT = 443


class _EndOfServing(Exception):
    """The listeners are done: ends the task group."""


async def _serve(build: Callable[[], GatewayParts], folder: Path, found: list[OpenListener]) -> None:
    parts = build()
    web = parts.settings.web
    tls = None if web.behind_proxy else await asyncio.to_thread(Tls, web, folder, parts.name)
    port = next(one.port for one in found if one.kind is Listener.HTTPS)
    home = None if parts.remote is None else home_of(parts.settings, parts.remote, _page(parts, port))
    entries = entries_of(parts, port, tls.authority if tls else None, partial(_counters, found, home))
    whereabouts = Whereabouts(port=port, fingerprint=tls.fingerprint if tls else "")
    await asyncio.to_thread(write_whereabouts, folder, whereabouts)
    try:
        with until_told() as end:
            moments = Moments(end=end)
            async with asyncio.TaskGroup() as tasks:
                _start(parts, tls, tasks, moments)
                if home is not None:
                    tasks.create_task(home.bridge.run(), name="home")
                elif all(one.handed_over for one in found):
                    tasks.create_task(rest_when_quiet(partial(_bustle, parts), end), name="rest")
                await serve_all(found, entries, parts.gate, tls.context if tls else None, moments)
                raise _EndOfServing
    except* _EndOfServing:
        log.info("the gateway has ended")


def _page(parts: GatewayParts, port: int) -> str:
    """Where a browser in the house finds the page; a proxy's address is not known."""
    if parts.settings.web.behind_proxy:
        return ""
    return f"https://{parts.name}.local" + ("" if port == HTTPS_PORT else f":{port}")


def _counters(found: list[OpenListener], home: HomeParts | None) -> dict[str, int]:
    return door_counters(found) | (home.counters() if home else {})


def _start(parts: GatewayParts, tls: Tls | None, tasks: asyncio.TaskGroup, moments: Moments) -> None:
    """What runs beside the listeners, until they are done."""
    tasks.create_task(parts.gate.run(), name="gate")
    tasks.create_task(_supervised(parts, moments), name="supervisor")
    if parts.remote is not None:
        tasks.create_task(parts.remote.run(), name="speaker")
        beside = BesideSpeaker(parts.service.talks, parts.remote)
        tasks.create_task(beside.run(), name="talks beside the speaker")
    if tls is not None:
        tasks.create_task(tls.keep_good(), name="certificates")


async def _supervised(parts: GatewayParts, moments: Moments) -> None:
    """Tell the service manager; the watchdog is fed for as long as the loop turns."""
    await moments.ready.wait()
    supervisor = Supervisor({}, partial(_status, parts), os.environ)
    give_back_free_memory()  # starting has left holes
    await supervisor.ready()
    telling = asyncio.ensure_future(supervisor.run())
    try:
        await moments.end.wait()
        notify("STOPPING=1")
        await telling
    finally:
        telling.cancel()


def _bustle(parts: GatewayParts) -> Bustle:
    talks = parts.service.talks
    return Bustle(
        talks_begun=talks.begun.total(),
        talks_open=len(talks.report()["open"]),
        pages_open=parts.pages.open,
    )


def _status(parts: GatewayParts) -> str:
    pages = parts.pages.open
    speaker = "alone" if parts.remote is None else "speaker here" if parts.remote.present else "speaker away"
    return f"{speaker}, {pages} {'page' if pages == 1 else 'pages'} open"
