"""From the configuration to a board: named, detected, from a file, simulated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from daemon.config import board
from daemon.config.board import AUTO, Choice, board_settings, choose, choose_board
from daemon.config.settings import LightSettings, Settings
from hw.boards.board_files import BoardFile, find_board, load_all


def chosen(data: dict[str, Any], root: Path, name: str | None = None) -> Choice:
    return choose(data, "/home/pia", name, root)


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, "utf-8")


@pytest.mark.parametrize("board", load_all(), ids=lambda board: board.name)
def test_every_shipped_board_can_be_built_from_its_values(board: BoardFile) -> None:
    built = choose_board(board_settings(board))
    assert built.name == board.name
    assert built.echo_free == board.sound.echo_cancelling
    assert built.has_button == (board.button is not None or board.name == "simulated")
    built.close()


def test_a_detected_board_gives_its_values(tmp_path: Path) -> None:
    put(tmp_path, "proc/device-tree/hat/product", "Pi-CodecZero\0")
    choice = chosen({}, tmp_path)
    assert (choice.name, choice.detected) == ("codec-zero", True)
    assert choice.base.button.pin == 27


@pytest.mark.parametrize("cards", ["", " 0 [seeed2micvoicec]: x - x\n", " 0 [Device         ]: x - x\n"])
def test_no_board_or_several_leave_the_program_s_values(tmp_path: Path, cards: str) -> None:
    put(tmp_path, "proc/asound/cards", cards)
    assert chosen({}, tmp_path) == Choice(AUTO, Settings())


def test_a_board_that_is_named_is_not_looked_for(tmp_path: Path) -> None:
    put(tmp_path, "proc/device-tree/hat/product", "Pi-CodecZero\0")
    choice = chosen({"board": {"name": "whisplay"}}, tmp_path)
    assert (choice.name, choice.detected) == ("whisplay", False)
    assert chosen({"board": {"name": "whisplay"}}, tmp_path, "generic").name == "generic"


def test_other_lights_than_the_board_s_take_nothing_from_the_board(tmp_path: Path) -> None:
    data = {"board": {"name": "whisplay"}, "lights": {"kind": "apa102"}}
    assert chosen(data, tmp_path).base.lights == LightSettings()
    data["lights"] = {"kind": "rgb"}
    assert chosen(data, tmp_path).base.lights.active == "low"


def test_another_button_than_the_board_s_takes_nothing_from_the_board(tmp_path: Path) -> None:
    data: dict[str, Any] = {"board": {"name": "whisplay"}, "button": {"pin": 4}}
    assert chosen(data, tmp_path).base.button.active == "low"
    data["button"] = {"pin": 17}
    assert chosen(data, tmp_path).base.button.active == "high"


def test_a_board_s_file_is_named_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "kitchen.toml"
    path.write_text((Path(board.__file__).parents[2] / "hw/boards/whisplay.toml").read_text("utf-8"))
    choice = chosen({"board": {"name": str(path)}}, tmp_path)
    assert choice.name == str(path)
    assert choose_board(choice.named(choice.base)).name == "kitchen"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("pi", "board.name: there is no board 'pi'"),
        ("kitchen.toml", 'board.name: "kitchen.toml" must be a whole path, from / or ~/'),
        ("~/kitchen.toml", "board.name: /home/pia/kitchen.toml: cannot be read"),
    ],
)
def test_a_board_that_cannot_be_had_is_a_mistake(tmp_path: Path, name: str, told: str) -> None:
    (problem,) = chosen({"board": {"name": name}}, tmp_path).problems
    assert problem.startswith(told)


@pytest.mark.parametrize("board", [7, {"name": 7}])
def test_what_is_no_name_is_left_to_the_check_of_the_configuration(tmp_path: Path, board: object) -> None:
    assert chosen({"board": board}, tmp_path).problems == ()


def test_several_cards_are_written_so_that_the_first_that_is_there_is_taken() -> None:
    assert board_settings(find_board("whisplay")).board.mic == ("whisplaysound", "wm8960soundcard")


def test_the_bus_itself_is_asked_only_if_that_was_wanted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[list[int]] = []

    def probe(addresses: list[int]) -> list[int]:
        asked.append(addresses)
        return addresses[:1]

    monkeypatch.setattr("hw.boards.i2c_probe.probe", probe)
    assert board.look_around(tmp_path)[0].i2c == ()
    assert asked == []
    traces, _ = board.look_around(tmp_path, probe_bus=True)
    assert asked and traces.i2c == tuple(asked[0][:1])
