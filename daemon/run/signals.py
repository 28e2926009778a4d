"""What signals ask of the daemon: to end, or to take a new configuration."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any

from daemon.config import load
from daemon.config.board import choose_board
from daemon.errors import ConfigError
from daemon.hearing.extras import check_extras
from daemon.run.options import RunOptions
from daemon.runtime.supervision import notify, reloading, under_service_manager

log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def until_told(options: RunOptions) -> AsyncIterator[asyncio.Future[signal.Signals]]:
    """The first SIGTERM, SIGINT or SIGHUP that comes; a second one of the kind ends the process at once.

    Under a service manager SIGHUP counts if the configuration is now one that can be taken; elsewhere it
    means that the terminal is gone, unless whoever started us ignores that (nohup(1)).
    """
    loop = asyncio.get_running_loop()
    told: asyncio.Future[signal.Signals] = loop.create_future()
    handled = [signal.SIGTERM, signal.SIGINT]

    def tell(number: signal.Signals) -> None:
        if not told.done():
            told.set_result(number)
        loop.remove_signal_handler(number)

    def reload() -> None:
        looking = loop.run_in_executor(None, may_begin_again, options, options.environment(os.environ))
        looking.add_done_callback(decide)

    def decide(looked: asyncio.Future[bool]) -> None:
        if looked.result() and not told.done():
            told.set_result(signal.SIGHUP)

    for number in handled:
        loop.add_signal_handler(number, tell, number)
    if under_service_manager(os.environ):
        handled.append(signal.SIGHUP)
        loop.add_signal_handler(signal.SIGHUP, reload)
    elif signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        handled.append(signal.SIGHUP)
        loop.add_signal_handler(signal.SIGHUP, tell, signal.SIGHUP)
    try:
        yield told
    finally:
        for number in handled:
            loop.remove_signal_handler(number)


async def until_first(told: asyncio.Future[signal.Signals], job: Coroutine[None, None, int]) -> int | None:
    """The job's exit status, or None when somebody told the daemon to end before it was done."""
    task = asyncio.create_task(job)
    either: set[asyncio.Future[Any]] = {task, told}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return await task if task.done() else None
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def may_begin_again(options: RunOptions, env: Mapping[str, str]) -> bool:
    """Whether the configuration and the key, as they are now, can be taken; if not, that is told.

    Reads files, so not for the event loop.
    """
    notify(reloading())
    try:
        settings = load.load(options.config, env, options.board).settings
        choose_board(settings)
        check_extras(settings)
        if not options.standin and load.load_api_key(settings, env) is None and not options.demo:
            raise load.missing_key()
    except ConfigError as error:
        log.error("the new configuration is refused, the old one stays in force: %s", error)  # noqa: TRY400 - it is told whole
        notify("READY=1")
        return False
    log.info("taking the new configuration: starting anew")
    return True
