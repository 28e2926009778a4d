"""The first minute with Conure: simulates what is missing, and lets keys of a terminal be the button."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial

from daemon.config.secret import Secret
from daemon.config.settings import Settings
from daemon.events import TalkPressed, Trigger
from daemon.run.assembly import Conure
from daemon.run.missing import missing_devices
from daemon.run.options import RunOptions
from daemon.words import Phase
from hw.base import Stage

RESTING = (Phase.IDLE, Phase.FOLLOW_UP)
"""Where a tap begins a turn, and interrupts nothing."""


def simulating_what_is_missing(settings: Settings, api_key: Secret | None, options: RunOptions) -> RunOptions:
    """For the first minute with Conure: something always happens, and it is said what is simulated."""
    missing, lines = missing_devices(settings, detected=options.board_detected)
    if api_key is None:
        lines.insert(0, "no API key (GEMINI_API_KEY): using the stand-in, which says back what it hears")
    for line in lines:
        print(f"conure: {line}", file=sys.stderr)
    return replace(options, missing=missing)


async def show_live(conure: Conure) -> int:
    """The live view, until its user leaves it. Returns the exit status."""
    from daemon.console.terminal import show

    stage = conure.board.stage
    await show(
        conure.commands,
        conure.parts.feed,
        conure.reporter.snapshot,
        lambda: conure.parts.lamp.pixels,
        partial(press, conure),
        (lambda: _speak(stage)) if stage else None,
        terminal=sys.stdout,
        keys_fd=sys.stdin.fileno(),
    )
    return 0


def press(conure: Conure) -> None:
    """One tap; where it begins a turn on the simulated board, whoever taps speaks too."""
    stage, before = conure.board.stage, conure.controller.state
    tap(conure)
    if stage is not None and before.phase in RESTING and before.mic.can_hear:
        _speak(stage)


def tap(conure: Conure) -> None:
    """One tap: on the simulated button where there is one, else as a command."""
    if conure.board.stage is not None:
        conure.board.stage.tap()
    else:
        conure.parts.mailbox.post(TalkPressed(Trigger.COMMAND))


def _speak(stage: Stage) -> None:
    stage.speak()
