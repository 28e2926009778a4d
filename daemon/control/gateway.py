"""What the gateway asks of the speaker: what a talk begins with and cost, and who talks. Event loop only."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from daemon.conductor.accounts import Accounts, Day
from daemon.control.commands import Handler
from daemon.errors import ControlError
from daemon.outside import OutOfRange, number, one_line, whole_number
from daemon.tools.declaring.spec import ToolSpec
from daemon.tools.kit import ToolKit
from hw.base import MIC_FORMAT, SPEAKER_FORMAT

LONGEST_S = 3600.0
"""Audio of one direction that may be accounted for at once: more than a talk lasts between two reports."""
MOST_TOKENS = 10_000_000

TALKS_KEPT_S = 90.0
"""So long a list of talks holds: a gateway that ended by a fault takes nothing back. It tells each 30 s."""
MAX_TALKS = 32
NAME_CHARS = 60


class RemoteTalks:
    """Who talks through the gateway, as it told last."""

    def __init__(self, tell: Callable[..., None], clock: Callable[[], float] = time.monotonic) -> None:
        """`tell` is `Feed.tell`."""
        self._tell = tell
        self._clock = clock
        self._talks: list[str] = []
        self._until_s = 0.0

    async def handle(self, args: dict[str, Any]) -> None:
        """The command `talk_notes`: `talks` are the names of all that are open now. Raises ControlError."""
        talks = args.get("talks")
        if not isinstance(talks, list) or not all(isinstance(name, str) for name in talks):
            raise ControlError("the talks are a list of names")
        before = self.names
        self._talks = [one_line(name, NAME_CHARS) for name in talks[:MAX_TALKS]]
        self._until_s = self._clock() + TALKS_KEPT_S
        for name in (name for name in self._talks if name not in before):
            self._tell("talk", name=name, open=True)
        for name in (name for name in before if name not in self._talks):
            self._tell("talk", name=name, open=False)

    @property
    def names(self) -> list[str]:
        """Who talks now."""
        return self._talks if self._clock() < self._until_s else []

    def report(self) -> dict[str, Any]:
        """For `conure status`."""
        return {"talks": self.names or None}


class GatewayCommands:
    """The commands of a gateway, by their names."""

    def __init__(self, tools: ToolKit, accounts: Accounts) -> None:
        self._tools = tools
        self._accounts = accounts

    def handlers(self) -> dict[str, Handler]:
        """For `Commands`."""
        return {"equipment": self.equipment, "account": self.account}

    async def equipment(self, _args: dict[str, Any]) -> dict[str, Any]:
        """What a session begins with: the instruction, and each tool with where it comes from."""
        specs = self._tools.toolbox.specs()
        equipment = self._tools.equipment
        return {
            "instruction": equipment.instruction(),
            "declarations": [asdict(one) | _about(specs[one.name]) for one in equipment.declarations()],
        }

    async def account(self, args: dict[str, Any]) -> dict[str, Any]:
        """Count what talks have used: `sent_s`, `received_s`, `prompt_tokens`, `response_tokens`, each 0 if
        missing. Answers whether the day's budget is used up. Raises ControlError.
        """
        try:
            used = _day_of(args)
        except OutOfRange as error:
            raise ControlError(f"what was used {error}") from error
        if used != Day():
            self._accounts.add(used)
        return {"used_up": self._accounts.used_up(), "budget": self._accounts.budget_words()}


def _about(spec: ToolSpec) -> dict[str, Any]:
    """What the model is not told of a tool: where it comes from, and which calls the user must confirm."""
    return {"source": spec.source, "confirm": spec.confirm.plain() if spec.confirm else None}


def _day_of(args: dict[str, Any]) -> Day:
    """Raises OutOfRange."""
    return Day(
        sent_bytes=MIC_FORMAT.bytes(number(args.get("sent_s", 0), 0, LONGEST_S)),
        received_bytes=SPEAKER_FORMAT.bytes(number(args.get("received_s", 0), 0, LONGEST_S)),
        prompt_tokens=whole_number(args.get("prompt_tokens", 0), 0, MOST_TOKENS),
        response_tokens=whole_number(args.get("response_tokens", 0), 0, MOST_TOKENS),
    )
