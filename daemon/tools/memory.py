"""The facts that a user asked the speaker to keep: few, short, in a plain file, one to a line.

Event loop only. Nothing is kept unless `[memory] enabled` says so. The file is read once, at the start; who
edits it by hand does so while the speaker is stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from daemon.errors import ControlError
from daemon.runtime.store import Store
from daemon.tools.declaring.functions import tool
from daemon.tools.declaring.spec import ToolError
from hw.files import text_of

FILE = "facts.txt"

MAX_FACTS = 40
"""Policy for one more: refuse it, in words. All are told to the model at the start of each session."""

MAX_FACT = 160
"""Characters of a fact; policy: refuse a longer one, in words. All together are some 1,600 tokens at most."""

HEADING = "The user asked you to remember:"


class CannotRemember(Exception):
    """What was asked cannot be done; the message is for the user, and says what can."""


class Memory:
    """The facts, oldest first."""

    def __init__(self, store: Store | None = None, *, enabled: bool = False) -> None:
        """Without a store nothing outlives the process. `enabled` is `[memory] enabled`."""
        self._store = store if enabled else None
        self._saving = asyncio.Lock()
        self.enabled = enabled
        self.facts = self._load()

    @property
    def save_failures(self) -> int:
        """Writes that failed."""
        return self._store.failures if self._store else 0

    def facts_text(self) -> str:
        """What the system instruction says of them; empty where there are none."""
        return "\n".join([HEADING, *(f"- {fact}" for fact in self.facts)]) if self.facts else ""

    def tools(self) -> list[Callable[..., Awaitable[str]]]:
        """What the model may do; nothing, unless it is enabled."""
        return [self.remember, self.list_facts, self.forget] if self.enabled else []

    @tool()
    async def remember(self, fact: str) -> str:
        """Keep a short fact for all later conversations. Only when the user asks to remember something.

        Args:
            fact: one sentence that makes sense by itself, like "The user's sister is called Ann."
        """
        return await _told(self._add(fact))

    @tool()
    async def list_facts(self) -> str:
        """List the facts that the user asked to remember, with their numbers."""
        return self.listing()

    @tool()
    async def forget(self, which: str) -> str:
        """Forget a fact that was remembered.

        Args:
            which: its number, some words of it, or "all"
        """
        return await _told(self._remove(which))

    async def handle(self, args: dict[str, Any]) -> Any:
        """Carry out the command `memory` of the control socket. Raises ControlError."""
        if not self.enabled:
            raise ControlError("nothing is kept: set [memory] enabled = true in the configuration")
        try:
            match args:
                case {"action": "list", "form": "data"}:
                    return {"facts": list(self.facts)}
                case {"action": "list"}:
                    return self.listing()
                case {"action": "forget", "which": str(which)}:
                    return await self._remove(which)
        except CannotRemember as error:
            raise ControlError(str(error)) from error
        raise ControlError(f"the command memory does not know {args.get('action')!r} in this form")

    def listing(self) -> str:
        """All of it, a numbered line each."""
        lines = [f"{number}: {fact}" for number, fact in enumerate(self.facts, start=1)]
        return "\n".join(lines) or "Nothing is remembered."

    async def _add(self, fact: str) -> str:
        line = one_line(fact)
        if not line or len(line) > MAX_FACT:
            raise CannotRemember(f"a fact has 1 to {MAX_FACT} characters, not {len(line)}")
        if line in self.facts:
            return f"That is remembered already: {line}"
        if len(self.facts) >= MAX_FACTS:
            raise CannotRemember(f"{MAX_FACTS} facts are remembered already; forget some first")
        self.facts = [*self.facts, line]
        return f"Remembered: {line}{await self._save()}"

    async def _remove(self, which: str) -> str:
        found = self._find(which)
        self.facts = [fact for fact in self.facts if fact not in found]
        return f"Forgotten: {'; '.join(found)}{await self._save()}"

    def _find(self, which: str) -> list[str]:
        if not self.facts:
            raise CannotRemember("nothing is remembered, so there is nothing to forget")
        word = one_line(which).casefold()
        if word == "all":
            return self.facts
        if word.isdecimal() and 1 <= int(word) <= len(self.facts):
            return [self.facts[int(word) - 1]]
        found = [fact for fact in self.facts if word and word in fact.casefold()]
        if len(found) == 1:
            return found
        problem = f'"{which}" may be any of these' if found else f'nothing fits "{which}"; these are kept'
        raise CannotRemember(f"{problem}:\n{self.listing()}")

    def _load(self) -> list[str]:
        if self._store is None:
            return []
        return self._store.load(FILE, _parse, decode=text_of) or []

    async def _save(self) -> str:
        """Write the file; returns what is to be added to the answer."""
        if self._store is not None:
            async with self._saving:
                text = "".join(f"{fact}\n" for fact in self.facts) or None
                if await self._store.keep_aside(FILE, text):
                    return ""
        return " (It is not saved, so this ends with the program.)"


def one_line(text: str) -> str:
    """A text without line ends, control characters and halves of surrogate pairs."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _parse(text: str) -> list[str]:
    """Raises ValueError for what is no file of facts."""
    lines = [line for line in map(one_line, text.splitlines()) if line]
    if len(lines) > MAX_FACTS or any(len(line) > MAX_FACT for line in lines):
        raise ValueError(f"at most {MAX_FACTS} lines of {MAX_FACT} characters")
    return lines


async def _told(answer: Awaitable[str]) -> str:
    try:
        return await answer
    except CannotRemember as error:
        raise ToolError(str(error)) from error
