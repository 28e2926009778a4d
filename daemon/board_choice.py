"""From the configuration to a board: the settings as plain parameters, and what `auto` means."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from daemon.errors import ConfigError
from daemon.settings import ButtonSettings, LightSettings, Settings
from hw.base import Board, LedError, Leds
from hw.boards import AUTO, GENERIC, SIMULATED, BoardSpec, LightsSpec, NoLeds, build_board, resolve_name
from hw.gpio import ButtonSpec

log = logging.getLogger(__name__)


def choose_board(settings: Settings, *, record_wav: Path | None = None) -> Board:
    """The configured board; its devices are opened later. Raises ConfigError for an unknown name.

    `auto` is a real one: a service must not pretend. `simulate_if_bare` is for demonstrations.
    """
    board = settings.board
    spec = BoardSpec(
        mic=board.mic,
        speaker=board.speaker,
        button=_button_spec(settings.button),
        lights=_lights_spec(settings.lights),
        sentence_wav=Path(board.sample_wav) if board.sample_wav else None,
        record_wav=record_wav or (Path(board.record_wav) if board.record_wav else None),
    )
    try:
        return build_board(GENERIC if board.name == AUTO else board.name, spec)
    except ValueError as error:
        raise ConfigError([f"board.name: {error}"]) from error


def simulate_if_bare(settings: Settings) -> Settings:
    """The same settings, with the simulated board if none is named and there is no sound card."""
    if settings.board.name != AUTO or resolve_name(AUTO) != SIMULATED:
        return settings
    return replace(settings, board=replace(settings.board, name=SIMULATED))


def _button_spec(button: ButtonSettings) -> ButtonSpec | None:
    if button.pin < 0:
        return None
    return ButtonSpec(
        pin=button.pin,
        pull=button.pull,
        active=button.active,
        debounce_s=button.debounce_ms / 1000,
    )


def _lights_spec(lights: LightSettings) -> LightsSpec | None:
    if lights.kind == "none":
        return None
    return LightsSpec(
        kind=lights.kind,
        pins=lights.pins,
        active_high=lights.active == "high",
        count=lights.count,
        spi=lights.spi,
        brightness=lights.brightness,
    )


def open_leds(board: Board) -> Leds:
    """The board's lights; where they cannot be had, the daemon goes on without."""
    try:
        return board.open_leds()
    except LedError as error:
        log.warning("going on without lights: %s", error)
        return NoLeds()
