"""All tools of a speaker: built in, the owner's, and those of MCP servers. Event loop only.

What cannot be used is a line in `problems`, and stops nothing: names that are taken, tools that cannot be
declared, more than MAX_TOOLS.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

from daemon.config.models import Capabilities
from daemon.config.settings import ToolSettings
from daemon.events import OtherTools
from daemon.outside import one_line
from daemon.tools.calling.workers import Workers
from daemon.tools.declaring.declarations import Declaration, Undeclarable, declare
from daemon.tools.declaring.spec import ToolSpec
from daemon.tools.sources.mcp_servers import McpTools
from daemon.tools.sources.owned import Owned, load_owned

log = logging.getLogger(__name__)

MAX_TOOLS = 64
"""Tools that a model is told of; policy: refuse the further ones. Models choose worse among many."""

MAX_PROBLEMS = 50
"""Lines that are kept for `conure status`; policy: keep the first."""

PROBLEM_CHARS = 500
"""Longest problem; a file and a server may put anything into it."""

LOAD_S = 20.0
"""Loading the owner's files may take this long; whatever then still hangs is done without."""


class Toolbox:
    """The tools by name, as `specs` gives them at any moment."""

    def __init__(
        self,
        settings: ToolSettings,
        model: Capabilities,
        built_in: Iterable[ToolSpec] = (),
        post: Callable[[OtherTools], None] = lambda other: None,
    ) -> None:
        self._settings = settings
        self._model = model
        self._post = post
        self._fixed: dict[str, ToolSpec] = {}
        self._declarations: dict[str, tuple[ToolSpec, Declaration]] = {}
        self.problems: list[str] = []
        self.servers: list[McpTools] = []
        self.add(built_in)

    def add(self, specs: Iterable[ToolSpec]) -> None:
        """These too, as far as they may be tools here."""
        for spec in specs:
            if self._may_have(spec, self._fixed):
                self._fixed[spec.name] = spec

    def specs(self) -> Mapping[str, ToolSpec]:
        """Every tool that can be called now."""
        found = dict(self._fixed)
        for server in self.servers:
            for name, spec in server.specs.items():
                if self._may_have(spec, found):
                    found[name] = spec
        return found

    def declarations(self) -> list[Declaration]:
        """What the service is told."""
        declared = {name: (spec, self._declared(spec)) for name, spec in self.specs().items()}
        self._declarations = dict(declared)  # those of tools that are gone are not kept
        return [declaration for _, declaration in declared.values()]

    async def load(self) -> None:
        """Load what the owner has added, on a thread, and note what is wrong with it."""
        directory = Path(self._settings.directory)
        if _is_missing(directory):
            self._note(f'tools.directory = "{directory}": there is no such directory')
        try:
            async with asyncio.timeout(LOAD_S):
                owned = await Workers(1).run(partial(load_owned, directory))
        except TimeoutError:
            self._note(f"{directory}: not used, for a file there was not loaded within {LOAD_S:g} s")
            return
        except Exception as error:
            log.exception("loading the owner's tools failed")
            self._note(f"{directory}: not used: {type(error).__name__}: {error}")
            return
        self.take(owned)

    def take(self, owned: Owned) -> None:
        """Add what was loaded."""
        for fault in owned.faults:
            self._note(fault)
        self.add(owned.tools)
        self.servers = [McpTools(server, partial(self._post, OtherTools())) for server in owned.servers]

    async def run_servers(self) -> None:
        """Keep the MCP servers running, for ever; with none, wait for ever."""
        async with asyncio.TaskGroup() as tasks:
            for server in self.servers:
                tasks.create_task(server.run(), name=f"MCP server {server.state.name}")
            await asyncio.Event().wait()

    def report(self) -> dict[str, Any]:
        """For `conure status`; None for what there is none of."""
        servers = [server.words() for server in self.servers]
        return {
            "known": len(self.specs()),
            "mcp_servers": servers or None,
            "problems": list(self.problems) or None,
        }

    # --- what may be a tool

    def _may_have(self, spec: ToolSpec, others: Mapping[str, ToolSpec]) -> bool:
        if any(fnmatchcase(spec.name, pattern) for pattern in self._settings.deny):
            return False
        if spec.name in others:
            first = others[spec.name].source
            self._note(f"{spec.source}: the name {spec.name} is taken ({first}); rename one, or deny it")
            return False
        if len(others) >= MAX_TOOLS:
            self._note(f"{spec.source}: {spec.name} is one too many; a model is told of {MAX_TOOLS} tools")
            return False
        try:
            self._declared(spec)
        except Undeclarable as error:
            self._note(f"{spec.source}: {spec.name} cannot be offered to the model: {error}")
            return False
        return True

    def _declared(self, spec: ToolSpec) -> Declaration:
        known = self._declarations.get(spec.name)
        if known is None or known[0] is not spec:
            known = self._declarations[spec.name] = (spec, declare(spec, self._model))
        return known[1]

    def _note(self, words: str) -> None:
        problem = one_line(words, PROBLEM_CHARS)
        if problem in self.problems or len(self.problems) >= MAX_PROBLEMS:
            return
        self.problems.append(problem)
        log.warning("%s", problem)


def _is_missing(directory: Path) -> bool:
    """Whether it was named and is not there; the one that nobody named need not be."""
    return str(directory) != ToolSettings().directory and not directory.is_dir()
