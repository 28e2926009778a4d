"""What a demonstration simulates: each of microphone and speaker that is not there. It says so."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.config.board import AUTO, wanted_device
from daemon.config.settings import BoardSettings, Settings
from hw.base import DeviceError
from hw.sound.cards import CAPTURE, PLAYBACK, DeviceInfo, choose

NAMES = {CAPTURE: "microphone", PLAYBACK: "speaker"}

INSTEAD = {
    CAPTURE: "a simulated one says a sentence whenever you press the space bar",
    PLAYBACK: "a simulated one takes what would be played, and nothing is heard",
}


def missing_devices(settings: Settings, *, detected: bool) -> tuple[frozenset[str], list[str]]:
    """Which of CAPTURE and PLAYBACK to simulate, and the lines that tell it.

    None where somebody named the board (`detected`: nobody did): whoever names it wants it, not another.
    Takes up to three seconds where a sound server hangs.
    """
    if not (detected or settings.board.name == AUTO):
        return frozenset(), []
    from hw.sound.library import list_devices

    try:
        missing, lines = lacking(settings.board, list_devices()), []
    except DeviceError as error:
        missing, lines = frozenset(NAMES), [str(error)]
    return missing, [*lines, *(_line(kind, settings.board) for kind in NAMES if kind in missing)]


def lacking(board: BoardSettings, devices: Iterable[DeviceInfo]) -> frozenset[str]:
    """The kinds of which none of the devices is the one that the settings mean. Pure.

    What is listed can be opened: a card whose microphone is in use, or that has none, is not listed as one.
    """
    listed = dict(enumerate(devices))
    return frozenset(kind for kind in NAMES if choose(listed, _wanted(board, kind), kind) is None)


def _line(kind: str, board: BoardSettings) -> str:
    wanted = _wanted(board, kind)
    which = "" if wanted == "default" else f" {wanted}"
    return f"no {NAMES[kind]}{which} can be opened: {INSTEAD[kind]}"


def _wanted(board: BoardSettings, kind: str) -> str:
    return wanted_device(board.mic if kind == CAPTURE else board.speaker)
