"""Makes the camera's part, if the configuration has one. For the composition root."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from daemon.config.models import capabilities
from daemon.config.settings import Settings
from hw.base import Board

if TYPE_CHECKING:
    from daemon.seeing.eyes import Eyes
    from daemon.seeing.look import Show
    from hw.camera.base import Camera


def make_eyes(settings: Settings, board: Board, clock: Callable[[], float]) -> Eyes | None:
    """None where the camera is off, so that nothing of it is loaded, or the model takes no pictures."""
    if settings.camera.use == "off" or not capabilities(settings.live.model).video:
        return None
    from daemon.seeing.eyes import Eyes

    return Eyes(partial(_open, settings, board), interval_s=settings.camera.interval_s, clock=clock)


def looking(settings: Settings, eyes: Eyes | None, show: Show) -> list[Callable[..., Awaitable[str]]]:
    """The tool `look`, if the configuration has it, and the model takes a picture while a call is open."""
    may_send = capabilities(settings.live.model).audio_during_call
    if eyes is None or settings.camera.use != "tool" or not may_send:
        return []
    from daemon.seeing.look import Looking

    return [Looking(eyes, show).look]


def _open(settings: Settings, board: Board) -> Camera:
    """On a thread. Raises CameraError."""
    if board.stage is not None and not settings.camera.command:
        from hw.camera.simulated import SimulatedCamera

        return SimulatedCamera()
    from daemon.tools.sources.programs import environment
    from hw.camera.program import ProgramCamera
    from hw.camera.programs import command_for

    return ProgramCamera(command_for(settings.camera.wanted()), environment(os.environ))
