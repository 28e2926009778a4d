"""MCP servers that are not well made: what they say is passed over, cut, or told in words; nothing hangs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.tools.calling.runner import Runner
from daemon.tools.sources import mcp_servers
from daemon.tools.sources.mcp_servers import McpTools, name_for_model
from daemon.tools.sources.toml_files import McpServer

pytest.importorskip("mcp", reason="the extra conure[mcp] is not installed")

ODD = Path(__file__).parents[2] / "support" / "odd_mcp.py"


@contextlib.asynccontextmanager
async def odd_server(mode: str, seed: int = 0) -> AsyncIterator[McpTools]:
    server = McpServer("odd", (sys.executable, "-S", str(ODD), mode, str(seed)), allow=("*",), timeout_s=5.0)
    async with running(server) as tools:
        yield tools


@contextlib.asynccontextmanager
async def running(server: McpServer) -> AsyncIterator[McpTools]:
    """The server, asked for its tools once; its end is bounded."""
    tools = McpTools(server, lambda: None)
    task = asyncio.create_task(tools.run())
    try:
        async with asyncio.timeout(30):
            await tools.listed.wait()
        yield tools
    finally:
        task.cancel()
        async with asyncio.timeout(10):
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("seed", range(5))
async def test_what_is_no_message_harms_no_call(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with odd_server("odd", seed) as tools:
        assert tools.state.problem == ""
        for _ in range(8):
            answer = await Runner().carry_out(tools.specs["home_light_set"], {})
            assert answer == {"status": "ok", "message": "home.light/set: on[2J", "retryable": False}
        assert tools.state.starts == 1
    assert "\x1b" not in caplog.text
    assert "\u202e" not in caplog.text
    assert max(len(record.getMessage()) for record in caplog.records) < 500
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) <= 2


async def test_stray_lines_are_counted_and_do_not_make_us_ask_again(caplog: pytest.LogCaptureFixture) -> None:
    async with odd_server("stray") as tools:
        for _ in range(20):
            assert (await Runner().carry_out(tools.specs["home_light_set"], {}))["status"] == "ok"
        # hello, hello again the older way, initialized, list, twenty calls
        found = re.search(r", (\d+) lines that are no messages passed over$", tools.words())
        assert found is not None
        assert 20 <= int(found[1]) <= 26
    assert caplog.records == []


async def test_a_message_without_end_ends_the_connection_and_the_call_at_once() -> None:
    async with odd_server("stray") as tools:
        answer = await Runner().carry_out(tools.specs["large"], {})
        assert answer["status"] == "error"
        assert "sent a message of more than 4 MB" in answer["message"]
        await until(lambda: tools.state.starts == 2 and not tools.state.problem)
        assert (await Runner().carry_out(tools.specs["home_light_set"], {}))["status"] == "ok"


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("flood", 'does not speak MCP, but prints lines such as "I am a program that prints. [2J"'),
        ("endless", "sent a message of more than 4 MB"),
        ("dies", "it ended; its last words: [31mthe library libodd is missing"),
    ],
)
async def test_a_program_that_is_no_server_is_told_in_its_words(mode: str, words: str) -> None:
    async with odd_server(mode) as tools:
        assert words in tools.words()


async def test_one_that_does_not_answer_is_ended_within_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_servers, "START_S", 0.3)
    async with odd_server("deaf") as tools:
        assert "it does not answer" in tools.words()


async def test_one_that_stays_when_its_input_ends_is_killed() -> None:
    async with odd_server("stays") as tools:
        assert tools.specs


async def until(true: object, timeout_s: float = 20.0) -> None:
    assert callable(true)
    async with asyncio.timeout(timeout_s):
        while not true():
            await asyncio.sleep(0.02)


# --- by HTTP ---------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def http_server(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that gives one answer to everything; its address, and the heads that it was sent."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1")
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/mcp", heads


def with_status(status: str, content: bytes = b"", kind: str = "text/plain") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            with_status("401 Unauthorized"),
            "wants a token (401): write it to a file, and name that in token_file",
        ),
        (with_status("403 Forbidden"), "forbids this (403)"),
        (with_status("404 Not Found"), "is not at this address (404)"),
        (with_status("405 Method Not Allowed"), "must speak streamable HTTP"),
        (with_status("503 Busy"), "fails itself (503)"),
        (
            with_status("200 OK", b"<html>", "text/html\x1b[2J"),
            "is no MCP server (Unexpected content type: text/html",
        ),
        (with_status("200 OK", b"[" * 5_000_000, "application/json"), "sent an answer of more than 4 MB"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"\x00" * 100, ""),
        (b"\xff\xfe\r\n\r\n", ""),
        (b"", ""),
    ],
)
async def test_what_an_address_answers_is_told_with_its_remedy(
    answer: bytes, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with http_server(answer) as (url, _), running(McpServer("web", url=url, allow=("*",))) as tools:
        assert tools.state.problem
        assert words in tools.state.problem
        assert tools.state.problem.isprintable()
        assert len(tools.state.problem) <= mcp_servers.WORDS_CHARS
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("daemon.")]
    assert all(map(str.isprintable, ours))


async def test_the_token_of_the_file_is_sent_and_a_refusal_names_the_file(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_bytes(b"\xef\xbb\xbfmade-up-token\r\n")
    async with http_server(with_status("401 Unauthorized")) as (url, heads):
        async with running(McpServer("web", url=url, allow=("*",), token_file=str(token))) as tools:
            assert tools.state.problem == f"it refuses the token in {token} (401)"
        assert b"authorization: Bearer made-up-token\r\n" in heads[0].replace(
            b"Authorization", b"authorization"
        )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"", "must hold the token alone"),
        (b"a b\n", "must hold the token alone"),
        (b"a\r\nX-Other: b\n", "must hold the token alone"),
        ("tökén".encode(), "must hold the token alone"),
        (b"\xff", "must be text in UTF-8"),
        (b"x" * 10_000, "is larger than"),
    ],
)
async def test_a_token_file_that_cannot_be_used_is_told(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    token = tmp_path / "token"
    if content is not None:
        token.write_bytes(content)
    server = McpServer("web", url="http://127.0.0.1:1/mcp", allow=("*",), token_file=str(token))
    async with running(server) as tools:
        assert tools.state.problem.startswith(f"token_file {token} ")
        assert words in tools.state.problem


async def test_an_address_where_nobody_answers_is_told() -> None:
    async with running(McpServer("web", url="http://127.0.0.1:1/mcp", allow=("*",))) as tools:
        assert "nobody answers at http://127.0.0.1:1/mcp" in tools.state.problem


@pytest.mark.parametrize(
    ("name", "known_as"),
    [
        ("get_time", "get_time"),
        ("home.light/set", "home_light_set"),
        ("2nd", "_2nd"),
        ("-x", "_-x"),
        ("é\x1b", "__"),
        ("", "_"),
        ("x" * 128, "x" * 64),
        ("9" * 64, "_" + "9" * 63),
    ],
)
def test_a_tool_has_a_name_that_models_take(name: str, known_as: str) -> None:
    assert name_for_model(name) == known_as
