"""What a talk's model is told and may call: the speaker's own instruction and tools, carried out there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from daemon.config.settings import LiveSettings
from daemon.errors import ControlError
from daemon.runtime.clock import clock_is_set
from daemon.runtime.local_clock import local_time
from daemon.tools.declaring.confirm import Confirm
from daemon.tools.declaring.declarations import Declaration, Equipment
from daemon.tools.declaring.spec import ToolError, ToolSpec
from daemon.tools.instruction import compose
from daemon.web.talk.news import TalkWishes

TOOL_TIMEOUT_S = 30.0
"""The speaker gives up sooner (`ANSWER_TIMEOUT_S` of its control socket); this is a bound."""

EQUIPMENT_S = 3.0
"""A speaker that does not answer sooner is as good as away; the user waits for the talk to begin."""

AWAY = "The speaker is away, so this was not done."

BUILT_IN = ToolSpec(name="", description="", parameters={}, run=print).source
"""What the speaker calls tools that came with it."""

THE_SPEAKERS_OWN = ("end_conversation",)
"""Tools that mean the conversation at the speaker: a talk would end somebody else's."""

Ask = Callable[..., Awaitable[Any]]
"""`ask(command, **args)`: a command of the speaker's control socket. May raise ControlError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkEquipment:
    """An instruction, and tools by name; with none of both the settings alone."""

    instruction: str = ""
    declarations: tuple[Declaration, ...] = ()
    tools: Mapping[str, ToolSpec] = field(default_factory=dict)

    def for_session(self, live: LiveSettings, wishes: TalkWishes) -> Equipment:
        """What a session is set up with."""
        return Equipment(lambda: self._words(live, wishes), lambda: self.declarations, pictures=True)

    def _words(self, live: LiveSettings, wishes: TalkWishes) -> str:
        own = self.instruction or compose(
            replace(live, instruction=wishes.instruction or live.instruction), _now(), tools=False
        )
        wished = wishes.instruction if self.instruction else ""
        device = f"The user is not beside the speaker: they talk to you through {wishes.device}."
        return "\n".join(line for line in (own, wished, device if wishes.device else "") if line)


def _now() -> Any:
    return local_time() if clock_is_set(time.time()) else None


async def equipment_of(ask: Ask | None, allowed: str) -> TalkEquipment:
    """What the speaker gives; nothing where there is none, or it is away. `allowed` is `web.talk_tools`."""
    if ask is None:
        return TalkEquipment()
    try:
        async with asyncio.timeout(EQUIPMENT_S):
            given = await ask("equipment")
    except (ControlError, TimeoutError):
        return TalkEquipment()
    declarations = tuple(_declaration(one) for one in given["declarations"] if _may(one, allowed))
    tools = {one.name: _tool(one, ask) for one in declarations}
    rules = {one["name"]: one.get("confirm") for one in given["declarations"]}
    confirms = {name: Confirm.from_plain(plain) for name, plain in rules.items() if plain is not None}
    return TalkEquipment(
        instruction=given["instruction"],
        declarations=declarations,
        tools={name: replace(spec, confirm=confirms.get(name)) for name, spec in tools.items()},
    )


def _may(one: Mapping[str, Any], allowed: str) -> bool:
    """Whether a talk may use this tool of the speaker."""
    if one["name"] in THE_SPEAKERS_OWN or allowed == "none":
        return False
    return allowed == "all" or one["source"] == BUILT_IN


def _declaration(one: Mapping[str, Any]) -> Declaration:
    return Declaration(one["name"], one["description"], one["parameters"], one["behavior"])


def _tool(declaration: Declaration, ask: Ask) -> ToolSpec:
    async def run(**arguments: Any) -> Any:
        try:
            answer = await ask("tool", name=declaration.name, arguments=arguments)
        except ControlError as error:
            raise ToolError(AWAY, retryable=True) from error
        if answer.get("status") == "error":
            raise ToolError(str(answer.get("message", "")), retryable=bool(answer.get("retryable")))
        return answer.get("result", answer.get("message"))

    return ToolSpec(
        name=declaration.name,
        description=declaration.description,
        parameters=declaration.parameters,
        run=run,
        timeout_s=TOOL_TIMEOUT_S,
        blocking=declaration.behavior != "NON_BLOCKING",
        source="the speaker",
    )
