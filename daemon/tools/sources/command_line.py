"""A program's argument list with places for parameters; never a shell. Pure.

[command.wake]
description = "Wake a computer."
argv = ["wakeonlan", "{mac}"]

[command.wake.parameters.mac]
description = "the computer's hardware address"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daemon.tools.declaring.spec import ToolError


@dataclass(frozen=True, slots=True)
class CommandLine:
    """An argument list in which `{name}` as a whole argument stands for a parameter."""

    argv: tuple[str, ...]

    def fill(self, values: Mapping[str, Any]) -> list[str]:
        """The arguments of one call. Without its value a place is left out. Raises ToolError.

        Text that begins with a dash would be an option of the program, so that it may stand only behind `--`.
        """
        arguments: list[str] = []
        for argument in self.argv:
            name = place_in(argument)
            if name is None:
                arguments.append(argument)
            elif values.get(name) is not None:
                arguments.append(_as_argument(name, values[name], after_options="--" in arguments))
        return arguments


def place_in(argument: str) -> str | None:
    """The parameter that an argument stands for; None for one that stands for itself."""
    is_place = argument.startswith("{") and argument.endswith("}") and argument[1:-1].isidentifier()
    return argument[1:-1] if is_place else None


def _as_argument(name: str, value: Any, *, after_options: bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if "\0" in text:
        raise ToolError(f"{name} must not hold a null character.")
    if isinstance(value, str) and text.startswith("-") and not after_options:
        raise ToolError(f"{name} must not begin with a dash.")
    return text
