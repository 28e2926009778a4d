"""The ways to run: as a service, with a live view on a terminal, or one rehearsal."""

from __future__ import annotations

import logging
import os
import signal
import sys
from functools import partial

from daemon.config import load
from daemon.config.board import choose_board, wanted_device
from daemon.config.schema import toml_value
from daemon.config.secret import Secret
from daemon.config.settings import BoardSettings, Settings
from daemon.control.client import control_path
from daemon.errors import UsageError
from daemon.run import lifecycle
from daemon.run.assembly import Conure, build
from daemon.run.demo import show_live, simulating_what_is_missing, tap
from daemon.run.dial import reach_service
from daemon.run.kept_files import folder_in_use, sole_use
from daemon.run.options import RunOptions
from daemon.run.signals import until_first, until_told
from daemon.run.wav import keep_reply, with_wav_checked
from daemon.runtime import ending, logs, loop
from daemon.runtime.supervision import notify, under_service_manager
from hw.base import Board, MicError, SpeakerError
from hw.sound.cards import PLAYBACK

log = logging.getLogger(__name__)

BEGIN_AGAIN = -1
"""In the place of an exit status: a new configuration is to be taken."""


def run(settings: Settings, api_key: Secret | None, options: RunOptions) -> int:
    """Run until told to end; returns the exit status. Raises ConureError and DeviceError."""
    # A rehearsal prints its own timeline.
    logs.configure("warning" if options.once else settings.log.level)
    options = with_wav_checked(options, os.environ)
    if options.demo:
        options = simulating_what_is_missing(settings, api_key, options)
    # What a rehearsal and the live view print is for the terminal.
    on_terminal = options.once or options.interactive
    try:
        with logs.taking_prints(standard_output=not on_terminal):
            return loop.run(_run_and_leave(settings, None if options.standin else api_key, options))
    except (MicError, SpeakerError) as error:
        raise named_by_key(error, settings.board) from error
    finally:
        logs.flush()  # before what is told on standard error


async def _run_and_leave(settings: Settings, api_key: Secret | None, options: RunOptions) -> int:
    executor = ending.use_own_executor()
    with sole_use(folder_in_use(os.environ, stand_in=api_key is None)):
        status = await _run(settings, api_key, options)
    if status == BEGIN_AGAIN:
        ending.begin_again(options.environment(os.environ))
    ending.leave(executor, status)
    return status


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


async def _run(settings: Settings, api_key: Secret | None, options: RunOptions) -> int:
    base_url = load.effective_base_url(settings, os.environ)
    board = choose_board(
        settings, record_wav=None if options.once else options.wav_out, missing=options.missing
    )
    if options.wav_out is not None and not options.once and not _simulates_speaker(board, options.missing):
        raise UsageError("--wav-out without --once records a simulated speaker only (--board simulated)")
    async with reach_service(settings, api_key, base_url) as dial:
        conure = build(settings, board, stand_in=api_key is None)
        logs.add_fields(partial(_journal_fields, conure))
        async with (
            until_told(options) as told,
            lifecycle.running(conure, dial, control=control_path(os.environ)),
        ):
            if options.once:
                status = await until_first(told, _rehearse(conure, options))
                return _interrupted(told.result()) if status is None else status
            if options.interactive:
                return await until_first(told, show_live(conure)) or 0
            log.info("ready: board %s, model %s", board.name, settings.live.model)
            if await told is signal.SIGHUP and under_service_manager(os.environ):
                return BEGIN_AGAIN
            notify("STOPPING=1")
            return 0


def _simulates_speaker(board: Board, missing: frozenset[str]) -> bool:
    return PLAYBACK in missing or (board.stage is not None and not missing)


def _journal_fields(conure: Conure) -> dict[str, object]:
    state = conure.controller.state
    return {
        "CONURE_BOARD": conure.board.name,
        "CONURE_STATE": state.phase.value,
        "CONURE_TURN": state.turn.number,
    }


async def _rehearse(conure: Conure, options: RunOptions) -> int:
    from daemon.run.rehearsal import Rehearsal

    rehearsal = Rehearsal(conure, partial(tap, conure), sys.stdout)
    heard = await rehearsal.run()
    if options.wav_out is not None:
        keep_reply(options.wav_out, rehearsal.reply())
    return 0 if heard else 1


def _interrupted(number: signal.Signals) -> int:
    """What a shell makes of a program that a signal ended: nobody may take it for a success."""
    print("conure: interrupted before the turn was over", file=sys.stderr)
    return 128 + number
