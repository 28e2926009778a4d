"""`conure messages`: the spoken messages, in the voice and language of the configuration."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

from daemon.cli.arguments import add_json_option, complain, to_json

LOOK_S = 0.5
"""How often it is asked whether they are made."""

LONGEST_S = 300.0
"""Ten messages take some 20 seconds; a speaker that takes longer than this is left to it."""


def add(commands: Any) -> None:
    """Add the command and its actions."""
    messages = commands.add_parser("messages", help="show or make what it says when something is wrong")
    messages.set_defaults(command=_show)
    add_json_option(messages, "as JSON: state, made, messages, speech_s, cost_usd, …")
    actions = messages.add_subparsers(metavar="ACTION")
    make = actions.add_parser("make", help="have them spoken in your voice and language, once")
    make.set_defaults(command=_make)
    make.add_argument("--yes", action="store_true", help="do not ask whether it may cost what it does")


def _ask(action: str) -> dict[str, Any]:
    from daemon.control.client import call, find_daemon

    answer: dict[str, Any] = call(find_daemon(os.environ), "messages", {"action": action})
    return answer


def _show(arguments: argparse.Namespace) -> int:
    told = _ask("show")
    if arguments.json:
        print(to_json(told, indent=2))
        return 0
    whose = f"{told['made']} of {told['messages']} are your own" if told["made"] else "they are Conure's own"
    print(f"{told['messages']} messages; {whose}. To make them: `conure messages make`. {cost_text(told)}")
    return 0


def cost_text(told: dict[str, Any]) -> str:
    """What it costs to make them, in a sentence."""
    what = f"That is some {told['speech_s']} s of speech of {told['model']}"
    if told["cost_usd"] is None:
        return f"{what}; its price: https://ai.google.dev/gemini-api/docs/pricing"
    return f"{what}, about {told['cost_usd']:.3f} US dollars (from 2027 on twice that)."


def _make(arguments: argparse.Namespace) -> int:
    told = _ask("show")
    print(cost_text(told))
    if not arguments.yes and not _agreed():
        complain(["nothing was made; say yes, or give --yes"])
        return 1
    told, until_s = _ask("make"), time.monotonic() + LONGEST_S
    while told["state"] == "making" and time.monotonic() < until_s:
        time.sleep(LOOK_S)
        told = _ask("show")
    if told["state"] != "done":
        complain([f"they were not made: {told['problem'] or 'it takes longer than usual'}"])
        return 1
    print(f"{told['made']} messages were made; they are said from now on")
    return 0


def _agreed() -> bool:
    if not sys.stdin.isatty():
        return False
    return input("Make them? [y/N] ").strip().lower() in ("y", "yes")
