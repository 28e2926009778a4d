"""A healthy machine for the doctor's tests, made of files, programs and a room, in which faults are planted.

Nothing of it waits: the room has a time of its own, which goes on when its microphone is read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.doctor.case import Wishes
from daemon.doctor.examination import examine
from daemon.doctor.finding import Check, Finding, Verdict
from daemon.doctor.machine import Machine
from daemon.doctor.sound.check import ROOM_S
from daemon.doctor.trial import SETTLE_S
from daemon.errors import ControlError
from hw.base import (
    CHUNK_MS,
    MIC_FORMAT,
    SPEAKER_FORMAT,
    Button,
    Colour,
    DeviceError,
    EdgeCallback,
    LedError,
    Leds,
    Mic,
    Speaker,
)

Sound = NDArray[np.float64]

KEY = "AIzaSyMadeUpMadeUpMadeUp"
NOW_S = 1_790_000_000.0
"""In September 2026: a clock that is set."""

LONG_S = 10.0
"""More than any check listens."""

HELD_S = 0.2
"""What the speaker takes before it has played it."""

CARDS = " 0 [Device         ]: USB-Audio - USB PnP Sound Device\n                      at usb-1.2\n"
MEMINFO = "MemTotal:         440000 kB\nMemFree:           90000 kB\nMemAvailable:     220000 kB\n"
GROUPS = "root:x:0:\naudio:x:29:pi,conure\nspi:x:999:conure\ngpio:x:997:conure\n"
UNIT = {
    "LoadState": "loaded", "ActiveState": "inactive", "SubState": "dead", "Result": "success",
    "ExecMainStatus": "0", "NRestarts": "0", "StatusText": "", "User": "conure", "SupplementaryGroups": "",
    "UnitFileState": "enabled",
}  # fmt: skip


def noise(dbfs: float, seconds: float = LONG_S) -> Sound:
    """White noise at 16 kHz, 1.0 full scale."""
    count = MIC_FORMAT.frames(seconds)
    return np.asarray(np.random.default_rng(5).standard_normal(count) * 10 ** (dbfs / 20))


def sine(hz: float, dbfs: float, seconds: float = LONG_S) -> Sound:
    """A tone of this RMS level at 16 kHz."""
    time_s = np.arange(MIC_FORMAT.frames(seconds)) / MIC_FORMAT.rate_hz
    return np.asarray(np.sin(2 * np.pi * hz * time_s) * np.sqrt(2) * 10 ** (dbfs / 20))


def as_pcm(sound: Sound) -> bytes:
    """s16, clipped."""
    return bytes(np.clip(np.rint(sound * 32768), -32768, 32767).astype(np.int16).tobytes())


class Room:
    """A microphone and a speaker in a room. `ambient` is what there is to hear at 16 kHz."""

    def __init__(self) -> None:
        self.ambient = noise(-62.0)
        self.gain = 0.3
        """Of the way from the speaker to the microphone; 0: there is none."""
        self.delay_s = 0.12
        self.underruns = 0
        """Of its speaker."""
        self.drive = 0.0
        """Above 0 the speaker distorts."""
        self.chunk_s = CHUNK_MS / 1000
        """How long a chunk really takes: another value is a wrong clock."""
        self.now_s = 100.0
        self.turn = threading.Condition()
        """The microphone's and the speaker's thread wait for each other, so that time goes on for both."""
        self.playing: RoomSpeaker | None = None
        self.played_from_s = 0.0

    def clock(self) -> float:
        """The room's time."""
        return self.now_s

    def heard(self, start: int, start_s: float) -> Sound:
        """One chunk at the microphone: sample `start` of the ambient sound, at this time."""
        count = MIC_FORMAT.chunk_frames
        ambient = self.ambient[start : start + count]
        times_s = start_s + np.arange(count) / MIC_FORMAT.rate_hz - self.delay_s - self.played_from_s
        echo = self.playing.sounds_at(times_s) if self.playing else np.zeros(count)
        driven = np.tanh(echo * self.drive) / self.drive if self.drive else echo
        return np.asarray(ambient + self.gain * driven)


class RoomMic:
    """Delivers as fast as it is read, and lets the room's time go on."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._frames = 0
        self.overruns = 0
        self.about = "fake microphone"

    def read(self, *, patient: bool = False) -> bytes:
        room = self._room
        with room.turn:
            # The sound is asked for when the room has been heard: from there on it has its place in time.
            if room.playing and self._frames >= MIC_FORMAT.frames(SETTLE_S + ROOM_S):
                assert room.turn.wait_for(room.playing.is_ahead, 10.0), "the speaker never played"
            chunk = room.heard(self._frames, room.now_s)
            self._frames += MIC_FORMAT.chunk_frames
            room.now_s += room.chunk_s
            room.turn.notify_all()
        return as_pcm(chunk)

    def close(self) -> None:
        pass


class RoomSpeaker:
    """Takes a little ahead, and plays it at the room's pace."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._sound = np.zeros(0)
        self._asked = 0
        """How often it was asked what it holds since the last write."""
        self.underruns = room.underruns
        self.about = "fake speaker"
        room.playing = self

    def is_ahead(self) -> bool:
        """Whether enough is written for the next chunk, or nothing more comes."""
        return self._asked > 1 or self._held_s() > 0.1

    def sounds_at(self, times_s: Sound) -> Sound:
        """By the time from the first sample on."""
        if not len(self._sound):
            return np.zeros(len(times_s))
        places = times_s * SPEAKER_FORMAT.rate_hz
        return np.asarray(np.interp(places, np.arange(len(self._sound)), self._sound, 0.0, 0.0))

    def write(self, pcm: bytes) -> None:
        with self._room.turn:
            if not len(self._sound):
                self._room.played_from_s = self._room.now_s
            assert self._room.turn.wait_for(lambda: self._held_s() < HELD_S, 10.0), "nobody listens"
            self._sound = np.concatenate([self._sound, np.frombuffer(pcm, np.int16) / 32768.0])
            self._asked = 0
            self._room.turn.notify_all()

    def queued_s(self) -> float:
        with self._room.turn:
            self._asked += 1
            self._room.turn.notify_all()
            return max(0.0, self._held_s())

    def _held_s(self) -> float:
        return len(self._sound) / SPEAKER_FORMAT.rate_hz - (self._room.now_s - self._room.played_from_s)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        with self._room.turn:
            self._asked = 2
            self._room.turn.notify_all()


class QuietLeds:
    """Three lights."""

    count = 3

    def __init__(self) -> None:
        self.shown: list[Sequence[Colour]] = []

    def show(self, pixels: Sequence[Colour]) -> None:
        self.shown.append(pixels)

    def close(self) -> None:
        pass


class HandButton:
    """A button, pressed while it is opened as often as was planned."""

    def __init__(self, edges: Sequence[bool], on_edge: EdgeCallback) -> None:
        for pressed in edges:
            on_edge(pressed, 0.0)

    def close(self) -> None:
        pass


@dataclass
class RoomBoard:
    """A board as the generic one; what is in `broken` raises when it is opened."""

    room: Room = field(default_factory=Room)
    broken: dict[str, DeviceError] = field(default_factory=dict)
    open_other_leds: Callable[[], Leds] | None = None
    edges: tuple[bool, ...] = ()
    leds: QuietLeds = field(default_factory=QuietLeds)
    name: str = "generic"
    has_button: bool = True
    echo_free: bool = False
    stage: None = None
    hardware_volume: None = None

    def _check(self, device: str) -> None:
        if device in self.broken:
            raise self.broken[device]

    def open_mic(self) -> Mic:
        self._check("mic")
        return RoomMic(self.room)

    def open_speaker(self) -> Speaker:
        self._check("speaker")
        return RoomSpeaker(self.room)

    def open_button(self, on_edge: EdgeCallback) -> Button | None:
        self._check("button")
        return HandButton(self.edges, on_edge)

    def open_leds(self) -> Leds:
        self._check("leds")
        return self.open_other_leds() if self.open_other_leds else self.leds

    def close(self) -> None:
        pass


class Patient:
    """A Raspberry Pi on which everything is well."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.board = RoomBoard()
        self.config: dict[str, dict[str, Any]] = {"board": {"name": "generic"}}
        self.config_text: str | None = None
        self.env: dict[str, str] = {"HOME": str(root / "home")}
        self.unit = dict(UNIT)
        self.unit_text = "[Service]\nLoadCredential=gemini-api-key\n"
        self.journal: list[Mapping[str, str]] = []
        self.programs: dict[str, str | None] = {
            "timedatectl": "NTPSynchronized=yes\nNTP=yes\n",
            "vcgencmd": "throttled=0x0\n",
        }
        self.status: dict[str, Any] | None = None
        self.stuck = ""
        self.wall_clock_s = NOW_S
        self.free_bytes = 4 * 2**30
        self.versions: dict[str, str | None] = {}
        self.trust: SSLContext | None = None
        self.is_root = True
        self.offline = True
        self.sound = True
        (root / "run/systemd/system").mkdir(parents=True)
        self.write("proc/asound/cards", CARDS)
        self.write("proc/meminfo", MEMINFO)
        self.write("proc/device-tree/model", "Raspberry Pi Zero 2 W Rev 1.0\0")
        self.write("etc/group", GROUPS)
        for device in ("snd/pcmC0D0c", "gpiochip0", "spidev0.0"):
            self.write(f"dev/{device}", "")
        self.write("etc/os-release", 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n')
        self.key_file.parent.mkdir(parents=True)
        self.key_file.write_text(f"{KEY}\n")
        self.key_file.chmod(0o600)

    @property
    def key_file(self) -> Path:
        """Where the service's credential is kept."""
        return self.root / "etc/credstore/gemini-api-key"

    def write(self, path: str, text: str) -> None:
        """A file of the system."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def set(self, table: str, **keys: Any) -> None:
        """Keys of the configuration."""
        self.config.setdefault(table, {}).update(keys)

    def machine(self) -> Machine:
        """As the doctor sees it."""
        return Machine(
            root=self.root,
            env=self.env,
            run=self._run,
            ask_daemon=self._ask,
            open_board=lambda settings: self.board,
            clock=self.board.room.clock,
            wall_clock=lambda: self.wall_clock_s,
            free_bytes=lambda path: self.free_bytes,
            version_of=lambda name: self.versions.get(name, "9.9"),
            is_root=self.is_root,
            user="pi",
            groups=frozenset({"audio", "gpio", "spi"}),
            trust=self.trust,
        )

    def wishes(self) -> Wishes:
        """A configuration file, and what is asked for."""
        file = self.root / "config.toml"
        file.write_text(self.config_text if self.config_text is not None else to_toml(self.config))
        return Wishes(config=file, offline=self.offline, sound=self.sound)

    def examine(self) -> list[Finding]:
        """All findings."""
        return examine(self.machine(), self.wishes())[1]

    def _run(self, command: Sequence[str]) -> str | None:
        match command[0]:
            case "systemctl" if command[1] == "cat":
                return self.unit_text
            case "systemctl":
                return "".join(f"{name}={value}\n" for name, value in self.unit.items())
            case "journalctl":
                return "".join(f"{json_line(entry)}\n" for entry in self.journal)
        return self.programs.get(command[0])

    def _ask(self, _env: Mapping[str, str]) -> dict[str, Any] | None:
        if self.stuck:
            raise ControlError(self.stuck)
        return self.status


STATUS: dict[str, Any] = {
    "state": "idle",
    "link": {"state": "online", "problem": None, "remedy": None},
    "devices": {
        "mic": {"open": True, "problem": None, "level_dbfs": -51.2, "floor_dbfs": -58.0},
        "speaker": {"open": True, "problem": None},
        "lights": {"problem": None},
    },
}


def running(patient: Patient, **devices: Any) -> None:
    """Let the service run, with this of its devices; who opens one twice is told."""
    patient.unit["ActiveState"] = "active"
    patient.status = STATUS | {"devices": STATUS["devices"] | devices}
    for device in ("mic", "speaker", "button", "leds"):
        patient.board.broken[device] = LedError(device, "was opened twice")


def json_line(entry: Mapping[str, str]) -> str:
    """An entry of the journal."""
    import json

    return json.dumps(entry)


def to_toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Tables of plain values."""
    import json

    lines: list[str] = []
    for table, keys in tables.items():
        lines += [f"[{table}]", *(f"{name} = {json.dumps(value)}" for name, value in keys.items())]
    return "\n".join(lines) + "\n"


def wrong_of(findings: Sequence[Finding]) -> dict[Check, Finding]:
    """What is marked ✗, by check; the first of several."""
    return {finding.check: finding for finding in reversed(findings) if finding.mark is Verdict.WRONG}


def finding_of(findings: Sequence[Finding], check: Check) -> Finding:
    """The first finding of a check."""
    return next(finding for finding in findings if finding.check is check)
