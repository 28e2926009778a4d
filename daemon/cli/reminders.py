"""`conure timers …` and `conure memory …`: what the running speaker keeps for its user."""

from __future__ import annotations

import argparse
import os
from typing import Any


def add(commands: Any) -> None:
    """Add the commands; each asks the running speaker."""
    timers = commands.add_parser("timers", help="list, add, cancel and snooze timers, alarms and reminders")
    timers.set_defaults(command=_ask, asks="timers", action="list")
    _add_timers(timers.add_subparsers(metavar="ACTION"))
    memory = commands.add_parser("memory", help="list and forget the facts that it was asked to remember")
    memory.set_defaults(command=_ask, asks="memory", action="list")
    _add_memory(memory.add_subparsers(metavar="ACTION"))


def _add_timers(actions: Any) -> None:
    _action(actions, "list", "what rings, what waits, what rang or was missed lately (this is the default)")
    timer = _action(actions, "add", "start a timer")
    timer.add_argument("duration", metavar="DURATION", help="like 10m, 90s or 1h30m")
    timer.add_argument("--name", default="", help="what it is for")
    alarm = _action(actions, "alarm", "set an alarm")
    alarm.add_argument("at", metavar="TIME", help="local time, like 07:30")
    alarm.add_argument("--name", default="", help="what it is for")
    alarm.add_argument(
        "--weekdays", default="", metavar="DAYS", help="repeat: like mon,tue or weekdays, weekend, daily"
    )
    alarm.add_argument("--day", default="", help="ring once, on this day, like 2026-12-24")
    remind = _action(actions, "remind", "set a reminder")
    remind.add_argument("at", metavar="WHEN", help='like 18:00 or "2026-12-24 18:00"')
    remind.add_argument("text", metavar="TEXT", nargs="+")
    cancel = _action(actions, "cancel", "cancel one of them, or all")
    cancel.add_argument("which", metavar="WHICH", help="its number or its name, or all")
    snooze = _action(actions, "snooze", "let what rings, or rang a moment ago, ring again later")
    snooze.add_argument(
        "duration", nargs="?", default="10m", metavar="DURATION", help="like 10m (the default)"
    )


def _add_memory(actions: Any) -> None:
    _action(actions, "list", "what it remembers (this is the default)")
    forget = _action(actions, "forget", "forget one fact, or all")
    forget.add_argument("which", metavar="WHICH", help="its number, some words of it, or all")


def _action(actions: Any, name: str, what: str) -> Any:
    parser = actions.add_parser(name, help=what)
    parser.set_defaults(action=name)
    return parser


def _ask(arguments: argparse.Namespace) -> int:
    from daemon.control.client import call, find_daemon
    from daemon.runtime.cells import clean

    given = {name: value for name, value in vars(arguments).items() if name not in ("command", "asks")}
    if isinstance(given.get("text"), list):
        given["text"] = " ".join(given["text"])
    for line in str(call(find_daemon(os.environ), arguments.asks, given)).splitlines():
        print(clean(line))
    return 0
