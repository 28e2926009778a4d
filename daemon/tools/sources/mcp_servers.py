"""MCP servers: started, asked for their tools, watched, and started again when they end. Event loop only.

`mcp_transports.py`, with the official client, is imported only when a server is configured. Whatever a server
says is made plain text and cut to a length here, before it reaches the log, the lists or the model.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from daemon.outside import one_line, plain_text
from daemon.tools.calling.answers import ANSWER_CHARS
from daemon.tools.declaring.spec import NAME_CHARS, ToolError, ToolSpec
from daemon.tools.sources.toml_files import McpServer

log = logging.getLogger(__name__)

START_S = 30.0
"""A server may be a script that has to be compiled first, on a slow board."""

PING_S = 30.0
"""How often it is looked whether a server still answers; a call finds out sooner."""

RELIST_PAUSE_S = 1.0
LONGEST_RELIST_PAUSE_S = 60.0
"""Between two looks at its tools, if it says that they have changed; some say so at each look, so the pause
grows while they do."""

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 300.0
PROVEN_S = 60.0
"""A server that lived so long is started again after the first pause."""

MAX_TOOLS = 64
"""Tools of one server; policy: refuse the further ones, in the log."""

MAX_OFFERED = 512
"""Tools that are looked at; policy: the first that it lists."""

WORDS_CHARS = 300
"""Longest text of a server in the log and the lists."""

MAX_WARNINGS = 10
WARNINGS_S = 600.0
"""So many warnings about one server in this time; policy: the further ones at DEBUG."""

BY_HAND = "run its program by hand to see why"

TRANSPORTS = "daemon.tools.sources.mcp_transports"

MISSING = "the MCP client is not installed: `sudo scripts/install --with mcp` (or pip install mcp)"


@dataclass(frozen=True, slots=True)
class ServerState:
    """What is known of a server, for people."""

    name: str
    tools: tuple[str, ...] = ()
    problem: str = "not started yet"
    starts: int = 0


class ServerEnded(Exception):
    """The server's end of the connection is closed."""


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
        self._noticed: Any = None
        self._relist = asyncio.Event()
        self._warned_s: deque[float] = deque(maxlen=MAX_WARNINGS)
        self.specs: dict[str, ToolSpec] = {}
        self.state = ServerState(server.name)
        self.listed = asyncio.Event()
        """Set when the first try has brought tools, or a problem."""

    def words(self) -> str:
        """How it is, in a line for people."""
        stray = self._noticed.stray if self._noticed else 0
        passed = f", {stray} lines that are no messages passed over" if stray else ""
        return f"{self.state.name}: {self.state.problem or f'{len(self.specs)} tools'}{passed}"

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
                self._note_problem(self._explain(error))
            if loop.time() - began_s > PROVEN_S:
                pause_s = FIRST_PAUSE_S
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)

    async def _serve(self) -> None:
        """One life of the server; raises what ended it."""
        starts = self.state.starts + 1
        self.state = ServerState(self._server.name, self.state.tools, "starting", starts)
        transports = await asyncio.to_thread(importlib.import_module, TRANSPORTS)
        self._noticed = transports.Noticed()
        async with contextlib.AsyncExitStack() as stack:
            async with asyncio.timeout(START_S):
                connection = transports.connected(self._server, self._noticed, self._heard)
                client = await stack.enter_async_context(connection)
                await self._list_tools(client)
            self._client = client
            try:
                await self._watch(client, self._noticed.ended)
            finally:
                self._client = None

    async def _watch(self, client: Any, ended: asyncio.Event) -> None:
        """Look now and then whether it answers; ask again for its tools when it says that they changed.

        Raises what the client raises, and ServerEnded.
        """
        pause_s = RELIST_PAUSE_S
        while not ended.is_set():
            asked = await _one_within(PING_S, ended, self._relist)
            async with asyncio.timeout(PING_S):
                if self._relist.is_set():
                    await self._list_tools(client)
                else:
                    await client.list_tools(cache_mode="bypass")
            if asked:
                await _one_within(pause_s, ended)
            pause_s = min(LONGEST_RELIST_PAUSE_S, 2 * pause_s) if asked else RELIST_PAUSE_S
        raise ServerEnded

    async def _heard(self, message: Any) -> None:
        """A notification of the server."""
        if getattr(message, "method", "") == "notifications/tools/list_changed":
            self._relist.set()

    async def _list_tools(self, client: Any) -> None:
        self._relist.clear()
        offered = (await client.list_tools(cache_mode="bypass")).tools[:MAX_OFFERED]
        allowed = [self._spec(tool) for tool in offered if self._allows(tool.name)]
        if len(allowed) > MAX_TOOLS:
            self._warn(f"more than {MAX_TOOLS} tools; allow fewer")
        specs = {spec.name: spec for spec in allowed[:MAX_TOOLS]}
        self._tell_absent({tool.name for tool in offered})
        self.state = ServerState(self._server.name, tuple(specs), "", self.state.starts)
        known, self.specs = self.specs, specs
        self.listed.set()
        if _told(known) != _told(specs):
            self._on_change()

    def _tell_absent(self, names: set[str]) -> None:
        absent = [name for name in self._server.allow if name != "*" and name not in names]
        if absent:
            self._warn(f"has no {', '.join(absent)}; it has {', '.join(sorted(names)) or 'none'}")

    def _allows(self, name: str) -> bool:
        return "*" in self._server.allow or name in self._server.allow

    def _spec(self, tool: Any) -> ToolSpec:
        name = name_for_model(tool.name)
        return ToolSpec(
            name=name,
            description=plain_text((tool.description or "")[:ANSWER_CHARS]).strip() or name,
            parameters=tool.input_schema,
            run=self._caller(tool.name),
            timeout_s=self._server.timeout_s,
            blocking=self._server.blocking,
            source=f"MCP server {self._server.name}",
            confirm=self._server.confirms(tool.name),
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
                raise ToolError(f"The MCP server {self._server.name}: {self._explain(error)}") from error

        return call

    def _explain(self, error: BaseException) -> str:
        return one_line(explain(error, self._server, self._noticed), WORDS_CHARS)

    def _note_problem(self, problem: str) -> None:
        known = self.state
        self.state = ServerState(known.name, known.tools, problem, known.starts)
        if known.problem != problem:
            self._warn(problem)
        self.listed.set()

    def _warn(self, words: str) -> None:
        """Tell it in the log, unless MAX_WARNINGS were told in the last WARNINGS_S."""
        now_s, warned_s = asyncio.get_running_loop().time(), self._warned_s
        fresh = len(warned_s) < MAX_WARNINGS or now_s - warned_s[0] > WARNINGS_S
        if fresh:
            warned_s.append(now_s)
        level = logging.WARNING if fresh else logging.DEBUG
        log.log(level, "MCP server %s: %s", self._server.name, one_line(words, WORDS_CHARS))


async def _one_within(seconds: float, *events: asyncio.Event) -> bool:
    """Wait until one of them is set; returns whether one was, in this time."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        done, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for wait in waits:
            wait.cancel()


def name_for_model(name: str) -> str:
    """The name of a server's tool as every model takes it: MCP allows dots, slashes and 128 characters."""
    plain = re.sub(r"[^a-zA-Z0-9_-]", "_", name[:NAME_CHARS]) or "_"
    return plain if plain[0].isalpha() or plain[0] == "_" else f"_{plain}"[:NAME_CHARS]


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
        kinds = ", ".join(sorted(set(others)))
        return f"The result is {kinds}, which cannot be spoken."
    return text


def explain(error: BaseException, server: McpServer, noticed: Any = None) -> str:
    """An error in a line; of a group, the first that it holds. `noticed` is of `mcp_transports.Noticed`."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if noticed is not None and noticed.reason:
        return str(noticed.reason)
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, FileNotFoundError):
        return f"there is no program or file {error.filename}"
    if type(error).__name__ == "ConnectError":  # httpx2's, which is not imported here
        return f"nobody answers at {server.url} ({error})"
    if isinstance(error, ServerEnded) or str(error) == "Connection closed":
        return _ended_words(noticed.last_words if noticed else "")
    if noticed is not None and noticed.status >= 400 and str(error) in STAND_INS:
        return _status_words(noticed.status, server)
    if str(error).startswith("Unexpected content type"):
        return f"what answers at {server.url} is no MCP server ({error})"
    return str(error) or type(error).__name__


STAND_INS = ("Server returned an error response", "Not Found", "Session terminated")
"""What the client says of an answer by HTTP in which the server says nothing itself."""


def _ended_words(last_words: str) -> str:
    return f"it ended; its last words: {last_words}" if last_words else f"it ended; {BY_HAND}"


def _status_words(status: int, server: McpServer) -> str:
    """What an HTTP status means here, and what helps (RFC 9110, section 15)."""
    match status:
        case 401 if server.token_file:
            return f"it refuses the token in {server.token_file} (401)"
        case 401:
            return "it wants a token (401): write it to a file, and name that in token_file"
        case 403:
            return "it forbids this (403); see what the token allows"
        case 404:
            return f"it is not at this address (404): {server.url}; the path is often /mcp"
        case 405:
            return (
                "it takes no messages at this address (405): it must speak streamable HTTP; "
                "an address for SSE, often ending in /sse, is of the older kind"
            )
    return f"it fails itself ({status})" if status >= 500 else f"it refuses what it is asked ({status})"
