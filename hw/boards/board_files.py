"""Boards as data: one TOML file for each, read strictly and turned into frozen records.

A file tells what the installer sets up (`setup`), what the daemon opens (`sound`, `button`, `lights`), how
the board is recognised (`detect`), which lines of the 40-pin header it uses (`header`), what one should
know (`quirks`), and where each of these facts is from (`sources`). The files beside this module are the
boards that Conure knows by name; any other file may be named by its path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hw.boards.toml_reader import TomlReader
from hw.files import OddFile, read_toml
from hw.lights.kinds import KINDS, ORDERS, Lights, lacks, strays

FOLDER = Path(__file__).parent
"""The shipped files; `NAME.toml` describes the board NAME."""

FILE_LIMIT_BYTES = 64 * 1024
"""The longest shipped file has 3 KiB; whoever names a wrong, large file learns so at once."""

HIGHEST_LINE = 27
"""The last BCM number on the 40-pin header (Raspberry Pi documentation, GPIO)."""

LEVELS = ("low", "high")
PULLS = ("up", "down", "none")

RESERVED = ("auto", "simulated")
"""Names that mean something besides a file."""

NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
USB_ID = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}")
CONFIG_LINE = re.compile(r"(?=.{1,98}\Z)(dtoverlay|dtparam|gpio)=[!-~]*")
"""What a board may put into config.txt: an overlay, a parameter, the level of a line. The firmware reads 98
characters of a line (Raspberry Pi documentation, config.txt, "File format")."""

PARTS = ("sound", "setup", "button", "lights", "camera", "detect", "header")
"""The tables whose facts need a source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """The sound devices. `mic` and `speaker` are ALSA card ids or parts of names, the first that is there."""

    mic: tuple[str, ...]
    speaker: tuple[str, ...]
    mic_channels: int
    """How many channels the device captures, 1 to 8; the daemon uses one."""
    speaker_channels: int
    echo_cancelling: bool
    """Whether the board removes its speaker's sound from its microphone's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MixerLevel:
    """One mixer control by its whole name, as in `amixer -c CARD controls`, and its value."""

    control: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSetup:
    """What makes the board work under Linux; the installer does it, when asked."""

    config_txt: tuple[str, ...] = ()
    """Lines for /boot/firmware/config.txt."""
    driver: str = ""
    """What must be installed besides, in words; empty: the kernel has all of it."""
    mixer: tuple[MixerLevel, ...] = ()
    """Initial levels, in the order in which to set them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonWiring:
    """The push button: its line (BCM number) and how it is wired."""

    pin: int
    pull: str
    active: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clues:
    """What gives the board away. Texts are shell patterns; case does not matter."""

    hat: tuple[str, ...] = ()
    """Product in the HAT's EEPROM (/proc/device-tree/hat/product)."""
    cards: tuple[str, ...] = ()
    """ALSA card id (/proc/asound/cards)."""
    usb: tuple[str, ...] = ()
    """`vendor:product`, hexadecimal."""
    i2c: tuple[int, ...] = ()
    """Addresses on the header's I²C bus that must all be there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardFile:
    """All that is known of a board."""

    name: str
    what: str
    tried_by: tuple[str, ...]
    """Who has run Conure on this board; empty: nobody yet."""
    sound: Sound
    setup: BoardSetup
    button: ButtonWiring | None
    lights: Lights | None
    camera: str
    """`pi` or the file of a USB camera; empty: the board has none."""
    detect: Clues
    header: Mapping[int, str]
    """BCM number of each line of the 40-pin header that the board uses, and what for."""
    quirks: tuple[str, ...]
    sources: Mapping[str, str]
    """Where the facts of each table are from; "unverified" where no public source was found."""


class BoardFileError(Exception):
    """A board's file cannot be used, or there is none of that name. `problems`: a line for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class UnknownBoard(BoardFileError):
    """There is none of that name."""


# --- finding ---------------------------------------------------------------------------------------


def shipped_names(folder: Path = FOLDER) -> tuple[str, ...]:
    """The boards that are known by name, sorted."""
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


def find_board(wanted: str, folder: Path = FOLDER) -> BoardFile:
    """The board of this name, or the one in the file of this path, which ends in `.toml`.

    Raises BoardFileError.
    """
    if wanted.endswith(".toml"):
        if Path(wanted).stem in RESERVED:
            raise BoardFileError([f"{wanted}: the names {' and '.join(RESERVED)} are taken; rename the file"])
        return load_file(Path(wanted))
    names = shipped_names(folder)
    if wanted not in names:
        close = get_close_matches(wanted, names, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise UnknownBoard([f"there is no board {wanted!r}; there are: {', '.join(names)}{hint}"])
    return load_file(folder / f"{wanted}.toml")


def load_all(folder: Path = FOLDER) -> tuple[BoardFile, ...]:
    """Every shipped board. Raises BoardFileError with all mistakes of all files."""
    boards, problems = [], []
    for name in shipped_names(folder):
        try:
            boards.append(load_file(folder / f"{name}.toml"))
        except BoardFileError as error:
            problems += error.problems
    if problems:
        raise BoardFileError(problems)
    return tuple(boards)


def load_file(path: Path) -> BoardFile:
    """The board that a file describes; the file's name is the board's. Raises BoardFileError."""
    try:
        return parse(read_toml(path, FILE_LIMIT_BYTES), path.stem, str(path))
    except OSError as error:
        raise BoardFileError([f"{path}: cannot be read: {error.strerror or error}"]) from error
    except OddFile as error:
        raise BoardFileError([f"{path}: {error}"]) from error


# --- reading ---------------------------------------------------------------------------------------


def parse(data: Mapping[str, Any], name: str, place: str) -> BoardFile:
    """The board in TOML data. Pure. Raises BoardFileError with every mistake; `place` begins each line."""
    problems: list[str] = []
    if not NAME.fullmatch(name):
        problems.append(f"{place}: a board's name has small letters, digits and hyphens only")
    top = TomlReader(data, f"{place}: ", problems)
    parts = {part: top.table(part) for part in PARTS}
    given = [part for part in PARTS if parts[part]]
    sources = _sources(top.table("sources") or {}, given, f"{place}: sources.", problems)

    def reader(part: str) -> TomlReader:
        return TomlReader(parts[part] or {}, f"{place}: {part}.", problems)

    board = BoardFile(
        name=name,
        what=top.text("what"),
        tried_by=top.texts("tried_by", None),
        sound=_sound(reader("sound")),
        setup=_setup(reader("setup"), f"{place}: setup.", problems),
        button=_button(reader("button")) if parts["button"] else None,
        lights=_lights(reader("lights"), f"{place}: lights", problems) if parts["lights"] else None,
        camera=_camera(reader("camera")) if parts["camera"] else "",
        detect=_clues(reader("detect"), f"{place}: detect.usb", problems),
        header=_header(parts["header"] or {}, f"{place}: header.", problems),
        quirks=top.texts("quirks"),
        sources=sources,
    )
    top.finish()
    problems += _unmarked_lines(board, f"{place}: header")
    if problems:
        raise BoardFileError(problems)
    return board


def _sound(table: TomlReader) -> Sound:
    sound = Sound(
        mic=table.texts("mic", None, least=1),
        speaker=table.texts("speaker", None, least=1),
        mic_channels=table.whole("mic_channels", 1, 8),
        speaker_channels=table.whole("speaker_channels", 1, 8),
        echo_cancelling=table.flag("echo_cancelling"),
    )
    table.finish()
    return sound


def _setup(table: TomlReader, place: str, problems: list[str]) -> BoardSetup:
    setup = BoardSetup(
        config_txt=table.texts("config_txt"),
        driver=table.text("driver", ""),
        mixer=tuple(_level(TomlReader(one, f"{place}mixer.", problems)) for one in table.tables("mixer")),
    )
    table.finish()
    wrong = [line for line in setup.config_txt if not CONFIG_LINE.fullmatch(line)]
    problems += [f"{place}config_txt: {line!r} is no line for config.txt" for line in wrong]
    return setup


def _level(table: TomlReader) -> MixerLevel:
    level = MixerLevel(control=table.text("control"), value=table.text("value"))
    table.finish()
    return level


def _button(table: TomlReader) -> ButtonWiring:
    button = ButtonWiring(
        pin=table.whole("pin", 0, HIGHEST_LINE),
        pull=table.text("pull", choices=PULLS),
        active=table.text("active", choices=LEVELS),
    )
    table.finish()
    return button


def _lights(table: TomlReader, place: str, problems: list[str]) -> Lights:
    lights = Lights(
        kind=table.text("kind", choices=tuple(KINDS)),
        pins=table.wholes("pins", 0, HIGHEST_LINE),
        active=table.text("active", "high", LEVELS),
        count=table.whole("count", 1, 64, 1),
        spi=table.text("spi", "/dev/spidev0.0"),
        leds=table.texts("leds"),
        order=table.text("order", "grb", ORDERS),
    )
    table.finish()
    if lights.kind in KINDS:
        kind = f"lights of the kind {lights.kind!r}"
        problems += [f"{place}.{field}: {kind} have {needed}" for field, needed in lacks(lights)]
        problems += [f"{place}.{field}: {kind} have none" for field in strays(lights)]
    return lights


def _camera(table: TomlReader) -> str:
    device = table.text("device")
    table.finish()
    return device


def _clues(table: TomlReader, usb_place: str, problems: list[str]) -> Clues:
    clues = Clues(
        hat=table.texts("hat"),
        cards=table.texts("cards"),
        usb=table.texts("usb"),
        i2c=table.wholes("i2c", 0x03, 0x77),
    )
    table.finish()
    wrong = [usb_id for usb_id in clues.usb if not USB_ID.fullmatch(usb_id)]
    problems += [f'{usb_place}: {usb_id!r} must be vendor:product, such as "2886:0019"' for usb_id in wrong]
    return clues


def _header(table: Mapping[str, Any], place: str, problems: list[str]) -> dict[int, str]:
    uses: dict[int, str] = {}
    for line, use in table.items():
        if not line.isdecimal() or int(line) > HIGHEST_LINE:
            problems.append(f"{place}{line}: must be a BCM number from 0 to {HIGHEST_LINE}")
        elif not isinstance(use, str) or not use.strip():
            problems.append(f"{place}{line} = {use!r}: must say in a text what the line is for")
        else:
            uses[int(line)] = use
    return dict(sorted(uses.items()))


def _sources(
    table: Mapping[str, Any], given: list[str], place: str, problems: list[str]
) -> Mapping[str, str]:
    """A source for each table that is given, and for no other."""
    reader = TomlReader(table, place, problems)
    sources = {part: reader.text(part) for part in given}
    reader.finish()
    return sources


def _unmarked_lines(board: BoardFile, place: str) -> list[str]:
    """The button's and the lights' lines must be in the drawing, or somebody wires something else to them."""
    used = {*((board.button.pin,) if board.button else ()), *(board.lights.pins if board.lights else ())}
    return [f"{place}: leaves out line {line}, which is used" for line in sorted(used - set(board.header))]
