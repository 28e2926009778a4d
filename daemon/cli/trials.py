"""`conure listen`, `tone` and `lights`: each part tried alone."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from daemon.cli.arguments import add_config_option, add_json_option, complain, shows_pictures, to_json
from daemon.cli.text.clean_output import cursor_stream
from daemon.cli.usage import near
from daemon.errors import ConureError, UsageError
from hw.base import DeviceError

if TYPE_CHECKING:
    from daemon.config.settings import Settings
    from daemon.hearing.endpointing import Heard
    from hw.base import Board


def add(commands: Any) -> None:
    """Add the three."""
    listen = commands.add_parser("listen", help="show what the microphone hears, and what counts as speech")
    listen.set_defaults(command=_listen)
    listen.add_argument("--seconds", type=_seconds, metavar="N", help="end after so long (default: Ctrl-C)")
    add_json_option(listen, "as JSON, one object a line: at_s, level_dbfs, floor_dbfs, speech")
    tone = commands.add_parser("tone", help="play the tones at the configured volume")
    tone.set_defaults(command=_tone)
    tone.add_argument("name", nargs="?", metavar="NAME", help="only this one: listening, done, …, or test")
    lights = commands.add_parser("lights", help="show what the lights can say")
    lights.set_defaults(command=_lights)
    lights.add_argument("name", nargs="?", metavar="NAME", help="only this one: listening, no-microphone, …")
    lights.add_argument("--seconds", type=_seconds, default=3.0, metavar="N", help="each for so long (3)")
    for parser in (listen, tone, lights):
        add_config_option(parser)
        parser.add_argument("--board", metavar="NAME", help="use this board instead of the configured one")


def _seconds(text: str) -> float:
    """An argument from 0.1 to 3600."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"must be a number of seconds from 0.1 to 3600, not {text!r}")
    return value


@contextmanager
def _board(arguments: argparse.Namespace) -> Iterator[tuple[Settings, Board]]:
    """The configured board. A device that cannot be had is told with who may have it."""
    from daemon.config import load
    from daemon.config.board import choose_board

    settings = load.load(arguments.config, os.environ, arguments.board).settings
    board = choose_board(settings)
    try:
        yield settings, board
    except DeviceError as error:
        if _is_running():
            raise ConureError(
                f"{error}; conure is running and has it: `sudo systemctl stop conure`"
            ) from error
        if error.absent:
            raise ConureError(
                f"{error}; `conure doctor` says what may help, and `--board simulated` needs no device"
            ) from error
        raise
    finally:
        board.close()


def _is_running() -> bool:
    from daemon.control.client import answers, find_daemon
    from daemon.errors import ControlError

    try:
        return answers(find_daemon(os.environ))
    except ControlError:
        return False


def _listen(arguments: argparse.Namespace) -> int:
    from contextlib import closing

    from daemon.doctor.meter import LINE_CHUNKS, hear, plain_line, readings

    with _board(arguments) as (settings, board), closing(board.open_mic()) as mic:
        if board.stage is not None:
            board.stage.speak()
        heard = hear(mic, settings.vad, arguments.seconds)
        if shows_pictures(sys.stdout) and not arguments.json:
            _show_live(heard)
        else:
            for reading in readings(heard, LINE_CHUNKS):
                print(to_json(asdict(reading)) if arguments.json else plain_line(reading), flush=True)
    return 0


def _show_live(heard: Iterator[Heard]) -> None:
    """One line that is written over and over."""
    from daemon.doctor.meter import LIVE_CHUNKS, bar_line, readings

    try:
        for reading in readings(heard, LIVE_CHUNKS):
            print(f"\r{bar_line(reading)}\x1b[K", end="", flush=True, file=cursor_stream())
    finally:
        print()


def _tone(arguments: argparse.Namespace) -> int:
    from contextlib import closing
    from threading import Event

    from daemon.doctor.tones import TONES, tone_pcm
    from daemon.doctor.trial import play
    from daemon.speaking.gain import apply_gain, gain_for

    wanted = _chosen("tone", arguments.name, list(TONES))
    with _board(arguments) as (settings, board), closing(board.open_speaker()) as speaker:
        gain = gain_for(settings.sound.volume)
        if gain == 0:
            complain(["[sound] volume is 0: nothing will be heard"])
        cells = max(map(len, wanted))
        for name in wanted:
            print(f"{name:<{cells}}  {TONES[name]}", flush=True)
            play(speaker, apply_gain(tone_pcm(name), gain), Event().wait)
    return 0


def _lights(arguments: argparse.Namespace) -> int:
    from contextlib import closing
    from threading import Event

    from daemon.doctor.light_show import SCENES_BY_NAME, open_lights, plain_name, show

    wanted = _chosen("light", arguments.name and plain_name(arguments.name), list(SCENES_BY_NAME))
    with _board(arguments) as (_settings, board), closing(open_lights(board)) as leds:
        for name in wanted:
            scene = SCENES_BY_NAME[name]
            print(f"{scene.name}: {scene.looks}. {scene.meaning}", flush=True)
            show(leds, scene, arguments.seconds, Event().wait)
    return 0


def _chosen(kind: str, name: str | None, known: list[str]) -> list[str]:
    """The one of this name, or all. Raises UsageError, which says what there is."""
    if name is None:
        return known
    if name not in known:
        hint = near(name, known) or f"; there are: {', '.join(known)}"
        raise UsageError(f"there is no {kind} {name!r}{hint}")
    return [name]
