"""Boards as data: the shipped files, and what is told of a file that is wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from daemon.config.board import board_settings
from hw.boards.board_files import (
    FILE_LIMIT_BYTES,
    FOLDER,
    BoardFile,
    BoardFileError,
    find_board,
    load_all,
    parse,
    shipped_names,
)

WHOLE = """
what = "A board"
tried_by = []
quirks = ["It hums."]
[sound]
mic = ["Card"]
speaker = ["Card", "Other"]
mic_channels = 2
speaker_channels = 2
echo_cancelling = false
[setup]
config_txt = ["dtoverlay=card"]
mixer = [{ control = "Speaker", value = "80%" }]
[button]
pin = 17
pull = "up"
active = "low"
[lights]
kind = "dotstar"
pins = [5, 6]
count = 3
[camera]
device = "/dev/video0"
[detect]
usb = ["2886:0019"]
i2c = [0x1a]
[header]
17 = "button"
5 = "data"
6 = "clock"
[sources]
sound = "a page"
setup = "a page"
button = "a page"
lights = "unverified"
camera = "a page"
detect = "a page"
header = "a page"
"""


def board_from(text: str) -> BoardFile:
    return parse(tomllib.loads(text), "mine", "mine.toml")


def problems_of(text: str) -> list[str]:
    with pytest.raises(BoardFileError) as caught:
        board_from(text)
    return caught.value.problems


# --- the shipped files


def test_every_shipped_file_can_be_read() -> None:
    assert tuple(board.name for board in load_all()) == shipped_names()


def test_the_boards_that_are_promised_are_there() -> None:
    assert shipped_names() == (
        "adafruit-braincraft",
        "adafruit-voice-bonnet",
        "aiy-voice-bonnet",
        "aiy-voice-hat",
        "codec-zero",
        "generic",
        "pimoroni-dual-mic",
        "pimoroni-pirate-audio",
        "respeaker-2mic-v1",
        "respeaker-2mic-v2",
        "respeaker-4mic",
        "respeaker-lite",
        "respeaker-xvf3800",
        "satellite1",
        "simulated",
        "whisplay",
        "wired-rgb",
        "wm8960-hat",
    )


@pytest.mark.parametrize("board", load_all(), ids=lambda board: board.name)
def test_no_two_parts_of_a_board_share_a_line(board: BoardFile) -> None:
    button = [board.button.pin] if board.button else []
    lines = [*button, *(board.lights.pins if board.lights else ())]
    assert len(set(lines)) == len(lines)


@pytest.mark.parametrize("board", load_all(), ids=lambda board: board.name)
def test_nobody_is_said_to_have_tried_a_board_who_has_not(board: BoardFile) -> None:
    assert board.tried_by == (() if board.name != "simulated" else ("the project's tests",))


def test_lights_on_spi_come_with_the_line_that_switches_spi_on() -> None:
    for board in load_all():
        if board.lights and board.lights.kind in ("apa102", "neopixel"):
            assert "dtparam=spi=on" in board.setup.config_txt, board.name


def test_a_board_may_have_a_camera_which_stays_off_until_it_is_turned_on() -> None:
    settings = board_settings(board_from(WHOLE))
    assert (settings.camera.device, settings.camera.use) == ("/dev/video0", "off")


def test_levels_are_set_on_a_card_that_amixer_knows() -> None:
    """It takes a card's id, and none of the other ways to name a device."""
    for board in load_all():
        assert not board.setup.mixer or board.sound.speaker[0].isalnum(), board.name


# --- a file


def test_a_whole_file_gives_a_board() -> None:
    board = board_from(WHOLE)
    assert (board.name, board.what, board.quirks) == ("mine", "A board", ("It hums.",))
    assert board.sound.speaker == ("Card", "Other")
    assert board.setup.mixer[0].control == "Speaker"
    assert board.button is not None and board.button.pin == 17
    assert board.lights is not None and board.lights.pins == (5, 6)
    assert board.detect.i2c == (0x1A,)
    assert list(board.header) == [5, 6, 17]
    assert board.sources["lights"] == "unverified"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('what = "A board"', "", "mine.toml: what: is missing"),
        ('what = "A board"', 'what = ""', "mine.toml: what = '': must be text in quotes"),
        ("tried_by = []", "", "mine.toml: tried_by: is missing"),
        ("quirks =", "quirk =", "mine.toml: quirk: there is no such key; did you mean quirks?"),
        ("quirks =", "zzz =", "mine.toml: zzz: there is no such key; known are "),
        ('mic = ["Card"]', "mic = []", "sound.mic = []: must be a list of texts, at least 1"),
        (
            "mic_channels = 2",
            "mic_channels = 9",
            "sound.mic_channels = 9: must be a whole number from 1",
        ),
        ("mic_channels = 2", "mic_channels = true", "sound.mic_channels = True: must be a whole number"),
        (
            "echo_cancelling = false",
            'echo_cancelling = "no"',
            "sound.echo_cancelling = 'no': must be true",
        ),
        ("dtoverlay=card", "rm -rf /", "setup.config_txt: 'rm -rf /' is no line for config.txt"),
        ("dtoverlay=card", "dtoverlay=card\\nx", "is no line for config.txt"),
        ("control =", "contrl =", "setup.mixer.contrl: there is no such key; did you mean control?"),
        ("pin = 17", "pin = 28", "button.pin = 28: must be a whole number from 0 to 27"),
        ('pull = "up"', 'pull = "high"', "button.pull = 'high': must be one of up, down, none"),
        ('kind = "dotstar"', 'kind = "laser"', "lights.kind = 'laser': must be one of led, rgb"),
        (
            "pins = [5, 6]",
            "pins = [5]",
            "lights.pins: lights of the kind 'dotstar' have two pins: data, clock",
        ),
        ("pins = [5, 6]", "pins = [5, 5]", "lights.pins = [5, 5]: must be a list of different numbers"),
        (
            '"dotstar"\npins = [5, 6]',
            '"sysfs"',
            "lights.leds: lights of the kind 'sysfs' have one name, or three",
        ),
        ("2886:0019", "2886-0019", "detect.usb: '2886-0019' must be vendor:product"),
        ("[0x1a]", "[0x80]", "detect.i2c = [128]: must be a list of different numbers"),
        ('6 = "clock"', '28 = "clock"', "header.28: must be a BCM number from 0 to 27"),
        ('6 = "clock"', "6 = 6", "header.6 = 6: must say in a text what the line is for"),
        ('6 = "clock"', "", "mine.toml: header: leaves out line 6, which is used"),
        ('lights = "unverified"', "", "sources.lights: is missing"),
        ('lights = "unverified"', 'light = "x"', "sources.light: there is no such key; did you mean lights?"),
        ("[button]\npin", "[[button]]\npin", "must be a table: [button]"),
    ],
)
def test_a_mistake_is_told_with_its_place(old: str, new: str, told: str) -> None:
    assert old in WHOLE
    assert any(told in line for line in problems_of(WHOLE.replace(old, new))), problems_of(
        WHOLE.replace(old, new)
    )


def test_all_mistakes_of_a_file_are_told_at_once() -> None:
    text = WHOLE.replace("pin = 17", "pin = 99").replace("mic_channels = 2", "").replace('"dotstar"', '"x"')
    assert len([line for line in problems_of(text) if "is missing" in line or "must be" in line]) == 3


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text(WHOLE.replace("pin = 17", "pin = 99"), "utf-8")
    with pytest.raises(BoardFileError) as caught:
        load_all(tmp_path)
    assert {line.partition(": ")[0] for line in caught.value.problems} == {
        str(tmp_path / "one.toml"),
        str(tmp_path / "two.toml"),
    }


# --- finding


def test_a_name_that_is_none_is_told_with_those_that_are_and_the_nearest() -> None:
    with pytest.raises(BoardFileError, match=r"no board 'wisplay'; there are: .*; did you mean whisplay\?"):
        find_board("wisplay")


def test_a_path_finds_a_board_that_is_called_after_its_file(tmp_path: Path) -> None:
    path = tmp_path / "kitchen.toml"
    path.write_text(WHOLE, "utf-8")
    assert find_board(str(path)).name == "kitchen"


def test_a_file_may_not_take_a_name_with_another_meaning(tmp_path: Path) -> None:
    path = tmp_path / "simulated.toml"
    path.write_text(WHOLE, "utf-8")
    with pytest.raises(BoardFileError, match="are taken"):
        find_board(str(path))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file"),
        (b"\xff\xfe", "must be text in UTF-8"),
        (b"[sound", "is not valid TOML"),
        (b"#" * (FILE_LIMIT_BYTES + 1), "is larger than"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None, told: str) -> None:
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BoardFileError, match=told):
        find_board(str(path))


def test_the_files_lie_where_the_wheel_takes_them_from() -> None:
    pyproject = tomllib.loads((FOLDER.parents[1] / "pyproject.toml").read_text("utf-8"))
    assert "*.toml" in pyproject["tool"]["setuptools"]["package-data"]["hw.boards"]
