"""The ways to run: as a service, with a live view on a terminal, or one rehearsal. Signals and logging."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from daemon.config import load
from daemon.config.board import choose_board, wanted_device
from daemon.config.schema import toml_value
from daemon.config.secret import Secret
from daemon.config.settings import BoardSettings, Settings
from daemon.control.client import control_path
from daemon.errors import ConfigError, ConureError
from daemon.events import TalkPressed, Trigger
from daemon.hearing.extras import check_extras
from daemon.run import lifecycle
from daemon.run.assembly import Daemon, build
from daemon.run.demo import missing_devices
from daemon.run.dial import reach_service
from daemon.run.options import RunOptions
from daemon.runtime import ending, logs
from daemon.runtime.store import state_folder
from daemon.runtime.supervision import notify, reloading, under_service_manager
from daemon.words import Phase
from hw.base import Board, MicError, SpeakerError, Stage
from hw.sound.cards import PLAYBACK

log = logging.getLogger(__name__)

REPLY_NAME = "reply.wav"
"""What `--once` keeps the reply as in the state folder, unless told otherwise."""

BEGIN_AGAIN = -1
"""In the place of an exit status: a new configuration is to be taken."""

RESTING = (Phase.IDLE, Phase.FOLLOW_UP)
"""Where a tap begins a turn, and interrupts nothing."""


def run(settings: Settings, api_key: Secret | None, options: RunOptions) -> int:
    """Run until told to end; returns the exit status. Raises ConureError and DeviceError."""
    # A rehearsal prints its own timeline.
    logs.configure("warning" if options.once else settings.log.level)
    options = with_wav_checked(options, os.environ)
    if options.demo:
        options = _simulating_what_is_missing(settings, api_key, options)
    try:
        return asyncio.run(_run_and_leave(settings, None if options.standin else api_key, options))
    except (MicError, SpeakerError) as error:
        raise named_by_key(error, settings.board) from error
    finally:
        logs.flush()  # before what is told on standard error


async def _run_and_leave(settings: Settings, api_key: Secret | None, options: RunOptions) -> int:
    executor = ending.use_own_executor()
    status = await _run(settings, api_key, options)
    if status == BEGIN_AGAIN:
        ending.begin_again()
    ending.leave(executor, status)
    return status


def with_wav_checked(options: RunOptions, env: Mapping[str, str]) -> RunOptions:
    """The options with a file for what `--once` hears: the one asked for, else a private one.

    Raises ConfigError if it cannot be written: better before a conversation than after it.
    """
    if options.once and options.wav_out is None:
        options = replace(options, wav_out=_private_folder(env) / REPLY_NAME)
    if options.wav_out is not None and (fault := load.target_fault(str(options.wav_out))):
        raise ConfigError([f"{options.wav_out}: {fault}; name another file with --wav-out"])
    return options


def _private_folder(env: Mapping[str, str]) -> Path:
    """The state folder, made if need be. Raises ConfigError."""
    folder = state_folder(env)
    if folder is None:
        raise ConfigError(["without a home directory the reply has no place; name a file with --wav-out"])
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            [f"{folder}: cannot be made: {error.strerror or error}; name a file with --wav-out"]
        ) from error
    return folder


def named_by_key(error: MicError | SpeakerError, board: BoardSettings) -> MicError | SpeakerError:
    """The same error, named by the key that names the device, so that one knows what to change."""
    key, names = ("mic", board.mic) if isinstance(error, MicError) else ("speaker", board.speaker)
    device = wanted_device(names)
    if error.device != device:
        return error
    words = str(error).removeprefix(f"{device}: ")
    if error.absent:
        words += "; `--board simulated` needs no sound device"
    name = f"board.{key} = {toml_value(names)}"
    return type(error)(name, words, permanent=error.permanent, absent=error.absent)


def _simulating_what_is_missing(
    settings: Settings, api_key: Secret | None, options: RunOptions
) -> RunOptions:
    """For the first minute with Conure: something always happens, and it is said what is simulated."""
    missing, lines = missing_devices(settings, detected=options.board_detected)
    if api_key is None:
        lines.insert(0, "no API key (GEMINI_API_KEY): using the stand-in, which says back what it hears")
    for line in lines:
        print(f"conure: {line}", file=sys.stderr)
    return replace(options, missing=missing)


async def _run(settings: Settings, api_key: Secret | None, options: RunOptions) -> int:
    base_url = load.effective_base_url(settings, os.environ)
    board = choose_board(
        settings, record_wav=None if options.once else options.wav_out, missing=options.missing
    )
    if options.wav_out is not None and not options.once and not _simulates_speaker(board, options.missing):
        raise ConfigError(["--wav-out without --once records a simulated speaker only (--board simulated)"])
    async with reach_service(settings, api_key, base_url) as dial:
        daemon = build(settings, board, stand_in=api_key is None)
        logs.add_fields(partial(_journal_fields, daemon))
        async with (
            _until_told(options) as told,
            lifecycle.running(daemon, dial, control=control_path(os.environ)),
        ):
            if options.once:
                status = await _until_first(told, _rehearse(daemon, options))
                return _interrupted(told.result()) if status is None else status
            if options.interactive:
                return await _until_first(told, _show(daemon)) or 0
            log.info("ready: board %s, model %s", board.name, settings.live.model)
            if await told is signal.SIGHUP and under_service_manager(os.environ):
                return BEGIN_AGAIN
            notify("STOPPING=1")
            return 0


def _simulates_speaker(board: Board, missing: frozenset[str]) -> bool:
    return PLAYBACK in missing or (board.stage is not None and not missing)


def _journal_fields(daemon: Daemon) -> dict[str, object]:
    state = daemon.controller.state
    return {
        "CONURE_BOARD": daemon.board.name,
        "CONURE_STATE": state.phase.value,
        "CONURE_TURN": state.turn,
    }


@contextlib.asynccontextmanager
async def _until_told(options: RunOptions) -> AsyncIterator[asyncio.Future[signal.Signals]]:
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
        looking = loop.run_in_executor(None, may_begin_again, options, os.environ)
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


async def _until_first(told: asyncio.Future[signal.Signals], job: Coroutine[None, None, int]) -> int | None:
    """The job's exit status, or None when somebody told the daemon to end before it was done."""
    task = asyncio.create_task(job)
    either: set[asyncio.Future[Any]] = {task, told}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return await task if task.done() else None
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _interrupted(number: signal.Signals) -> int:
    """What a shell makes of a program that a signal ended: nobody may take it for a success."""
    print("conure: interrupted before the turn was over", file=sys.stderr)
    return 128 + number


async def _show(daemon: Daemon) -> int:
    from daemon.console.terminal import show

    stage = daemon.board.stage
    await show(
        daemon.commands,
        daemon.parts.feed,
        daemon.reporter.snapshot,
        lambda: daemon.parts.lamp.pixels,
        partial(press, daemon),
        (lambda: _speak(stage)) if stage else None,
        terminal=sys.stdout,
        keys_fd=sys.stdin.fileno(),
    )
    return 0


def _speak(stage: Stage) -> None:
    stage.speak()


def press(daemon: Daemon) -> None:
    """One tap; where it begins a turn on the simulated board, whoever taps speaks too."""
    stage, before = daemon.board.stage, daemon.controller.state
    _tap(daemon)
    if stage is not None and before.phase in RESTING and before.can_hear:
        _speak(stage)


def _tap(daemon: Daemon) -> None:
    """One tap: on the simulated button where there is one, else as a command."""
    if daemon.board.stage is not None:
        daemon.board.stage.tap()
    else:
        daemon.parts.mailbox.post(TalkPressed(Trigger.COMMAND))


async def _rehearse(daemon: Daemon, options: RunOptions) -> int:
    from daemon.run.rehearsal import Rehearsal

    rehearsal = Rehearsal(daemon, partial(_tap, daemon), sys.stdout)
    heard = await rehearsal.run()
    if options.wav_out is not None:
        keep_reply(options.wav_out, rehearsal.reply())
    return 0 if heard else 1


def keep_reply(wav: Path, pcm: bytes) -> None:
    """Write the reply (24 kHz mono s16) and say where it is. Raises ConureError."""
    from hw.simulated.wav import write_wav

    try:
        write_wav(wav, pcm)
    except OSError as error:
        raise ConureError(f"{wav}: the reply cannot be written: {error.strerror or error}") from error
    print(f"The reply is in {wav}.")
