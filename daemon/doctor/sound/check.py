"""The sound check: plays the test sound, measures this box, and keeps the outcome for the front end.

The outcome is kept beside the daemon's other state, with its date and its devices. It holds until a card or a
port is another one (`config.board.sound_devices`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from daemon.config.board import sound_devices
from daemon.config.settings import Settings
from daemon.doctor.case import Case
from daemon.doctor.finding import Check, Finding, fine, skipped, wrong
from daemon.doctor.machine import Machine
from daemon.doctor.sound import loopback, sweep
from daemon.doctor.sound.echo_path import Curves, EchoPath, analyse
from daemon.doctor.sound.picture import draw
from daemon.doctor.trial import SoundTrial, play_and_listen
from daemon.doctor.unit import Unit
from daemon.hearing.frontend.known_path import FILE, VERSION, KnownPath, start_content
from daemon.outside import number, one_line, whole_number
from daemon.runtime.store import Store, state_folder
from daemon.speaking.gain import gain_for
from hw.base import Board, DeviceError

ROOM_S = 1.0
"""What is heard of the room before the test sound."""

SERVICE_FOLDER = Path("/var/lib/conure")
"""The service's unit has StateDirectory=conure."""

NAME_CHARS = 120
"""Longest name of a device that is shown."""
MOST_VALUES = 400
"""Longest curve that is read; policy: the rest is left out."""

ANNOUNCED = (
    f"two rising tones of {sweep.SWEEP_S:.0f} s each, like a siren, at the configured volume; "
    "be quiet until they are over"
)
"""What will be heard, for the user to know before."""


def check_sound(case: Case, board: Board, settings: Settings) -> Finding:
    """Play, measure, keep, and tell."""
    check = Check.LOOPBACK
    volume = settings.sound.volume
    gain = gain_for(volume)
    if gain == 0:
        return skipped(check, "[sound] volume is 0: nothing would be heard")
    case.wishes.tell(f"you will hear {ANNOUNCED}")
    try:
        heard = play_and_listen(board, sweep.sound_pcm(gain), ROOM_S, sweep.LATEST_S, case.machine.clock)
    except DeviceError as error:
        return skipped(check, f"a device is missing for it ({error.device})")
    if heard.lost:
        remedy = "end what keeps the processor busy (`top`), and try again; see `power` below"
        return wrong(check, f"samples were lost {heard.lost} times, so nothing was measured", remedy)
    path = analyse(heard.pcm, heard.played_s, gain, heard.reference)
    kept = keep(case, content_of(case.machine, settings, heard, path))
    return judge(path, volume, kept)


def judge(path: EchoPath | None, volume_percent: int, kept: str = "") -> Finding:
    """What is to be said of what came back; `kept`: what became of it, in words."""
    words = [f"at volume {volume_percent}", "" if path is None else loopback.told(path), kept]
    found = "; ".join(part for part in words if part)
    for fault in loopback.faults(path, volume_percent):
        return wrong(Check.LOOPBACK, f"{fault.found} ({found})", fault.remedy)
    return fine(Check.LOOPBACK, found)


# --- what is kept ----------------------------------------------------------------------------------


def content_of(
    machine: Machine, settings: Settings, heard: SoundTrial, path: EchoPath | None
) -> dict[str, Any]:
    """The file's content."""
    return {
        "version": VERSION,
        "measured_on": time.strftime("%Y-%m-%d %H:%M", time.localtime(machine.wall_clock())),
        "volume": settings.sound.volume,
        "opened": {"mic": heard.mic, "speaker": heard.speaker},
        "devices": sound_devices(settings, machine.root),
        "start": start_content(_start(path)),
        "path": None if path is None else asdict(path),
    }


def _start(path: EchoPath | None) -> KnownPath:
    """What the front end may start from. Where samples were lost, no delay is known."""
    if path is None:
        return KnownPath(heard=False)
    steady = abs(path.drift_ppm) < loopback.LOST_PPM
    hidden_s = max(0.0, path.hidden_s or 0.0) if steady else 0.0
    return KnownPath(hidden_s=round(hidden_s, 4), distortion=round(path.known_distortion, 4))


def folder_of(machine: Machine, unit: Unit) -> Path | None:
    """Where the daemon will look: the service's state where it is installed and may be written, else the
    user's own. None without a home."""
    if unit.installed and machine.is_root:
        return machine.at(SERVICE_FOLDER)
    return state_folder(machine.env)


def keep(case: Case, content: Mapping[str, Any]) -> str:
    """Save it; returns what is to be said of that."""
    if case.simulated:
        return ""
    folder = folder_of(case.machine, case.unit)
    if folder is None or not Store(folder).keep(FILE, content):
        return "it could not be kept"
    if case.unit.installed and not case.machine.is_root:
        return "kept for this user alone: `sudo conure doctor --sound` keeps it for the service"
    return "kept for the next start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was kept by an earlier check."""

    measured_on: str
    volume: int
    mic: str
    speaker: str
    path: EchoPath | None
    """None where the speaker was not heard."""

    @property
    def title(self) -> str:
        """What it was measured with, in a line."""
        return f"Conure, {self.measured_on}, volume {self.volume}: {self.speaker} to {self.mic}"

    def told(self) -> str:
        """In words."""
        return "not heard" if self.path is None else loopback.told(self.path)

    def picture(self) -> str:
        """As SVG; empty where the speaker was not heard."""
        return "" if self.path is None else draw(self.path, self.title)


def load_kept(machine: Machine, unit: Unit) -> Kept | None:
    """The outcome of the last check; None if there was none, or it may not be read."""
    folder = folder_of(machine, unit)
    return None if folder is None else Store(folder).load(FILE, kept_from)


def kept_from(data: Any) -> Kept:
    """What `content_of` gave. Raises ValueError."""
    try:
        if data["version"] != VERSION:
            raise ValueError("another version")
        opened = data["opened"]
        return Kept(
            measured_on=one_line(str(data["measured_on"]), NAME_CHARS),
            volume=whole_number(data["volume"], 0, 100),
            mic=one_line(str(opened["mic"]), NAME_CHARS),
            speaker=one_line(str(opened["speaker"]), NAME_CHARS),
            path=None if data["path"] is None else _path_from(data["path"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"it holds no measurement: {type(error).__name__}") from error


def _path_from(table: dict[str, Any]) -> EchoPath:
    numbers = {
        name: None if value is None else number(value) for name, value in table.items() if name != "curves"
    }
    curves = {
        name: tuple(number(value) for value in values[:MOST_VALUES])
        for name, values in table["curves"].items()
    }
    return EchoPath(**numbers, curves=Curves(**curves))  # type: ignore[arg-type]  # None only where it may be
