"""The ways to an MCP server, with a bound on all that it says: a program's standard streams, and HTTP.

Imported when a server is configured, and not before: `mcp`, the official client, is an extra of the
installation (`conure[mcp]`), and takes 25 MB and most of a second. Written against mcp 2.3. Its own transport
for programs ends at the first byte that is not UTF-8, keeps lines of any length, and logs each line that is
no message with a traceback; so this is ours. Event loop only.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import anyio
import httpx2
import mcp_types
from mcp.client.client import Client
from mcp.client.session import MessageHandlerFnT
from mcp.client.stdio import get_default_environment
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.message import SessionMessage

from daemon.outside import one_line
from daemon.tools.sources.pipes import reading_pipe
from daemon.tools.sources.toml_files import McpServer
from hw.files import OddFile, read_text

log = logging.getLogger(__name__)

MESSAGE_BYTES = 4 * 1024 * 1024
"""Longest message, a picture included; policy for a longer one: end the connection, and say so."""

LARGE_BYTES = 64 * 1024
"""From here on a message is parsed on a thread: 4 MB take a slow board 0.1 s."""

MAX_STRAY = 200
"""Lines in sequence that are no messages; policy: end the program, which does not speak MCP."""

SHOWN_CHARS = 200
"""Longest line of a server that is shown."""

DEBUG_LINES = 50
"""Lines of a program's standard error that are logged, at DEBUG, in one of its lives; policy: the first."""

TOKEN_LIMIT_BYTES = 8 * 1024

END_S = 1.0
"""So long a program has to end when its input ends, and again when it is told to; then it is killed."""


@dataclass(slots=True)
class Noticed:
    """What was seen of a server in one of its lives, beside its messages."""

    ended: asyncio.Event = field(default_factory=asyncio.Event)
    reason: str = ""
    """Why we have ended it."""
    status: int = 0
    """Of its last answer by HTTP."""
    last_words: str = ""
    """The last line on standard error."""
    stray: int = 0
    """Lines that were no messages, and were passed over."""


class TokenError(Exception):
    """The file of a token cannot be used."""


@contextlib.asynccontextmanager
async def connected(server: McpServer, noticed: Noticed, heard: MessageHandlerFnT) -> AsyncIterator[Any]:
    """A client of the server, told of each message by `heard`. Raises whatever it raises."""
    transport = _program(server, noticed) if server.argv else _http(server, noticed)
    async with Client(transport, message_handler=heard, cache=None) as client:
        yield client


# --- a program -------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _program(server: McpServer, noticed: Noticed) -> AsyncIterator[Any]:
    """The streams of a client whose server is a program. Raises OSError where it cannot be started."""
    async with reading_pipe(MESSAGE_BYTES) as (output, stdout), reading_pipe() as (errors, stderr):
        process = await _started(server, stdout, stderr)
        heard, to_client = _stream()
        to_server, said = _stream()
        tasks = [
            asyncio.create_task(_read_messages(output, heard, noticed), name="MCP output"),
            asyncio.create_task(_read_errors(errors, server.name, noticed), name="MCP errors"),
            asyncio.create_task(_write_messages(process, said, noticed), name="MCP input"),
        ]
        try:
            yield to_client, to_server
        finally:
            await _end(process)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for stream in (heard, to_client, to_server, said):
                stream.close()


def _stream() -> Any:
    """What takes messages, and what gives them; none waits in between."""
    return anyio.create_memory_object_stream[Any](0)


async def _started(server: McpServer, stdout: IO[bytes], stderr: IO[bytes]) -> Process:
    env = get_default_environment() | dict(server.env)
    process = await asyncio.create_subprocess_exec(
        *server.argv, stdin=PIPE, stdout=stdout, stderr=stderr, env=env, start_new_session=True
    )
    stdout.close()
    stderr.close()
    return process


async def _read_messages(output: asyncio.StreamReader, heard: Any, noticed: Noticed) -> None:
    """Hand on every line that is a message, until the stream ends or the server is ended."""
    in_sequence = 0
    try:
        while in_sequence < MAX_STRAY:
            line = await output.readuntil(b"\n")
            message = await _parsed_anywhere(line)
            if message is not None:
                in_sequence = 0
                await heard.send(SessionMessage(message))
            elif line.strip():
                in_sequence += 1
                noticed.stray += 1
                noticed.last_words = one_line(line[: 4 * SHOWN_CHARS].decode("utf-8", "replace"), SHOWN_CHARS)
            await asyncio.sleep(0)  # a flood must not keep the loop
        noticed.reason = f'it does not speak MCP, but prints lines such as "{noticed.last_words}"'
    except asyncio.LimitOverrunError:
        noticed.reason = f"it sent a message of more than {MESSAGE_BYTES // 2**20} MB; ask it for less"
    except (asyncio.IncompleteReadError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        pass  # it has ended, or the client has
    finally:
        heard.close()
        noticed.ended.set()


async def _parsed_anywhere(line: bytes) -> Any:
    return _parsed(line) if len(line) < LARGE_BYTES else await asyncio.to_thread(_parsed, line)


def _parsed(line: bytes) -> Any:
    """The message; None for a line that is none."""
    try:
        return mcp_types.jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        return None


async def _read_errors(errors: asyncio.StreamReader, name: str, noticed: Noticed) -> None:
    """Keep the last line, and log the first ones."""
    lines = 0
    while piece := await errors.read(LARGE_BYTES):
        for line in piece.decode("utf-8", "replace").splitlines()[-DEBUG_LINES:]:
            words = one_line(line, SHOWN_CHARS)
            noticed.last_words = words or noticed.last_words
            lines += 1
            if lines <= DEBUG_LINES:
                log.debug("MCP server %s says: %s", name, words)
        await asyncio.sleep(0)


async def _write_messages(process: Process, said: Any, noticed: Noticed) -> None:
    assert process.stdin is not None, "it is a pipe"
    try:
        async for message in said:
            text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            process.stdin.write(text.encode() + b"\n")
            await process.stdin.drain()
    except ConnectionError:
        pass  # it has ended, and says why on another stream
    except Exception as error:  # noqa: BLE001 - what cannot be written ends this life, and is told
        noticed.reason = f"a message to it cannot be written ({type(error).__name__})"
    finally:
        noticed.ended.set()


async def _end(process: Process) -> None:
    """End the program with all that it has started, within three times END_S, however it resists."""
    assert process.stdin is not None, "it is a pipe"
    process.stdin.close()
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        if number is not None:
            _tell_group(process, number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                await process.wait()
                break
    _tell_group(process, signal.SIGKILL)  # children that it has left behind


def _tell_group(process: Process, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


# --- HTTP ------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _http(server: McpServer, noticed: Noticed) -> AsyncIterator[Any]:
    """The streams of a client whose server has an address. Raises TokenError."""
    headers = {"Accept-Encoding": "identity"}  # a bound on what comes is none on what it unpacks to
    if server.token_file:
        headers["Authorization"] = f"Bearer {await asyncio.to_thread(_token, server.token_file)}"

    async def note(response: httpx2.Response) -> None:
        if response.request.method == "POST":  # to a GET, 405 is a right answer
            noticed.status = response.status_code
        if not response.headers.get("content-type", "").lower().startswith("text/event-stream"):
            response.stream = _Bounded(response.stream)

    stack = contextlib.AsyncExitStack()
    try:
        client = await stack.enter_async_context(create_mcp_http_client(headers))
        client.event_hooks = {"response": [note]}
        yield await stack.enter_async_context(
            streamable_http_client(server.url, http_client=client, max_sse_event_size=MESSAGE_BYTES)
        )
    finally:
        with contextlib.suppress(TimeoutError):  # it says good-bye to the server, who may not listen
            async with asyncio.timeout(END_S):
                await stack.aclose()


class _Bounded(httpx2.AsyncByteStream):
    """The body of an answer, up to MESSAGE_BYTES. Raises httpx2.StreamError beyond."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen_bytes = 0
        async for piece in self._stream:
            seen_bytes += len(piece)
            if seen_bytes > MESSAGE_BYTES:
                raise httpx2.StreamError(f"it sent an answer of more than {MESSAGE_BYTES // 2**20} MB")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


def _token(name: str) -> str:
    try:
        token = read_text(Path(name), TOKEN_LIMIT_BYTES).strip()
    except OSError as error:
        raise TokenError(f"token_file {name} cannot be read: {error.strerror or error}") from error
    except OddFile as error:
        raise TokenError(f"token_file {name} {error}") from error
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise TokenError(f"token_file {name} must hold the token alone, in one line")
    return token
