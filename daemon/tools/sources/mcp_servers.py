"""MCP servers: started, asked for their tools, watched, and started again when they end. Event loop only.

The only module that imports `mcp`, the official client, and only when a server is configured: it is an extra
of the installation (`conure[mcp]`), and takes 25 MB and most of a second. Written against mcp 2.3.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from daemon.tools.declaring.spec import ToolError, ToolSpec
from daemon.tools.sources.toml_files import McpServer

log = logging.getLogger(__name__)

START_S = 30.0
"""A server may be a script that has to be compiled first, on a slow board."""

PING_S = 30.0
"""How often it is looked whether a server still answers; a call finds out sooner."""

RELIST_PAUSE_S = 1.0
"""Between two looks at its tools, if it says that they have changed; some say so at each look."""

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 300.0
PROVEN_S = 60.0
"""A server that lived so long is started again after the first pause."""

MAX_TOOLS = 64
"""Tools of one server; policy: refuse the further ones, in the log."""

MISSING = "the MCP client is not installed: `sudo scripts/install --with mcp` (or pip install mcp)"


@dataclass(frozen=True, slots=True)
class ServerState:
    """What is known of a server, for people."""

    name: str
    tools: tuple[str, ...] = ()
    problem: str = "not started yet"
    starts: int = 0


class McpTools:
    """The tools of one server, while `run` keeps it running.

    `specs` are those that the configuration allows. They stay while the server is away, so that the model is
    told that it is.
    """

    def __init__(self, server: McpServer, on_change: Callable[[], None]) -> None:
        """`on_change` is called when `specs` have changed."""
        self._server = server
        self._on_change = on_change
        self._client: Any = None
        self._relist = asyncio.Event()
        self.specs: dict[str, ToolSpec] = {}
        self.state = ServerState(server.name)
        self.listed = asyncio.Event()
        """Set when the first try has brought tools, or a problem."""

    async def run(self) -> None:
        """Start the server, again and again. Ends only by cancellation, or where the client is missing."""
        pause_s = FIRST_PAUSE_S
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            try:
                await self._serve()
            except ImportError as error:
                self._note_problem(MISSING if error.name == "mcp" else f"{MISSING} ({error})")
                return
            except Exception as error:  # noqa: BLE001 - whatever a server or its client does, it is tried again
                self._note_problem(explain(error))
            if loop.time() - began_s > PROVEN_S:
                pause_s = FIRST_PAUSE_S
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)

    async def _serve(self) -> None:
        """One life of the server; raises what ended it."""
        starts = self.state.starts + 1
        self.state = ServerState(self._server.name, self.state.tools, "starting", starts)
        async with contextlib.AsyncExitStack() as stack:
            async with asyncio.timeout(START_S):
                client = await stack.enter_async_context(connected(self._server, self._heard))
                await self._list_tools(client)
            self._client = client
            try:
                await self._watch(client)
            finally:
                self._client = None

    async def _watch(self, client: Any) -> None:
        """Look now and then whether it answers; ask again for its tools when it says that they changed."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PING_S):
                    await self._relist.wait()
            async with asyncio.timeout(PING_S):
                if self._relist.is_set():
                    await self._list_tools(client)
                    await asyncio.sleep(RELIST_PAUSE_S)
                else:
                    await client.list_tools(cache_mode="bypass")

    async def _heard(self, message: Any) -> None:
        """A notification of the server, or the end of its stream."""
        method = getattr(message, "method", "")
        if method == "notifications/tools/list_changed" or isinstance(message, Exception):
            self._relist.set()

    async def _list_tools(self, client: Any) -> None:
        self._relist.clear()
        offered = (await client.list_tools(cache_mode="bypass")).tools
        specs = {tool.name: self._spec(tool) for tool in offered if self._allows(tool.name)}
        if len(specs) > MAX_TOOLS:
            log.warning("MCP server %s: more than %d tools; allow fewer", self._server.name, MAX_TOOLS)
            specs = dict(list(specs.items())[:MAX_TOOLS])
        names = {tool.name for tool in offered}
        absent = [name for name in self._server.allow if name != "*" and name not in names]
        if absent:
            there_are = ", ".join(sorted(names)) or "none"
            log.warning("MCP server %s has no %s; it has %s", self._server.name, ", ".join(absent), there_are)
        self.state = ServerState(self._server.name, tuple(specs), "", self.state.starts)
        known, self.specs = self.specs, specs
        self.listed.set()
        if _told(known) != _told(specs):
            self._on_change()

    def _allows(self, name: str) -> bool:
        return "*" in self._server.allow or name in self._server.allow

    def _spec(self, tool: Any) -> ToolSpec:
        return ToolSpec(
            name=tool.name,
            description=tool.description or tool.name,
            parameters=tool.input_schema,
            run=self._caller(tool.name),
            timeout_s=self._server.timeout_s,
            blocking=self._server.blocking,
            source=f"MCP server {self._server.name}",
        )

    def _caller(self, name: str) -> Callable[..., Any]:
        async def call(**arguments: Any) -> Any:
            if self._client is None:
                raise ToolError(f"The MCP server {self._server.name} is not there just now.", retryable=True)
            try:
                return result_of(await self._client.call_tool(name, arguments))
            except ToolError:
                raise
            except Exception as error:
                self._relist.set()  # if the server is gone, this finds out
                raise ToolError(f"The MCP server {self._server.name}: {explain(error)}") from error

        return call

    def _note_problem(self, problem: str) -> None:
        known = self.state
        self.state = ServerState(known.name, known.tools, problem, known.starts)
        level = logging.DEBUG if known.problem == problem else logging.WARNING
        log.log(level, "MCP server %s: %s", self._server.name, problem)
        self.listed.set()


def _told(specs: Mapping[str, ToolSpec]) -> list[tuple[str, str, Any]]:
    """What the model is told of tools."""
    return [(spec.name, spec.description, spec.parameters) for spec in specs.values()]


def result_of(result: Any) -> Any:
    """What a call brought: structured data, or the texts. Raises ToolError where the server says so."""
    texts = [part.text for part in result.content or [] if getattr(part, "type", "") == "text"]
    others = [part.type for part in result.content or [] if getattr(part, "type", "") != "text"]
    text = "\n".join(texts)
    if result.is_error:
        raise ToolError(text or "The server reports an error without words.")
    if result.structured_content is not None:
        return result.structured_content
    if others and not text:
        return f"The result is {', '.join(others)}, which cannot be spoken."
    return text


def explain(error: BaseException) -> str:
    """An error in a line; of a group, the first that it holds."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, FileNotFoundError):
        return f"there is no program or file {error.filename}"
    if str(error) == "Connection closed":
        return "it ended; run its program by hand to see why"
    return str(error) or type(error).__name__


@contextlib.asynccontextmanager
async def connected(server: McpServer, heard: Callable[[Any], Any]) -> AsyncIterator[Any]:
    """A client of the server. Raises ImportError where `mcp` is not installed, and whatever it raises."""
    client_module = await asyncio.to_thread(importlib.import_module, "mcp.client.client")
    async with (
        _transport(server) as transport,
        client_module.Client(transport, message_handler=heard, cache=None) as client,
    ):
        yield client


@contextlib.asynccontextmanager
async def _transport(server: McpServer) -> AsyncIterator[Any]:
    if server.argv:
        stdio = await asyncio.to_thread(importlib.import_module, "mcp.client.stdio")
        program, *arguments = server.argv
        yield stdio.stdio_client(
            stdio.StdioServerParameters(command=program, args=arguments, env=dict(server.env))
        )
        return
    http = await asyncio.to_thread(importlib.import_module, "mcp.client.streamable_http")
    if not server.token_file:
        yield http.streamable_http_client(server.url)
        return
    token = await asyncio.to_thread(partial(Path(server.token_file).read_text, encoding="ascii"))
    utilities = importlib.import_module("mcp.shared._httpx_utils")
    headers = {"Authorization": f"Bearer {token.strip()}"}
    async with utilities.create_mcp_http_client(headers) as client:
        yield http.streamable_http_client(server.url, http_client=client)
