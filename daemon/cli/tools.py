"""`conure tools list` and `call`: what the model can do, tried without it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from daemon.cli.arguments import add_config_option, add_json_option, complain, to_json
from daemon.cli.text.layout import table, terminal_width
from daemon.cli.usage import near
from daemon.errors import UsageError
from daemon.outside import json_of, one_line

if TYPE_CHECKING:
    from daemon.tools.declaring.spec import ToolSpec
    from daemon.tools.sources.toolbox import Toolbox

BUILT_IN = "built in"
"""`ToolSpec.source` of what comes with the speaker."""

ALONE = ("get_time",)
"""What is built in and needs no running speaker."""

FIRST_LINE_CHARS = 60


def add(commands: Any) -> None:
    """Add `conure tools`."""
    tools = commands.add_parser("tools", help="list or try what the model can do besides talk")
    tools.set_defaults(command=_list, json=False, config=None)
    actions = tools.add_subparsers(metavar="ACTION")
    listing = actions.add_parser(
        "list", help="every tool, and what is wrong with those that are not there (this is the default)"
    )
    listing.set_defaults(command=_list)
    for parser in (tools, listing):
        add_json_option(parser, "the declarations as the model gets them", nested=True)
    call = actions.add_parser("call", help="run a tool, and print the answer that the model would get")
    call.set_defaults(command=_call)
    call.add_argument("name", metavar="NAME")
    call.add_argument(
        "arguments", nargs="?", default="{}", metavar="JSON", help="such as '{\"percent\": 30}'"
    )
    for action in (listing, call):
        add_config_option(action)


def _list(arguments: argparse.Namespace) -> int:
    async def job(toolbox: Toolbox) -> int:
        if arguments.json:
            from dataclasses import asdict

            print(to_json([asdict(declaration) for declaration in toolbox.declarations()], indent=2))
        else:
            rows = [[spec.name, _short(spec.description), _source(spec)] for spec in toolbox.specs().values()]
            print(table([], rows, terminal_width(sys.stdout)) if rows else "no tools")
        problems = _problems(toolbox)
        complain(problems)
        return 1 if problems else 0

    return _run(_with_tools(arguments, job))


def _call(arguments: argparse.Namespace) -> int:
    async def job(toolbox: Toolbox) -> int:
        spec = toolbox.specs().get(arguments.name)
        if spec is None:
            complain(_problems(toolbox))
            hint = near(arguments.name, list(toolbox.specs())) or "; `conure tools list` shows them all"
            raise UsageError(f"there is no tool {arguments.name!r}{hint}")
        answer = await _answer(spec, _json_object(arguments.arguments))
        print(to_json(answer, indent=2))
        return 0 if answer["status"] == "ok" else 1

    return _run(_with_tools(arguments, job, arguments.name))


async def _answer(spec: ToolSpec, arguments: dict[str, Any]) -> dict[str, Any]:
    """What is built in acts on the running speaker, and is run there; everything else is run here."""
    if spec.source == BUILT_IN and spec.name not in ALONE:
        answer: dict[str, Any] = await _ask("tool", {"name": spec.name, "arguments": arguments})
        return answer
    from daemon.tools.calling.runner import Runner

    return await Runner().carry_out(spec, arguments)


def _run(job: Coroutine[None, None, int]) -> int:
    from daemon.runtime import loop

    return loop.run(job)


async def _with_tools(arguments: argparse.Namespace, job: Any, wanted: str = "") -> int:
    """Load the tools, start the MCP servers if they are needed, do the job, end the servers."""
    import asyncio
    import logging

    from daemon.config import load
    from daemon.config.models import capabilities
    from daemon.reminders.service import Reminders
    from daemon.reminders.tools import ReminderTools
    from daemon.tools import spec_of
    from daemon.tools.kit import built_in
    from daemon.tools.memory import Memory
    from daemon.tools.sources.toolbox import Toolbox

    settings = load.load(arguments.config, os.environ).settings
    memory = Memory(enabled=settings.memory.enabled)
    others = [*ReminderTools(Reminders(settings.reminders)).all(), *memory.tools()]
    specs = [*built_in(_ask), *map(spec_of, others)]
    toolbox = Toolbox(settings.tools, capabilities(settings.live.model), specs)
    logging.disable(logging.WARNING)  # what is wrong is told by the commands themselves
    await toolbox.load()
    servers = asyncio.create_task(_start_servers(toolbox, wanted))
    try:
        for server in toolbox.servers if wanted not in toolbox.specs() else []:
            await server.listed.wait()
        code: int = await job(toolbox)
        return code
    finally:
        servers.cancel()
        await asyncio.gather(servers, return_exceptions=True)


async def _start_servers(toolbox: Toolbox, wanted: str) -> None:
    """Unless the one tool that is wanted is there without them."""
    if wanted not in toolbox.specs():
        await toolbox.run_servers()


async def _ask(command: str, args: dict[str, Any]) -> Any:
    """As the running speaker's own tools would ask it; off the event loop, for it waits."""
    import asyncio

    from daemon.control.client import call, find_daemon

    return await asyncio.to_thread(lambda: call(find_daemon(os.environ), command, args))


def _problems(toolbox: Toolbox) -> list[str]:
    states = [server.state for server in toolbox.servers]
    down = [f"MCP server {state.name}: {state.problem}" for state in states if state.problem]
    return [*toolbox.problems, *down]


def _source(spec: ToolSpec) -> str:
    """Where it comes from, and whether the user is asked before it is done."""
    return f"{spec.source}, asks first" if spec.confirm else spec.source


def _short(text: str) -> str:
    return one_line(text, FIRST_LINE_CHARS)


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json_of(text)
    except ValueError as error:
        raise UsageError(f"the arguments are not JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageError('the arguments must be a JSON object, such as {"percent": 30}')
    return value
