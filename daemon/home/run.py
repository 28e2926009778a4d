"""`conure mqtt`: the bridge to the broker in a process of its own, for a speaker without the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from dataclasses import replace
from functools import partial

from daemon.config import load
from daemon.control.client import find_daemon
from daemon.control.remote.client import RemoteSpeaker
from daemon.home.broker import BrokerAddress, connected
from daemon.home.options import HomeOptions
from daemon.home.outbox import Outgoing
from daemon.home.parts import HomeParts, broker_address, build_home, topics_of
from daemon.home.topics import Topics
from daemon.runtime import logs
from daemon.runtime.heap import keep_heap_small
from daemon.runtime.supervision import Supervisor, notify
from daemon.runtime.told import until_told

log = logging.getLogger(__name__)


def run(options: HomeOptions) -> int:
    """Keep the speaker and the broker in touch until SIGTERM or SIGINT; returns the exit status.

    Raises ConfigError.
    """
    settings = load.load(options.config, os.environ, look_at_files=False).settings
    logs.configure(settings.log.level)
    keep_heap_small()
    remote = RemoteSpeaker(partial(find_daemon, os.environ))
    home = build_home(settings, remote, os.environ)
    try:
        asyncio.run(_serve(home, remote))
    finally:
        logs.flush()
    return 0


async def _serve(home: HomeParts, remote: RemoteSpeaker) -> None:
    supervisor = Supervisor({}, partial(_status, home, remote), os.environ)
    with until_told() as end:
        work = asyncio.ensure_future(_work(home, remote, supervisor))
        told = asyncio.ensure_future(end.wait())
        await asyncio.wait({work, told}, return_when=asyncio.FIRST_COMPLETED)
        notify("STOPPING=1")
        told.cancel()
        if not work.done():
            work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
    log.info("the bridge to the broker has ended; %s", _counted(home))


async def _work(home: HomeParts, remote: RemoteSpeaker, supervisor: Supervisor) -> None:
    """READY does not wait for a broker: it may be away for as long as it likes."""
    await supervisor.ready()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(supervisor.run(), name="supervisor")
        tasks.create_task(remote.run(), name="speaker")
        tasks.create_task(home.bridge.run(), name="home")


def _status(home: HomeParts, remote: RemoteSpeaker) -> str:
    bridge = home.bridge
    away = f" ({bridge.trouble})" if bridge.trouble else ""
    broker = "here" if bridge.connected else f"away{away}"
    return f"broker {broker}, speaker {'here' if remote.present else 'away'}; {_counted(home)}"


def _counted(home: HomeParts) -> str:
    """What is not nought."""
    counted = [f"{name.removeprefix('mqtt_')} {number}" for name, number in home.counters().items() if number]
    return ", ".join(counted) or "nothing counted"


def forget(options: HomeOptions) -> int:
    """Have the broker and Home Assistant forget the speaker; returns the exit status.

    Raises ConfigError, and BrokerLost where the broker cannot be had.
    """
    settings = load.load(options.config, os.environ, look_at_files=False).settings
    topics = topics_of(settings)
    # A client's id of its own: the one that runs would be pushed out, and describe itself again.
    address = replace(broker_address(settings, os.environ), client=f"{topics.node}_forget")
    asyncio.run(_forget(address, topics))
    return 0


async def _forget(address: BrokerAddress, topics: Topics) -> None:
    """An empty retained message removes what was retained (MQTT 5, section 3.3.1.3), the device first."""
    async with connected(address, None, ()) as broker:
        for topic in (topics.discovery, topics.availability, topics.state):
            await broker.publish(Outgoing(topic=topic, payload="", retain=True))
