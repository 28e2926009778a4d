"""`conure timers …` and `conure memory …`: what the running speaker keeps for its user."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any

from daemon.cli.arguments import add_json_option, to_json
from daemon.errors import ConureError


def add(commands: Any) -> None:
    """Add the commands; each asks the running speaker."""
    timers = commands.add_parser("timers", help="list, add, cancel and snooze timers, alarms and reminders")
    timers.set_defaults(command=_ask, asks="timers", action="list", json=False)
    _add_timers(timers, timers.add_subparsers(metavar="ACTION"))
    memory = commands.add_parser("memory", help="list and forget the facts that it was asked to remember")
    memory.set_defaults(command=_ask, asks="memory", action="list", json=False)
    _add_memory(memory, memory.add_subparsers(metavar="ACTION"))


def _add_timers(timers: argparse.ArgumentParser, actions: Any) -> None:
    what = "what rings, what waits, what rang or was missed lately (this is the default)"
    for parser in (timers, _action(actions, "list", what)):
        add_json_option(parser, "as JSON: ringing, waiting, past", nested=True)
    timer = _action(actions, "add", "start a timer")
    timer.add_argument(
        "duration", type=_kind("parse_duration"), metavar="DURATION", help="like 10m, 90s or 1h30m"
    )
    timer.add_argument("--name", default="", help="what it is for")
    alarm = _action(actions, "alarm", "set an alarm")
    alarm.add_argument("at", type=_kind("parse_time"), metavar="TIME", help="local time, like 07:30")
    alarm.add_argument("--name", default="", help="what it is for")
    alarm.add_argument(
        "--weekdays",
        default="",
        metavar="DAYS",
        help="repeat: like mon,tue or weekdays, weekend, daily",
    )
    alarm.add_argument(
        "--day", type=_kind("parse_day"), default="", help="ring once, on this day, like 2026-12-24"
    )
    remind = _action(actions, "remind", "set a reminder")
    remind.add_argument(
        "at", type=_kind("parse_when"), metavar="WHEN", help='like 18:00 or "2026-12-24 18:00"'
    )
    remind.add_argument("text", metavar="TEXT", nargs="+")
    cancel = _action(actions, "cancel", "cancel one of them, or all")
    cancel.add_argument("which", metavar="WHICH", help="its number or its name, or all")
    snooze = _action(actions, "snooze", "let what rings, or rang a moment ago, ring again later")
    snooze.add_argument(
        "duration",
        type=_kind("parse_duration"),
        nargs="?",
        default="10m",
        metavar="DURATION",
        help="like 10m (the default)",
    )


def _add_memory(memory: argparse.ArgumentParser, actions: Any) -> None:
    for parser in (memory, _action(actions, "list", "what it remembers (this is the default)")):
        add_json_option(parser, "as JSON: facts", nested=True)
    forget = _action(actions, "forget", "forget one fact, or all")
    forget.add_argument("which", metavar="WHICH", help="its number, some words of it, or all")


def _action(actions: Any, name: str, what: str) -> Any:
    parser = actions.add_parser(name, help=what)
    parser.set_defaults(action=name)
    return parser


def _ask(arguments: argparse.Namespace) -> int:
    from daemon.control.client import call, find_daemon
    from daemon.runtime.cells import clean

    given = {name: value for name, value in vars(arguments).items() if name not in _NOT_ASKED}
    if isinstance(given.get("text"), list):
        given["text"] = " ".join(given["text"])
    wants_data = arguments.json and arguments.action == "list"
    answer = call(find_daemon(os.environ), arguments.asks, given | ({"form": "data"} if wants_data else {}))
    if wants_data and isinstance(answer, str):  # words: it knows of no other form
        raise ConureError("the running conure is older than this command, and cannot answer it as JSON")
    if arguments.json:
        print(to_json(answer if wants_data else {"answer": answer}, indent=2))
        return 0
    for line in str(answer).splitlines():
        print(clean(line))
    return 0


_NOT_ASKED = ("command", "asks", "parser", "json")
"""What the parser knows and the speaker need not."""


# --- kinds of arguments: what the speaker would refuse is refused before it is asked


def _kind(parse: str) -> Callable[[str], str]:
    """A text that this function of `daemon.reminders.requests` takes; it is sent as it is."""

    def check(text: str) -> str:
        from daemon.reminders import requests
        from daemon.reminders.book import Refused

        try:
            getattr(requests, parse)(text)
        except Refused as refused:
            raise argparse.ArgumentTypeError(str(refused)) from refused
        return text

    return check
