"""What a tool is, in plain data: the same whether it is a Python function, a command or an MCP tool. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from daemon.tools.declaring.confirm import Confirm

DEFAULT_TIMEOUT_S = 10.0
"""Somebody waits for the answer, aloud; who needs longer says so."""

MAX_TIMEOUT_S = 300.0
"""A call must end some day, for the model waits for its answer."""

NAME_CHARS = 64
NAME_FORM = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}")
"""What every model takes as the name of a function (Gemini API reference, FunctionDeclaration; the colons and
dots that some take besides are left out)."""

Schema = Mapping[str, Any]
"""A JSON schema in plain data, as far as `arguments.py` knows it."""


class Scheduling(Enum):
    """What the model does with an answer that comes while it, or its user, speaks (FunctionResponse)."""

    SILENT = "SILENT"
    """It keeps it in mind and says nothing."""
    WHEN_IDLE = "WHEN_IDLE"
    """It tells it when nobody speaks."""
    INTERRUPT = "INTERRUPT"
    """It tells it at once."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """One tool: what the model is told of it, and how it is run."""

    name: str
    description: str
    parameters: Schema
    """JSON schema of an object; without properties for a tool that takes nothing."""
    run: Callable[..., Any]
    """Takes checked arguments by name. A coroutine function runs on the event loop and must never block it;
    any other runs on a thread of its own."""
    timeout_s: float = DEFAULT_TIMEOUT_S
    blocking: bool = True
    """Whether the model waits for the answer, where it can do both."""
    scheduling: Scheduling = Scheduling.WHEN_IDLE
    source: str = "built in"
    """Where it comes from, for people."""
    confirm: Confirm | None = None
    """Which calls the user must confirm first; None: none."""


class ToolError(Exception):
    """A tool could not do what was asked; the text is for the model, which tells its user.

    `retryable`: whether the same call may succeed a moment later.
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable
