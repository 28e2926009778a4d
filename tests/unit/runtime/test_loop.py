"""The event loop: it connects to what lives of a name's addresses, whatever is dead beside it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from dead_port import dead_port

from daemon.config.secret import Secret
from daemon.config.settings import LiveSettings
from daemon.runtime import loop as module
from daemon.runtime.loop import ATTEMPT_DELAY_S, RacingLoop
from daemon.runtime.names import Names
from daemon.session.gemini.client import LiveClient
from daemon.standin.server import StandIn

NOBODY = 1
"""A port on which nobody listens (tcpmux)."""

LIMIT_S = 60.0
"""A connection to a dead address ends after minutes."""


def run(main: Coroutine[Any, Any, None], names: Names | None = None) -> None:
    with asyncio.Runner(loop_factory=lambda: RacingLoop(names)) as runner:
        runner.run(asyncio.wait_for(main, LIMIT_S))


def both(_host: str, port: int, family: int, *_: int) -> list[Any]:
    """A resolver that knows an address of each family for every name."""
    address = ("::1", port, 0, 0) if family == socket.AF_INET6 else ("127.0.0.1", port)
    return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)]


@asynccontextmanager
async def greeter(host: str, port: int = 0) -> AsyncIterator[int]:
    """A server that says which it is."""

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(host.encode() + b"\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, host, port) as server:
        yield server.sockets[0].getsockname()[1]


async def greeting(host: str, port: int) -> str:
    reader, writer = await asyncio.open_connection(host, port)
    said = (await reader.readline()).decode().strip()
    writer.close()
    await writer.wait_closed()
    return said


@pytest.mark.parametrize(("dead", "alive"), [("::1", "127.0.0.1"), ("127.0.0.1", "::1")])
def test_a_dead_family_is_gone_round(dead: str, alive: str) -> None:
    async def main() -> None:
        async with greeter(alive) as port:
            with dead_port(dead, port):
                assert await greeting("both.test", port) == alive

    run(main(), Names(both))


def test_a_session_of_the_service_s_library_goes_round_it_too() -> None:
    async def main() -> None:
        async with StandIn() as standin:
            with dead_port("::1", standin.port):
                client = LiveClient(
                    LiveSettings(),
                    Secret("key"),
                    base_url=standin.base_url,
                    trust=standin.client_ssl_context(),
                )
                async with client.session(None):
                    assert standin.record.connections[0].setup_complete_s is not None

    run(main(), Names(both))


def test_where_both_families_refuse_that_is_told() -> None:
    async def main() -> None:
        with pytest.raises(OSError, match="Connect call failed"):
            await asyncio.open_connection("both.test", NOBODY)

    run(main(), Names(both))


def test_where_both_are_dead_whoever_waits_may_stop() -> None:
    async def main() -> None:
        before = asyncio.all_tasks()
        with dead_port("::1") as port, dead_port("127.0.0.1", port), pytest.raises(TimeoutError):
            async with asyncio.timeout(2 * ATTEMPT_DELAY_S):
                await asyncio.open_connection("both.test", port)
        others = asyncio.all_tasks() - before
        if others:
            await asyncio.wait(others)  # each was told to stop: none waits for minutes

    run(main(), Names(both))


def test_addresses_need_no_look_up_and_other_questions_are_the_system_s() -> None:
    def never(*_: object) -> list[Any]:
        raise AssertionError("nobody asks for a name")

    async def main() -> None:
        running = asyncio.get_running_loop()
        async with greeter("127.0.0.1") as port:
            assert await greeting("127.0.0.1", port) == "127.0.0.1"
        found = await running.getaddrinfo("localhost", 80, family=socket.AF_INET, type=socket.SOCK_STREAM)
        assert found[0][4] == ("127.0.0.1", 80)

    run(main(), Names(never))


def test_a_command_runs_on_it() -> None:
    async def main() -> bool:
        return isinstance(asyncio.get_running_loop(), RacingLoop)

    assert module.run(main())
