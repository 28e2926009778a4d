"""docs/inside/extending.md keeps its word: its examples run, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from places import ROOT

from daemon.config.schema import KEYS
from daemon.speaking.earcons import MELODIES, melody_pcm
from hw.base import Colour, LedError
from hw.boards.board_files import find_board
from hw.build import BoardSpec, RealBoard
from hw.lights.kinds import KINDS, Lights

PAGE = (ROOT / "docs/inside/extending.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
BOARD, CHIP, KEY = (text for _, text in BLOCKS)


def test_the_board_s_file_is_taken_as_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "desk.toml"
    file.write_text(BOARD)
    board = find_board(str(file))
    assert board.lights is not None and board.lights.leds == ("ACT",)
    assert board.sound.echo_cancelling


def test_the_new_lights_are_dimmed_and_start_and_end_dark(tmp_path: Path) -> None:
    bus = tmp_path / "spidev0.0"
    bus.touch()
    module: dict[str, Any] = {"__name__": "hw.lights.ws2801"}
    exec(CHIP, module)  # noqa: S102 - the page's own example
    leds = module["Ws2801Leds"](str(bus), 2, 0.5, lambda *_: None)
    leds.show([Colour(255, 0, 1), Colour(blue=100)])
    leds.close()
    assert bus.read_bytes() == bytes(6) + bytes([128, 0, 1, 0, 0, 50]) + bytes(6)


def test_the_notes_of_the_new_tone_can_be_played() -> None:
    from daemon.speaking import earcons

    (notes,) = re.findall(r"`(\(Note\(.*?)`", PAGE)
    melody = eval(notes, dict(vars(earcons)))  # noqa: S307 - the same
    assert melody not in MELODIES.values()
    assert melody_pcm(melody, -15.0)


def test_the_new_key_is_declared_as_every_other() -> None:
    from daemon.config.key import key

    made: dict[str, Any] = {"key": key}
    exec(KEY, made)  # noqa: S102 - the same
    assert made["__annotations__"] == {"hiss_db": "float"}  # as text: this module's __future__ holds in exec
    assert made["hiss_db"].metadata.keys() == {"doc", "low", "high", "choices", "path", "split", "web"}
    assert "hiss_db" not in {key.name for key in KEYS}, "the example is there by now: choose another"


def test_every_name_in_capitals_is_in_the_program() -> None:
    files = [file for folder in ("daemon", "hw", "tests") for file in (ROOT / folder).rglob("*.py")]
    sources = "".join(file.read_text("utf-8") for file in files if file != Path(__file__))
    names = set(re.findall(r"`([A-Z_]{4,}|[A-Z][a-z]+[A-Z]?\w+)`", PAGE))
    assert {"KINDS", "ONLY_FROM", "MELODIES", "Earcon"} <= names
    assert [name for name in names if not re.search(rf"\b{name}\b", sources)] == []


@pytest.mark.parametrize("kind", sorted(name for name, kind in KINDS.items() if not kind.pins))
def test_each_kind_without_pins_is_opened_by_a_driver(kind: str, tmp_path: Path) -> None:
    nowhere = Lights(kind=kind, spi=str(tmp_path / "spidev"), leds=("no-such-led",))
    with pytest.raises(LedError, match="is not there"):
        RealBoard("generic", BoardSpec(lights=nowhere)).open_leds()
