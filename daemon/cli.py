"""The command line: arguments, output, exit codes. Each command imports what it needs, and no more.

Exit codes: 0 done, 1 failed, 2 wrong usage (argparse), 78 the configuration or a device's name cannot work
(EX_CONFIG; systemd does not try again), 130 and 143 interrupted (128 + SIGINT or SIGTERM, as shells have it).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from daemon import __version__
from daemon.errors import EX_CONFIG, ConfigError, ConureError
from hw.base import DeviceError

EX_INTERRUPTED = 130

Command = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code. What users can mend is told in one line, on stderr."""
    arguments = _parser().parse_args(argv)
    command: Command = arguments.command
    try:
        code = command(arguments)
        sys.stdout.flush()  # here, where a reader that went away is understood
        return code
    except ConfigError as error:
        _complain(error.problems)
        return EX_CONFIG
    except DeviceError as error:
        _complain([str(error)])
        return EX_CONFIG if error.permanent else 1
    except ConureError as error:
        _complain([str(error)])
        return 1
    except BrokenPipeError:  # `conure status | head`; nothing is left to write to, at exit neither
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return EX_INTERRUPTED


def _complain(problems: Iterable[str]) -> None:
    for problem in problems:
        print(f"conure: {problem}", file=sys.stderr)


# --- arguments -------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="conure", description="A smart speaker that talks with Gemini Live."
    )
    parser.add_argument("--version", action="version", version=f"conure {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands)
    _add_status(commands)
    for name, what in _PLAIN_COMMANDS.items():
        commands.add_parser(name, help=what).set_defaults(command=_plain_command, name=name)
    _add_volume_and_say(commands)
    commands.add_parser("devices", help="list the sound devices").set_defaults(command=_devices)
    _add_config(commands)
    _add_standin(commands)
    return parser


_PLAIN_COMMANDS = {
    "talk": "listen now, as if the button were tapped",
    "stop": "be quiet and go idle",
    "mute": "close the microphone",
    "unmute": "open the microphone again",
}


def _add_run(commands: Any) -> None:
    run = commands.add_parser("run", help="run the speaker in the foreground")
    run.set_defaults(command=_run)
    _add_config_option(run)
    run.add_argument("--once", action="store_true", help="end after one turn")
    run.add_argument("--board", metavar="NAME", help="use this board instead of the configured one")
    run.add_argument("--demo", action="store_true", help="simulate what is missing: the key, the sound card")
    run.add_argument("--standin", action="store_true", help="talk to a built-in stand-in: no key, no network")
    run.add_argument("--wav-out", type=Path, metavar="FILE", help="record what is played; --once: the reply")


def _add_status(commands: Any) -> None:
    status = commands.add_parser("status", help="show what the running speaker does")
    status.set_defaults(command=_status)
    status.add_argument("--json", action="store_true", help="as JSON")
    status.add_argument("--watch", action="store_true", help="show what happens from now on")


def _add_volume_and_say(commands: Any) -> None:
    volume = commands.add_parser("volume", help="show or set the loudness")
    volume.set_defaults(command=_volume)
    volume.add_argument("percent", nargs="?", type=_percent, metavar="PERCENT", help="0 to 100")
    say = commands.add_parser("say", help="begin a turn in writing; the answer is spoken")
    say.set_defaults(command=_say)
    say.add_argument("text", nargs="+", metavar="TEXT")


def _add_config(commands: Any) -> None:
    config = commands.add_parser("config", help="check or show the configuration")
    actions = config.add_subparsers(required=True, metavar="ACTION")
    for name, what, command in (
        ("check", "report every mistake", _config_check),
        ("show", "print every key with its value", _config_show),
        ("table", "print all keys as a Markdown table", _config_table),
    ):
        action = actions.add_parser(name, help=what)
        action.set_defaults(command=command)
        _add_config_option(action)


def _add_config_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="use this configuration file")


def _add_standin(commands: Any) -> None:
    standin = commands.add_parser("standin", help="run the stand-in Live server alone")
    standin.set_defaults(command=_standin)
    standin.add_argument("--port", type=_port, default=0, help="port on 127.0.0.1; 0 takes a free one")
    standin.add_argument("--voice", default="echo", metavar="NAME", help="how it answers, or a WAV file")
    standin.add_argument("--write-ca", type=Path, metavar="FILE", help="write the certificate to trust here")
    standin.add_argument("--plan", type=Path, metavar="FILE", help="what it does wrong, in TOML")


def _percent(text: str) -> int:
    return _whole_number(text, 100)


def _port(text: str) -> int:
    return _whole_number(text, 65535)


def _whole_number(text: str, high: int) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > high:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to {high}, not {text!r}")
    return int(text)


# --- the speaker itself ----------------------------------------------------------------------------


def _run(arguments: argparse.Namespace) -> int:
    from dataclasses import replace

    from daemon import config
    from daemon.app_options import RunOptions
    from daemon.cross_checks import notes

    settings = config.load(arguments.config, os.environ).settings
    if arguments.board:
        settings = replace(settings, board=replace(settings.board, name=arguments.board))
    api_key = None if arguments.standin else config.load_api_key(settings, os.environ)
    if api_key is None and not (arguments.standin or arguments.demo):
        raise config.missing_key()
    _complain(notes(settings))
    options = RunOptions(
        once=arguments.once,
        interactive=sys.stdin.isatty() and sys.stdout.isatty(),
        demo=arguments.demo,
        standin=arguments.standin,
        wav_out=arguments.wav_out,
    )
    from daemon import modes  # numpy comes with it: a mistake in the configuration is told before

    return modes.run(settings, api_key, options)


def _devices(_: argparse.Namespace) -> int:
    from dataclasses import asdict

    from hw.portaudio import list_devices

    rows = [asdict(device) for device in list_devices()]
    if not rows:
        print("no sound devices")
        return 1
    print(_table([list(rows[0]), *([str(value) for value in row.values()] for row in rows)]))
    return 0


def _table(rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


# --- a running speaker -----------------------------------------------------------------------------


def _ask(command: str, args: dict[str, Any] | None = None) -> Any:
    from daemon.control_client import call, find_daemon

    return call(find_daemon(os.environ), command, args)


def _plain_command(arguments: argparse.Namespace) -> int:
    _ask(arguments.name)
    return 0


def _status(arguments: argparse.Namespace) -> int:
    if arguments.watch:
        return _watch(as_json=arguments.json)
    status = _ask("status")
    if arguments.json:
        print(_json(status, indent=2))
    else:
        from daemon.status_text import status_text

        print(status_text(status), end="")
    return 0


def _watch(*, as_json: bool) -> int:
    from daemon.control_client import find_daemon, watch
    from daemon.status_text import event_text

    for event in watch(find_daemon(os.environ)):
        print(_json(event) if as_json else event_text(event), flush=True)
    _complain(["the speaker has ended"])
    return 1


def _json(value: Any, indent: int | None = None) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, indent=indent)


def _volume(arguments: argparse.Namespace) -> int:
    answer = _ask("volume", {} if arguments.percent is None else {"percent": arguments.percent})
    print(f"{answer['volume']} %")
    return 0


def _say(arguments: argparse.Namespace) -> int:
    _ask("say", {"text": " ".join(arguments.text)})
    return 0


# --- configuration ---------------------------------------------------------------------------------


def _config_check(arguments: argparse.Namespace) -> int:
    from daemon import config
    from daemon.cross_checks import notes

    loaded = config.load(arguments.config, os.environ)
    api_key = config.load_api_key(loaded.settings, os.environ)
    print(f"configuration: {loaded.path or 'no file, all defaults'}")
    print(f"API key: {'found' if api_key else 'none (needed by `conure run`, unless with --standin)'}")
    for note in notes(loaded.settings):
        print(f"note: {note}")
    print("ok; devices are not looked at: `conure devices` shows what there is")
    return 0


def _config_show(arguments: argparse.Namespace) -> int:
    from daemon import config
    from daemon.config_text import describe

    loaded = config.load(arguments.config, os.environ)
    print(f"# {loaded.path or 'no file, all defaults'}\n\n{describe(loaded.settings)}", end="")
    return 0


def _config_table(_: argparse.Namespace) -> int:
    from daemon.config_text import config_table

    print(config_table(), end="")
    return 0


# --- the stand-in ----------------------------------------------------------------------------------


def _standin(arguments: argparse.Namespace) -> int:
    import asyncio

    from daemon.standin import Plan, StandIn, run_standin, voice_named

    def tell(standin: StandIn) -> None:
        trust = f"SSL_CERT_FILE={arguments.write_ca} " if arguments.write_ca else ""
        print(f"GOOGLE_GEMINI_BASE_URL={standin.base_url} {trust}GEMINI_API_KEY=any conure run", flush=True)

    try:
        voice = voice_named(arguments.voice)
        plan = Plan.from_toml(arguments.plan.read_text("utf-8")) if arguments.plan else Plan()
    except ValueError as error:  # PlanError and UnicodeDecodeError are ValueErrors
        raise ConfigError(str(error).splitlines()) from error
    except OSError as error:
        raise ConfigError([f"{error.filename}: cannot be read: {error.strerror}"]) from error
    try:
        asyncio.run(run_standin(arguments.port, voice, plan, arguments.write_ca, on_ready=tell))
    except OSError as error:
        raise ConureError(f"the stand-in cannot start: {error.strerror or error}") from error
    return 0
