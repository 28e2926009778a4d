"""Which sound devices there are, asked of PortAudio within a bounded time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hw.base import DeviceError
from hw.sound.cards import CAPTURE, PLAYBACK, DeviceInfo
from hw.sound.library import LIBRARY
from hw.sound.negotiate import MIC_OPTIONS, SPEAKER_OPTIONS, StreamOptions
from hw.sound.worker import Stalled, Worker

Found = TypeVar("Found")

TIMEOUT_S = 5.0
"""Listing takes half a second on a small board; with a sound server that hangs it takes for ever."""

HANGS = (
    f"do not answer for {TIMEOUT_S:.0f} s: a sound server hangs, or what leads to it is broken; restart it "
    "(`systemctl --user restart pipewire-pulse` or `pulseaudio --kill`), and look for a broken link in "
    "~/.config/pulse"
)
"""libpulse looks for its folder for ever where the link MACHINE-runtime in ~/.config/pulse leads nowhere."""


def list_devices() -> list[DeviceInfo]:
    """Every capture and playback device that can be named in the configuration. Raises DeviceError."""
    return _within_bounds(LIBRARY.list_devices)


def survey_devices(
    mic: StreamOptions = MIC_OPTIONS, speaker: StreamOptions = SPEAKER_OPTIONS
) -> list[tuple[DeviceInfo, str]]:
    """The same devices, each with the form in which it would be opened, in words. Raises DeviceError."""
    return _within_bounds(lambda: [*LIBRARY.survey(CAPTURE, mic), *LIBRARY.survey(PLAYBACK, speaker)])


def _within_bounds(ask: Callable[[], Found]) -> Found:
    """What `ask` returns. Raises DeviceError, also where PortAudio never answers: its thread is given up."""
    worker = Worker("portaudio list")
    try:
        return worker.call(ask, TIMEOUT_S)
    except Stalled:
        raise DeviceError("the sound devices", HANGS) from None
    finally:
        worker.finish(lambda: None, TIMEOUT_S)
