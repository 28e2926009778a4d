"""From the configuration to a board: its file's values below the user's, and settings as plain parameters."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from daemon.config.settings import BoardSettings, ButtonSettings, CameraSettings, LightSettings, Settings
from daemon.errors import UsageError
from hw.base import Board, LedError, Leds
from hw.boards.board_files import BoardFile, BoardFileError, UnknownBoard, find_board, load_all
from hw.boards.detect import Detection, Traces, detect, read_traces
from hw.build import GENERIC, BoardSpec, NoLeds, build_board
from hw.gpio.gpio import ButtonSpec
from hw.sound.cards import ALTERNATIVE, cards_meant
from hw.sound.negotiate import StreamOptions

log = logging.getLogger(__name__)

AUTO = "auto"
"""The name that stands for the board that is detected."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The board that the configuration asks for."""

    name: str
    """Its name, or the path of its file; `auto` where none was detected."""
    base: Settings
    """The values that hold where the user sets none."""
    detected: bool = False
    problems: tuple[str, ...] = ()
    """Why the board that is named cannot be had."""

    def named(self, settings: Settings) -> Settings:
        """The settings with this board's name."""
        return replace(settings, board=replace(settings.board, name=self.name))


def choose(data: Mapping[str, Any], home: str, name: str | None, root: Path = Path("/")) -> Choice:
    """The board that the configuration's TOML data asks for, or that `name` does in its stead.

    Reads the board's file and, for `auto`, what the machine shows under `root`. What is no text is left to
    the check of the configuration. Raises UsageError where no board has the name that stands in.
    """
    board = data.get("board")
    wanted = name or (board.get("name") if isinstance(board, dict) else None)
    try:
        if not isinstance(wanted, str) or wanted == AUTO:
            found = look_around(root)[1].board
            return Choice(AUTO, Settings()) if found is None else _chosen(found, data, detected=True)
        return _chosen(_with_home(wanted, home), data, detected=False)
    except BoardFileError as error:
        if name and isinstance(error, UnknownBoard):
            raise UsageError(f"--board: {error}") from error
        place = "--board" if name else "board.name"
        return Choice(GENERIC, Settings(), problems=tuple(f"{place}: {line}" for line in error.problems))


def look_around(root: Path = Path("/"), *, probe_bus: bool = False) -> tuple[Traces, Detection]:
    """What the machine shows, and which board that means.

    `probe_bus` asks the I²C bus itself as well: for a board that is not set up yet, by who may open the bus.
    """
    boards = load_all()
    evidence = read_traces(root)
    if probe_bus:
        from hw.boards.i2c_probe import probe  # with ctypes, which the daemon need not carry

        known = {address for board in boards for address in board.detect.i2c}
        evidence = replace(evidence, i2c=tuple(sorted({*evidence.i2c, *probe(sorted(known))})))
    return evidence, detect(boards, evidence)


def _chosen(name: str, data: Mapping[str, Any], *, detected: bool) -> Choice:
    own = board_settings(find_board(name))
    return Choice(name, _without_what_is_replaced(own, data), detected)


def _with_home(wanted: str, home: str) -> str:
    """The name, or the path with the home directory in it. Raises BoardFileError for a relative path."""
    path = f"{home}/{wanted.removeprefix('~/')}" if home and wanted.startswith("~/") else wanted
    if path.endswith(".toml") and not path.startswith("/"):
        raise BoardFileError([f'"{wanted}" must be a whole path, from / or ~/'])
    return path


def board_settings(board: BoardFile) -> Settings:
    """The settings that a board's file gives; the program's defaults where it says nothing."""
    sound, lights, button = board.sound, board.lights, board.button
    return Settings(
        board=BoardSettings(
            name=board.name,
            mic=sound.mic,
            speaker=sound.speaker,
            echo_free=sound.echo_cancelling,
        ),
        button=ButtonSettings(pin=button.pin, pull=button.pull, active=button.active)
        if button
        else ButtonSettings(pin=-1),
        lights=LightSettings(**asdict(lights)) if lights else LightSettings(),
        camera=CameraSettings(device=board.camera) if board.camera else CameraSettings(),
    )


def _without_what_is_replaced(base: Settings, data: Mapping[str, Any]) -> Settings:
    """The board's values, but not those of a button or lights in whose place the user has others.

    A board's LED that lights at the low level says nothing about the LED that somebody wired to another line.
    """
    if _differs(data, "lights", "kind", base.lights.kind):
        base = replace(base, lights=LightSettings())
    if _differs(data, "button", "pin", base.button.pin):
        base = replace(base, button=ButtonSettings())
    return base


def _differs(data: Mapping[str, Any], table: str, key: str, own: object) -> bool:
    content = data.get(table)
    return isinstance(content, dict) and content.get(key, own) != own


def choose_board(
    settings: Settings, *, record_wav: Path | None = None, missing: frozenset[str] = frozenset()
) -> Board:
    """The board of these settings; its devices are opened later.

    `auto` is a real one: a service must not pretend. `missing` is for demonstrations (`daemon.run.missing`).
    """
    board = settings.board
    spec = BoardSpec(
        mic=wanted_device(board.mic),
        speaker=wanted_device(board.speaker),
        mic_options=StreamOptions(
            period_s=board.period_ms / 1000,
            depth_s=board.mic_buffer_ms / 1000,
            rate_hz=board.mic_rate_hz,
            channel=board.mic_channel,
        ),
        speaker_options=StreamOptions(
            period_s=board.period_ms / 1000,
            depth_s=board.speaker_buffer_ms / 1000,
            rate_hz=board.speaker_rate_hz,
        ),
        mixer=settings.sound.mixer,
        echo_free=board.echo_free,
        button=_button_spec(settings.button),
        lights=settings.lights.wired(),
        brightness=settings.lights.brightness,
        sentence_wav=Path(board.sample_wav) if board.sample_wav else None,
        record_wav=record_wav or (Path(board.record_wav) if board.record_wav else None),
        missing=missing,
    )
    name = GENERIC if board.name == AUTO else board.name.removesuffix(".toml").rpartition("/")[2]
    return build_board(name, spec)


def _button_spec(button: ButtonSettings) -> ButtonSpec | None:
    if button.pin < 0:
        return None
    return ButtonSpec(
        pin=button.pin,
        pull=button.pull,
        active=button.active,
        debounce_s=button.debounce_ms / 1000,
    )


def wanted_device(names: tuple[str, ...]) -> str:
    """The names of `board.mic` or `board.speaker` as the sound devices take them, and name themselves."""
    return ALTERNATIVE.join(names)


def sound_devices(settings: Settings, root: Path = Path("/")) -> dict[str, Any]:
    """Which sound devices are meant, so that others can be told from them.

    What the configuration names, and the ids, USB devices and ports of the cards that this may be. Reads the
    kernel's files under `root`.
    """
    mic, speaker = settings.board.mic, settings.board.speaker
    return {"mic": list(mic), "speaker": list(speaker), "cards": cards_meant([*mic, *speaker], root)}


def open_leds(board: Board) -> Leds:
    """The board's lights; where they cannot be had, the daemon goes on without."""
    try:
        return board.open_leds()
    except LedError as error:
        log.warning("going on without lights: %s", error)
        return NoLeds()
