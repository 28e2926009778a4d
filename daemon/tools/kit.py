"""Puts the tools of a speaker together, for the running daemon and for `conure tools`. Event loop only."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from daemon.config.models import Tool, capabilities
from daemon.config.settings import Settings
from daemon.errors import ControlError
from daemon.events import OtherTools, ToolsChanged
from daemon.runtime.clock import clock_is_set
from daemon.runtime.feed import Feed
from daemon.runtime.local_clock import local_time
from daemon.tools.calling.answers import Answer
from daemon.tools.calling.host import ToolHost
from daemon.tools.declaring.declarations import Equipment
from daemon.tools.declaring.functions import spec_of
from daemon.tools.declaring.spec import ToolError, ToolSpec
from daemon.tools.instruction import compose
from daemon.tools.sources.builtin import BuiltIn
from daemon.tools.sources.toolbox import Toolbox

Ask = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Carries out a command of the control socket. May raise ControlError."""


@dataclass(frozen=True, slots=True)
class ToolKit:
    """The tools of a running speaker."""

    toolbox: Toolbox
    host: ToolHost
    equipment: Equipment

    def report(self) -> dict[str, Any]:
        """For `conure status`."""
        return {"tools": self.toolbox.report() | {"open": self.host.open}}

    async def handle(self, args: dict[str, Any]) -> Answer:
        """The command `tool`: run one here and answer as the model would be. Raises ControlError."""
        name, arguments = args.get("name"), args.get("arguments", {})
        spec = self.toolbox.specs().get(name) if isinstance(name, str) else None
        if spec is None or not isinstance(arguments, dict):
            raise ControlError(f"there is no tool {name!r}, or its arguments are no object")
        return await self.host.runner.carry_out(spec, arguments)

    def counters(self) -> dict[str, int]:
        """Everything about calls that is counted."""
        runner = self.host.runner
        counted = asdict(self.host.counters) | {
            "consents_asked": self.host.confirmations.asked,
            "consents_given": self.host.confirmations.confirmed,
            "timeouts": runner.timeouts,
            "threads_refused": runner.workers.refused,
            "threads_running": runner.workers.running,
        }
        return {f"tool_{name}": count for name, count in counted.items()}


def build_kit(
    settings: Settings,
    functions: Iterable[Callable[..., Any]] = (),
    *,
    facts: Callable[[], str] = str,
    feed: Feed,
    post: Callable[[ToolsChanged | OtherTools], None],
    hold_uplink: Callable[[bool], None],
) -> ToolKit:
    """A kit with these functions, to which `toolbox.add` brings more. `facts` is what the instruction says of
    the user; `hold_uplink` as in `ToolHost`.
    """
    model = capabilities(settings.live.model)
    toolbox = Toolbox(settings.tools, model, map(spec_of, functions), post)
    host = ToolHost(toolbox.specs, model, feed=feed, post=post, hold_uplink=hold_uplink)

    def instruction() -> str:
        return compose(settings.live, local_now(), tools=Tool.FUNCTIONS in model.tools, facts=facts())

    pictures = settings.camera.use != "off"
    return ToolKit(toolbox, host, Equipment(instruction, toolbox.declarations, pictures=pictures))


def built_in(ask: Ask) -> list[ToolSpec]:
    """The tools that act on the speaker."""
    return BuiltIn(CommandedDevice(ask), local_now).specs()


def local_now() -> datetime | None:
    """The local time with its zone; None while the clock is not set."""
    if not clock_is_set(time.time()):
        return None
    return local_time()


class CommandedDevice:
    """A speaker that is told what to do by commands (`builtin.Device`)."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def status(self) -> dict[str, Any]:
        """All of it."""
        status: dict[str, Any] = await self._do("status")
        return status

    async def set_volume(self, percent: int) -> None:
        """Set the loudness."""
        await self._do("volume", percent=percent)

    async def mute(self) -> None:
        """Close the microphone."""
        await self._do("mute")

    async def end_conversation(self) -> None:
        """No follow-up."""
        await self._do("end")

    async def _do(self, command: str, **args: Any) -> Any:
        try:
            return await self._ask(command, args)
        except ControlError as error:
            raise ToolError(str(error)) from error
