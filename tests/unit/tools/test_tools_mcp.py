"""MCP servers: mcp-server-time from the package index over stdio, the official server over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rig import running_rig, with_keys

from daemon.config.settings import Settings
from daemon.standin.plan import Plan
from daemon.standin.voices import Tone
from daemon.standin.world import Pace
from daemon.tools.calling.runner import Runner
from daemon.tools.sources import mcp_servers
from daemon.tools.sources.mcp_servers import McpTools
from daemon.tools.sources.toml_files import McpServer

pytest.importorskip("mcp", reason="the extra conure[mcp] is not installed")
pytest.importorskip("mcp_server_time", reason="the server from the package index is not installed")

TIME = (sys.executable, "-m", "mcp_server_time", "--local-timezone", "Europe/Paris")
ARGUMENTS = {"timezone": "Asia/Tokyo"}

CONFIG = f"""
[mcp.time]
argv = {json.dumps(TIME)}
allow = ["get_current_time"]
"""


@contextlib.asynccontextmanager
async def running(server: McpServer) -> AsyncIterator[McpTools]:
    """The server, asked for its tools once."""
    tools = McpTools(server, lambda: None)
    task = asyncio.create_task(tools.run())
    try:
        async with asyncio.timeout(30):
            await tools.listed.wait()
        yield tools
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_only_allowed_tools_are_there_and_they_work() -> None:
    async with running(McpServer("time", TIME, allow=("get_current_time",))) as server:
        (spec,) = server.specs.values()
        answer = await Runner().carry_out(spec, ARGUMENTS)
        assert answer["status"] == "ok"
        assert answer["result"]["timezone"] == "Asia/Tokyo"


async def test_an_error_of_the_server_is_told_in_its_words() -> None:
    async with running(McpServer("time", TIME, allow=("*",))) as server:
        answer = await Runner().carry_out(server.specs["get_current_time"], {"timezone": "Mars/Olympus"})
        assert answer["status"] == "error"
        assert "Mars/Olympus" in answer["message"]


async def test_a_server_that_dies_is_started_again_and_its_tools_say_so_meanwhile(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(mcp_servers, "FIRST_PAUSE_S", 0.5)
    shell = f"echo $$ > {tmp_path}/pid; exec {' '.join(TIME)}"
    async with running(McpServer("time", ("sh", "-c", shell), allow=("*",))) as server:
        spec = server.specs["get_current_time"]
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        answer = await Runner().carry_out(spec, ARGUMENTS)
        assert answer["status"] == "error"
        async with asyncio.timeout(30):
            while server.state.starts < 2 or server.state.problem:
                await asyncio.sleep(0.02)
        answer = await Runner().carry_out(server.specs["get_current_time"], ARGUMENTS)
        assert answer["status"] == "ok"


@pytest.mark.parametrize(
    ("argv", "problem"),
    [(("/no/such/program",), "there is no program or file /no/such/program"), (("false",), "it ended")],
)
async def test_a_server_that_cannot_start_is_a_problem_in_words(argv: tuple[str, ...], problem: str) -> None:
    async with running(McpServer("bad", argv, allow=("*",))) as server:
        assert problem in server.state.problem
        assert server.specs == {}


async def test_a_tool_that_is_allowed_and_not_there_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async with running(McpServer("time", TIME, allow=("get_tim",))) as server:
        assert server.specs == {}
        assert "has no get_tim; it has convert_time, get_current_time" in caplog.text


HTTP_SERVER = '''
from mcp.server.mcpserver import MCPServer

server = MCPServer("sums")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


server.run(transport="streamable-http", port={port})
'''


async def test_streamable_http_works_too(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = tmp_path / "server.py"
    script.write_text(HTTP_SERVER.format(port=port))
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    server = McpTools(McpServer("web", url=f"http://127.0.0.1:{port}/mcp", allow=("*",)), lambda: None)
    task = asyncio.create_task(server.run())
    try:
        async with asyncio.timeout(30):
            while not server.specs:
                await asyncio.sleep(0.05)
        assert (await Runner().carry_out(server.specs["add"], {"a": 2, "b": 3}))["result"] == {"result": 5}
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        process.kill()
        await process.wait()


async def test_the_model_calls_it_in_a_conversation(tmp_path: Path) -> None:
    (tmp_path / "time.toml").write_text(CONFIG)
    settings = with_keys(Settings(), tools={"directory": str(tmp_path)}, trigger={"follow_up_s": 0.0})
    plan = Plan.from_toml(
        '[[rule]]\nwhen = "reply_start"\n'
        'do = { action = "call_tool", name = "get_current_time", args = { timezone = "Asia/Tokyo" } }\n'
    )
    pace = Pace(thinking_s=0.05, speed=20.0, playout=0.0)
    async with running_rig(settings, plan=plan, voice=Tone(0.3), pace=pace) as rig:
        toolbox = rig.conure.tools.toolbox
        await rig.until(lambda: "get_current_time" in toolbox.specs(), timeout_s=30)
        await rig.until(lambda: "get_current_time" in json.dumps(rig.standin.record.connections[-1].setup))
        rig.say()
        rig.tap()
        await rig.until_turns_over()
        (response,) = [event.payload for event in rig.standin.record.events if event.kind == "tool_response"]
        assert response["functionResponses"][0]["response"]["result"]["timezone"] == "Asia/Tokyo"
        assert rig.turns_over()[0]["outcome"] == "answered"


def test_the_command_line_calls_it(tmp_path: Path) -> None:
    (tmp_path / "time.toml").write_text(CONFIG)
    config = tmp_path / "config"
    config.write_text(f'[tools]\ndirectory = "{tmp_path}"\n')
    command = [sys.executable, "-m", "daemon", "tools", "call", "--config", str(config), "get_current_time"]
    command.append(json.dumps(ARGUMENTS))
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["result"]["timezone"] == "Asia/Tokyo"
