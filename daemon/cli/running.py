"""`conure status`, `talk`, `volume` …: what is asked of a running speaker."""

from __future__ import annotations

import argparse
import os
import time
from typing import Any

from daemon.cli.arguments import add_json_option, complain, loudness, to_json

_PLAIN_COMMANDS = {
    "talk": "listen now, as if the button were tapped",
    "stop": "be quiet and go idle",
    "mute": "close the microphone",
    "unmute": "open the microphone again",
}


def add(commands: Any) -> None:
    """Add the commands that need a running speaker."""
    _add_status(commands)
    for name, what in _PLAIN_COMMANDS.items():
        commands.add_parser(name, help=what).set_defaults(command=_plain_command, name=name)
    _add_volume_and_say(commands)


def _add_status(commands: Any) -> None:
    status = commands.add_parser("status", help="show what the running speaker does")
    status.set_defaults(command=_status)
    add_json_option(status)
    status.add_argument("--watch", action="store_true", help="show what happens from now on")


def _add_volume_and_say(commands: Any) -> None:
    volume = commands.add_parser("volume", help="show or set the loudness")
    volume.set_defaults(command=_volume)
    volume.add_argument(
        "level", nargs="?", type=loudness, metavar="PERCENT", help="0 to 100; + or - a step, +10 or -10 more"
    )
    add_json_option(volume)
    say = commands.add_parser("say", help="begin a turn in writing; the answer is spoken")
    say.set_defaults(command=_say)
    say.add_argument("text", nargs="+", metavar="TEXT")
    _add_announce(commands)


def _add_announce(commands: Any) -> None:
    announce = commands.add_parser("announce", help="have it say a text word for word, when nobody speaks")
    announce.set_defaults(command=_announce)
    announce.add_argument("text", nargs="+", metavar="TEXT")
    announce.add_argument(
        "--volume", type=int, metavar="N", help="loudness in percent (default: the present one)"
    )
    announce.add_argument("--chime", action="store_true", default=None, help="sound a chime before it")
    announce.add_argument(
        "--priority", choices=("low", "normal", "high"), help="what comes first; high: as loud at night"
    )
    announce.add_argument(
        "--expires",
        type=float,
        metavar="S",
        dest="expires_s",
        help="do not say it later than this, in seconds (default: announce.expires_s)",
    )
    announce.add_argument("--id", metavar="ID", help="say it once, however often it is sent with this name")
    add_json_option(announce, "as JSON: id, state, waiting")


def _ask(command: str, args: dict[str, Any] | None = None) -> Any:
    from daemon.control.client import call, find_daemon

    return call(find_daemon(os.environ), command, args)


def _plain_command(arguments: argparse.Namespace) -> int:
    _ask(arguments.name)
    return 0


def _status(arguments: argparse.Namespace) -> int:
    if arguments.watch:
        return _watch(as_json=arguments.json)
    status = _ask("status")
    if arguments.json:
        print(to_json(status, indent=2))
    else:
        from daemon.cli.text.status import status_text

        print(status_text(status), end="")
    return 0


def _watch(*, as_json: bool) -> int:
    from daemon.cli.text.status import event_text
    from daemon.control.client import find_daemon, watch

    event: dict[str, Any] = {}
    for event in watch(find_daemon(os.environ)):
        now = time.strftime("%H:%M:%S")
        print(to_json(event) if as_json else f"{now}  {event_text(event)}", flush=True)
    complain(["the speaker has ended"])
    return 0 if event.get("event") == "end" else 1


def _volume(arguments: argparse.Namespace) -> int:
    answer = _ask("volume", arguments.level or {})
    if arguments.json:
        print(to_json(answer, indent=2))
        return 0
    night = answer.get("night_volume")
    print(f"{answer['volume']} %" + ("" if night is None else f" ({night} % at this hour of the night)"))
    return 0


def _announce(arguments: argparse.Namespace) -> int:
    asked = {name: getattr(arguments, name) for name in ("volume", "chime", "priority", "expires_s", "id")}
    given = {name: value for name, value in asked.items() if value is not None}
    answer = _ask("announce", given | {"text": " ".join(arguments.text)})
    if arguments.json:
        print(to_json(answer, indent=2))
    elif answer["state"] == "known":
        print(f"{answer['id']} was announced already, or is about to be")
    return 0


def _say(arguments: argparse.Namespace) -> int:
    _ask("say", {"text": " ".join(arguments.text)})
    return 0
