"""The ways to run: as a service, with a live view on a terminal, or one rehearsal. Signals and logging."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from functools import partial
from pathlib import Path

from daemon import app, board_choice, config, logs
from daemon.app_options import RunOptions
from daemon.control_client import control_path
from daemon.events import TalkPressed, Trigger
from daemon.secret import Secret
from daemon.settings import Settings
from hw.base import Stage

log = logging.getLogger(__name__)

REHEARSAL_WAV = Path("conure-reply.wav")
"""Where `--once` keeps the reply, unless told otherwise."""


def run(settings: Settings, api_key: Secret | None, options: RunOptions) -> int:
    """Run until told to end; returns the exit status. Raises ConureError and DeviceError."""
    # A rehearsal prints its own timeline.
    logs.configure("warning" if options.once else settings.log.level)
    if options.demo:
        settings, api_key = _simulate_what_is_missing(settings, api_key)
    return asyncio.run(_run(settings, None if options.standin else api_key, options))


def _simulate_what_is_missing(settings: Settings, api_key: Secret | None) -> tuple[Settings, Secret | None]:
    """For the first minute with Conure: something always happens, and it is said what is simulated."""
    if api_key is None:
        print(
            "conure: no API key (GEMINI_API_KEY): using the stand-in, which says back what it hears",
            file=sys.stderr,
        )
    simulated = board_choice.simulate_if_bare(settings)
    if simulated is not settings:
        print("conure: no sound card: using the simulated board", file=sys.stderr)
    return simulated, api_key


async def _run(settings: Settings, api_key: Secret | None, options: RunOptions) -> int:
    base_url = config.effective_base_url(settings, os.environ)
    board = board_choice.choose_board(settings, record_wav=None if options.once else options.wav_out)
    async with app.service(settings, api_key, base_url) as dial:
        daemon = app.build(settings, board, stand_in=api_key is None)
        async with _until_told() as told, app.running(daemon, dial, control=control_path(os.environ)):
            if options.once:
                return await _until_first(told, _rehearse(daemon, options))
            if options.interactive:
                return await _until_first(told, _show(daemon))
            log.info("ready: board %s, model %s", board.name, settings.live.model)
            await told.wait()
            return 0


@contextlib.asynccontextmanager
async def _until_told() -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set; a second signal of the kind ends the process at once."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell(number: signal.Signals) -> None:
        told.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, tell, number)
    try:
        yield told
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _until_first(told: asyncio.Event, job: Coroutine[None, None, int]) -> int:
    """The job's exit status, or 0 when somebody told the daemon to end before it was done."""
    task = asyncio.create_task(job)
    waiting = asyncio.create_task(told.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        return await task if task.done() else 0
    finally:
        for each in (task, waiting):
            each.cancel()
        await asyncio.gather(task, waiting, return_exceptions=True)


async def _show(daemon: app.Daemon) -> int:
    from daemon.terminal import show

    stage = daemon.board.stage
    await show(
        daemon.commands,
        daemon.parts.feed,
        daemon.reporter.snapshot,
        lambda: daemon.parts.lamp.pixels,
        partial(_tap, daemon),
        (lambda: _speak(stage)) if stage else None,
        terminal=sys.stdout,
        keys_fd=sys.stdin.fileno(),
    )
    return 0


def _speak(stage: Stage) -> None:
    stage.speak()


def _tap(daemon: app.Daemon) -> None:
    """One tap: on the simulated button where there is one, else as a command."""
    if daemon.board.stage is not None:
        daemon.board.stage.tap()
    else:
        daemon.parts.mailbox.post(TalkPressed(Trigger.COMMAND))


async def _rehearse(daemon: app.Daemon, options: RunOptions) -> int:
    from daemon.rehearsal import Rehearsal
    from hw.wav import write_wav

    rehearsal = Rehearsal(daemon, partial(_tap, daemon), sys.stdout)
    heard = await rehearsal.run()
    wav = options.wav_out or REHEARSAL_WAV
    write_wav(wav, rehearsal.reply())
    print(f"The reply is in {wav}.")
    return 0 if heard else 1


__all__ = ["run"]
