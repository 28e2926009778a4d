"""`conure boards`: the boards that are known by name, all about one, and which one is here.

With `--json` the answers are for programs, the installer above all, and keep their form:

- `conure boards --json`: a list of the objects that `conure boards NAME --json` prints.
- `conure boards NAME --json`: one object with `name`, `what`, `tried_by` (a list), `sound` (`mic` and
  `speaker`: lists of ALSA card ids, the first that is there; `mic_channels`, `speaker_channels`,
  `echo_cancelling`), `setup` (`config_txt`: whole lines; `driver`: words, or ""; `mixer`: a list of `control`
  and `value`), `button` (`pin`, `pull`, `active`; or null), `lights` (`kind`, `pins`, `active`, `count`,
  `spi`, `leds`, `order`; or null), `detect` (`hat`, `cards`, `usb`, `i2c`: lists), `header` (BCM number as
  text: use), `quirks` (a list), `sources` (table: source), and `mixer_commands` (shell commands).
- `conure boards --detect --json`: one object with `board` (the only one that fits, or null), `candidates`
  (a list of `name` and `because`, a list of reasons) and `evidence` (`hat`, `cards`, `usb`, `i2c`). The exit
  status is 0 whether or not a board is found.

New keys may come; none of these changes its meaning. None of it reads the configuration.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from daemon.cli.arguments import add_json_option, to_json
from daemon.cli.text.layout import table, terminal_width

if TYPE_CHECKING:
    from hw.boards.board_files import BoardFile
    from hw.boards.detect import Detection, Traces


def add(commands: Any) -> None:
    """Add `conure boards`."""
    boards = commands.add_parser("boards", help="list the boards that are known by name, or show one")
    boards.set_defaults(command=_boards)
    boards.add_argument("name", nargs="?", metavar="NAME", help="a board, or a board's file (….toml)")
    boards.add_argument("--detect", action="store_true", help="say which board is here")
    add_json_option(boards)


def _boards(arguments: argparse.Namespace) -> int:
    from daemon.errors import ConfigError, UsageError
    from hw.boards.board_files import BoardFileError, UnknownBoard, find_board, load_all

    try:
        if arguments.detect:
            return _detect(as_json=arguments.json)
        if arguments.name:
            return _show(find_board(arguments.name), as_json=arguments.json)
        return _list(load_all(), as_json=arguments.json)
    except UnknownBoard as error:
        raise UsageError(str(error)) from error
    except BoardFileError as error:
        raise ConfigError(error.problems) from error


def _list(boards: tuple[BoardFile, ...], *, as_json: bool) -> int:
    from daemon.cli.text.boards import TABLE_HEAD, board_rows

    if as_json:
        print(to_json([_plain(board) for board in boards], indent=2))
    else:
        print(table(TABLE_HEAD, board_rows(boards), terminal_width(sys.stdout)))
    return 0


def _show(board: BoardFile, *, as_json: bool) -> int:
    from daemon.cli.text.boards import board_text

    width = terminal_width(sys.stdout)
    print(to_json(_plain(board), indent=2) if as_json else board_text(board, width).rstrip())
    return 0


def _plain(board: BoardFile) -> dict[str, Any]:
    from dataclasses import asdict

    from daemon.cli.text.boards import mixer_commands

    return {**asdict(board), "mixer_commands": mixer_commands(board)}


def _detect(*, as_json: bool) -> int:
    from daemon.config.board import look_around

    evidence, found = look_around(probe_bus=True)
    print(_detection_json(evidence, found) if as_json else _detection_text(found))
    return 0


def _detection_json(evidence: Traces, found: Detection) -> str:
    from dataclasses import asdict

    return to_json({**asdict(found), "evidence": asdict(evidence)}, indent=2)


def _detection_text(found: Detection) -> str:
    if not found.candidates:
        return "no board that is known by name; sound devices of any kind go with the board generic"
    lines = [f"{one.name}  ({', '.join(one.because)})" for one in found.candidates]
    if found.board is None:
        lines.append("more than one fits, or too little is known: name yours in [board] name")
    return "\n".join(lines)
