"""Whoever says too little, too slowly or too much is cut off and counted; everybody else is served."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from web_door import (
    GET,
    GET_ONCE,
    SHORT,
    all_of,
    answer_to,
    connected,
    listening,
    says_hello,
    until,
)
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from daemon.errors import ConfigError
from daemon.web.door.limits import DoorCounts, DoorLimits, Places
from daemon.web.door.sockets import bind, without_scope


async def reads_all(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with how long the body was."""
    length, more = 0, True
    while more:
        message = await receive()
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(length).encode()})


async def sends_without_end(scope: Scope, receive: Receive, send: Send) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield bytes(65536)
            await asyncio.sleep(0)

    await StreamingResponse(pieces())(scope, receive, send)


# --- heads and bodies


@pytest.mark.parametrize(
    "said", [b"", b"G", b"GET / HTTP/1.1\r\nHost: local"], ids=["nothing", "a byte", "half"]
)
async def test_a_head_that_does_not_come_ends_the_connection(said: bytes) -> None:
    async with listening(says_hello, DoorLimits(head_s=SHORT)) as door:
        async with connected(door.port, said) as (reader, _):
            assert await all_of(reader) == b""
        assert door.counts.heads_late == 1


async def test_a_byte_now_and_then_does_not_make_the_head_s_time_longer() -> None:
    """uvicorn's own timer begins anew with each."""
    async with listening(says_hello, DoorLimits(head_s=0.2)) as door:
        async with connected(door.port, b"GET / HTTP/1.1\r\n") as (reader, writer):
            while not reader.at_eof() and not door.counts.heads_late:
                writer.write(b"a: b\r\n")
                await asyncio.sleep(0.02)
        assert door.counts.heads_late == 1


async def test_a_body_that_does_not_come_ends_the_connection() -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345"
    async with listening(reads_all, DoorLimits(body_s=SHORT)) as door:
        async with connected(door.port, head) as (reader, _):
            assert await all_of(reader) == b""
        assert (door.counts.bodies_late, door.counts.heads_late) == (1, 0)


async def test_a_body_that_nobody_reads_has_its_time_too() -> None:
    """An endpoint that refuses answers at once; the rest must not be dripped in for ever."""
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n1"
    async with listening(says_hello, DoorLimits(body_s=SHORT)) as door:
        async with connected(door.port, head) as (reader, writer):
            assert b"hello" in await all_of(reader)
            writer.write(b"2")
        await until(lambda: door.places.taken == 0)


async def test_a_whole_request_in_time_is_answered_and_the_connection_kept() -> None:
    async with (
        listening(reads_all, DoorLimits(head_s=5, body_s=5)) as door,
        connected(door.port) as (reader, writer),
    ):
        for _ in range(3):
            writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n")
            writer.write(b"word")
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
            assert b"4" in await reader.readuntil(b"0\r\n\r\n")
        assert door.counts.as_counters() | {
            "connections_accepted": 0,
            "connections_opened": 0,
        } == dict.fromkeys(DoorCounts().as_counters(), 0)


async def test_a_second_head_on_one_connection_has_its_time_too() -> None:
    async with listening(says_hello, DoorLimits(head_s=SHORT)) as door:
        async with connected(door.port, GET + b"GET /") as (reader, _):
            assert (await all_of(reader)).count(b"hello") == 1
        assert door.counts.heads_late == 1


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked, x\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"not http at all\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300),
    ],
    ids=["two lengths", "length and coding", "a null", "no HTTP", "TLS where there is none"],
)
async def test_what_is_no_proper_request_is_refused_and_the_connection_ended(said: bytes) -> None:
    async with (
        listening(says_hello, DoorLimits(head_s=1)) as door,
        connected(door.port, said) as (reader, _),
    ):
        answer = await all_of(reader)
    assert answer == b"" or answer.split()[1] in (b"400", b"501")


async def test_a_head_that_is_too_long_is_refused() -> None:
    long = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20_000
    async with listening(says_hello) as door, connected(door.port, long) as (reader, _):
        assert (await all_of(reader)).startswith(b"HTTP/1.1 4")


# --- how many


async def test_the_65th_is_served_when_64_half_open_ones_have_had_their_time() -> None:
    async with listening(says_hello, DoorLimits(head_s=0.5)) as door:
        async with contextlib.AsyncExitStack() as stack:
            for number in range(64):
                source = f"127.0.0.{2 + number // 16}"
                await stack.enter_async_context(connected(door.port, b"GET", source=source))
            await until(lambda: door.places.taken == 64)
            assert await answer_to(door.port, source="127.0.0.9") == b""
            assert door.counts.connections_refused == 1
            await until(lambda: door.places.taken == 0)
            assert b"hello" in await answer_to(door.port, GET_ONCE, source="127.0.0.9")
        assert door.counts.heads_late == 64


async def test_one_address_has_its_share_and_leaves_the_rest_to_others() -> None:
    async with listening(says_hello, DoorLimits(per_address=2)) as door, contextlib.AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(connected(door.port))
        await until(lambda: door.places.taken == 2)
        assert await answer_to(door.port) == b""
        assert b"hello" in await answer_to(door.port, GET_ONCE, source="127.0.0.2")
        assert (door.counts.address_refused, door.counts.connections_refused) == (1, 0)


async def test_a_place_is_free_again_when_its_connection_has_ended() -> None:
    async with listening(says_hello, DoorLimits(connections=1)) as door:
        for _ in range(3):
            assert b"hello" in await answer_to(door.port, GET_ONCE)
            await until(lambda: door.places.taken == 0)


def test_an_address_is_counted_once_however_it_is_written() -> None:
    assert [without_scope(text) for text in ("fe80::1%wlan0", "::ffff:10.0.0.1", "10.0.0.1")] == [
        "fe80::1",
        "10.0.0.1",
        "10.0.0.1",
    ]


def test_an_address_that_is_taken_is_told() -> None:
    places = Places(DoorLimits(), DoorCounts())
    with bind("127.0.0.1", 0, places) as first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(ConfigError, match=f"127.0.0.1 port {port}: Address already in use"):
            bind("127.0.0.1", port, places)


# --- clients that take nothing


async def test_a_client_that_takes_nothing_is_cut_off() -> None:
    async with listening(sends_without_end, DoorLimits(stalled_s=SHORT)) as door:
        with socket.create_connection(("127.0.0.1", door.port)) as client:
            client.sendall(GET)
            await until(lambda: door.counts.clients_stalled == 1)
            await until(lambda: door.places.taken == 0)


async def _floods(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        await websocket.send_bytes(bytes(65536))
        await asyncio.sleep(0)


async def _echoes(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


SOCKETS = Starlette(routes=[WebSocketRoute("/flood", _floods), WebSocketRoute("/echo", _echoes)])


async def test_a_websocket_whose_client_takes_nothing_is_cut_off() -> None:
    upgrade = (
        b"GET /flood HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    async with listening(SOCKETS, DoorLimits(stalled_s=SHORT)) as door:
        with socket.create_connection(("127.0.0.1", door.port)) as client:
            client.sendall(upgrade)
            await until(lambda: door.counts.clients_stalled == 1)


# --- WebSockets


async def test_a_websocket_outlives_the_deadline_of_its_head() -> None:
    async with (
        listening(SOCKETS, DoorLimits(head_s=SHORT)) as door,
        connect(f"ws://127.0.0.1:{door.port}/echo", compression=None) as client,
    ):
        await asyncio.sleep(2 * SHORT)
        await client.send("still here")
        assert await client.recv() == "still here"


async def test_compression_is_not_agreed_to() -> None:
    async with listening(SOCKETS) as door, connect(f"ws://127.0.0.1:{door.port}/echo") as client:
        assert client.protocol.extensions == []


async def test_a_message_that_is_too_long_closes_with_1009() -> None:
    async with (
        listening(SOCKETS, DoorLimits(message_bytes=100)) as door,
        connect(f"ws://127.0.0.1:{door.port}/echo", compression=None) as client,
    ):
        await client.send("a" * 101)
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_what_stands_in_an_address_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A token may stand there."""
    async with (
        listening(SOCKETS) as door,
        connect(f"ws://127.0.0.1:{door.port}/echo?token=made-up") as client,
    ):
        await client.send("x")
        await client.recv()
    assert logging.getLogger("uvicorn.error").getEffectiveLevel() == logging.WARNING
    assert "made-up" not in caplog.text


# --- proxies, and the end


async def _tells_client(request: Request) -> PlainTextResponse:
    assert request.client is not None
    return PlainTextResponse(f"{request.client.host} {request.url.scheme}")


@pytest.mark.parametrize(("believed", "told"), [(True, b"192.0.2.7 https"), (False, b"127.0.0.1 http")])
async def test_what_a_proxy_says_is_believed_only_where_there_is_one(believed: bool, told: bytes) -> None:
    app = Starlette(routes=[Route("/", _tells_client)])
    asked = (
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n"
        b"Connection: close\r\n\r\n"
    )
    async with listening(app, behind_proxy=believed) as door, connected(door.port, asked) as (reader, _):
        assert (await all_of(reader)).endswith(told)


async def test_no_answer_names_the_server() -> None:
    async with listening(says_hello) as door, connected(door.port, GET) as (reader, _):
        assert b"server:" not in (await reader.readuntil(b"hello")).lower()


async def test_an_answer_that_has_begun_is_finished_at_the_end() -> None:
    begun, may_go_on = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await may_go_on.wait()
        await says_hello(scope, receive, send)

    async with listening(slow) as door, connected(door.port, GET) as (reader, _):
        await begun.wait()
        door.end.set()
        may_go_on.set()
        assert b"hello" in await all_of(reader)
