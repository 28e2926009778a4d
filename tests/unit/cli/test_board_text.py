"""Boards as text: the header's drawing, everything about one, and the commands."""

from __future__ import annotations

import json

import pytest

from daemon.cli.main import main
from daemon.cli.text.boards import board_text, mixer_commands
from hw.boards.board_files import find_board, shipped_names
from hw.boards.header import LEFT, RIGHT, drawing

WIRED_RGB = """\
                       3V3   1 2   5V
                    GPIO 2   3 4   5V
                    GPIO 3   5 6   GND
                    GPIO 4   7 8   GPIO 14
                       GND   9 10  GPIO 15
button, to ground  GPIO 17 *11 12  GPIO 18
                   GPIO 27  13 14  GND
                   GPIO 22  15 16  GPIO 23
                       3V3  17 18  GPIO 24
                   GPIO 10  19 20  GND
                    GPIO 9  21 22  GPIO 25
                   GPIO 11  23 24  GPIO 8
                       GND  25 26  GPIO 7
                    GPIO 0  27 28  GPIO 1
                    GPIO 5  29 30  GND
                    GPIO 6  31 32  GPIO 12
                   GPIO 13  33 34  GND
                   GPIO 19  35 36* GPIO 16  red, through 330 ohms
                   GPIO 26  37 38* GPIO 20  green, through 330 ohms
                       GND  39 40* GPIO 21  blue, through 330 ohms"""


def test_the_drawing_shows_each_pin_in_its_place_and_what_it_is_for() -> None:
    lines = drawing(find_board("wired-rgb").header).splitlines()
    assert lines == WIRED_RGB.splitlines()


def test_the_header_has_each_line_once_and_its_power_pins() -> None:
    pins = [*LEFT, *RIGHT]
    assert sorted(pin for pin in pins if isinstance(pin, int)) == list(range(28))
    assert [pins.count(name) for name in ("5V", "3V3", "GND")] == [2, 2, 8]


@pytest.mark.parametrize("name", shipped_names())
def test_everything_about_a_board_is_shown(name: str) -> None:
    board = find_board(name)
    text = board_text(board)
    assert text.startswith(f"{name}: {board.what}\n")
    assert all(line in text for line in board.setup.config_txt)
    assert all(command in text for command in mixer_commands(board))
    assert text.count("\n  - ") == len(board.quirks) + len(board.sources)


def test_mixer_commands_can_be_pasted_into_a_shell() -> None:
    commands = mixer_commands(find_board("codec-zero"))
    assert "amixer -c Zero cset name='DAI Left Source MUX' 'ADC Left'" in commands


def test_boards_are_listed_with_who_tried_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["boards"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(shipped_names())
    assert sum("nobody yet" in line for line in lines) == len(shipped_names()) - 1


def test_programs_get_everything_about_a_board(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["boards", "whisplay", "--json"]) == 0
    board = json.loads(capsys.readouterr().out)
    assert board["setup"]["config_txt"][-1] == "dtoverlay=whisplay-soundcard"
    assert board["mixer_commands"][0] == "amixer -c whisplaysound cset name=speaker 80"
    assert board["button"] == {"pin": 17, "pull": "none", "active": "high"}
    assert board["header"]["17"] == "button"
    assert set(board) == {
        "name", "what", "tried_by", "sound", "setup", "button", "lights", "camera", "detect", "header",
        "quirks", "sources", "mixer_commands",
    }  # fmt: skip


def test_programs_get_what_was_detected(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["boards", "--detect", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"board", "candidates", "evidence"}
    assert set(answer["evidence"]) == {"hat", "cards", "usb", "i2c"}


def test_a_board_that_is_none_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["boards", "wisplay"])
    assert ended.value.code == 2
    assert "did you mean whisplay?" in capsys.readouterr().err
