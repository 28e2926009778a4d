"""Whatever an endpoint does, it is asked only by whom the gate let in, and answered as all are."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.websockets import WebSocket
from web_door import connected, listening
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from daemon.web.app import build
from daemon.web.entry import Entry, Listener, Right, Visitor
from daemon.web.gate.refusals import RefusalName, WebRefused
from daemon.web.headers import content_policy

PIA = Visitor(name="Firefox on Android", key="device:ab12", rights=frozenset(Right))
SOCKET: frozenset[str] = frozenset()


class Porter:
    """Lets everybody in as Pia, unless it is told to refuse; and can revoke her."""

    def __init__(self, refuses: WebRefused | None = None) -> None:
        self.refuses = refuses
        self.revoked = asyncio.Event()

    def admit(self, connection: HTTPConnection, entry: Entry, listener: Listener) -> Visitor:
        if self.refuses is not None:
            raise self.refuses
        return PIA

    async def lost(self, visitor: Visitor) -> None:
        assert visitor is PIA
        await self.revoked.wait()


@contextlib.asynccontextmanager
async def house(
    *entries: Entry,
    porter: Porter | None = None,
    listener: Listener = Listener.HTTPS,
    end: asyncio.Event | None = None,
) -> AsyncIterator[tuple[httpx2.AsyncClient, int]]:
    app = build(entries, porter or Porter(), listener, end)
    async with (
        listening(app) as door,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{door.port}") as client,
    ):
        yield client, door.port


def page(endpoint: Any, path: str = "/api/x", **rest: Any) -> Entry:
    return Entry(path=path, endpoint=endpoint, **({"needs": Right.PAGE} | rest))


async def _who(request: Request) -> Response:
    return PlainTextResponse(f"{request.state.visitor.name}, {await request.body()!r}")


async def test_an_endpoint_learns_who_asks() -> None:
    async with house(page(_who)) as (client, _):
        assert (await client.get("/api/x")).text == "Firefox on Android, b''"


async def test_what_the_gate_refuses_never_reaches_the_endpoint() -> None:
    async def never(_request: Request) -> Response:
        raise AssertionError

    porter = Porter(WebRefused(RefusalName.TOO_FAST, retry_after_s=2.5))
    async with house(page(never), porter=porter) as (client, _):
        answer = await client.get("/api/x")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert answer.json()["error"] == "That were too many requests at once."


@pytest.mark.parametrize(
    ("method", "path", "status", "sentence"),
    [
        ("GET", "/nothing", 404, "There is nothing at this address."),
        ("DELETE", "/api/x", 405, "This address does not take that."),
        ("GET", "/api/../api/x/%2e%2e/", 404, "There is nothing at this address."),
        ("GET", "//api/x", 404, "There is nothing at this address."),
        ("GET", "/api/x%00", 404, "There is nothing at this address."),
        ("GET", f"/{'a' * 8000}", 404, "There is nothing at this address."),
    ],
)
async def test_what_is_not_there_is_told_as_all_refusals_are(
    method: str, path: str, status: int, sentence: str
) -> None:
    async with house(page(_who)) as (_, port), connected(port) as (reader, writer):
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert head.split()[1] == str(status).encode()
    assert json.loads(body) == {"error": sentence, "remedy": None}


async def test_an_entry_is_at_its_own_listener_alone() -> None:
    loopback = page(_who, listeners=frozenset({Listener.LOOPBACK}))
    async with house(loopback) as (client, _):
        assert (await client.get("/api/x")).status_code == 404
    async with house(loopback, listener=Listener.LOOPBACK) as (client, _):
        assert (await client.get("/api/x")).status_code == 200


# --- bodies


@pytest.mark.parametrize("size", [0, 100])
async def test_a_body_that_fits_is_taken(size: int) -> None:
    async with house(page(_who, methods=frozenset({"POST"}), body_bytes=100)) as (client, _):
        assert (await client.post("/api/x", content=b"a" * size)).status_code == 200


async def test_a_body_that_announces_too_much_is_not_read() -> None:
    async with house(page(_who, methods=frozenset({"POST"}), body_bytes=100)) as (_, port):
        async with connected(port, b"POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n") as (
            reader,
            _,
        ):
            answer = await reader.read()
    assert b" 413 " in answer
    assert b"That is too long." in answer


async def test_a_body_of_unknown_length_is_refused_where_it_becomes_too_long() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"a" * 10

    async with house(page(_who, methods=frozenset({"POST"}), body_bytes=100)) as (client, _):
        assert (await client.post("/api/x", content=pieces())).status_code == 413


async def test_a_body_that_is_late_is_told_and_the_connection_ended() -> None:
    late = b"POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12"
    async with house(page(_who, methods=frozenset({"POST"}), body_s=0.1)) as (_, port):
        async with connected(port, late) as (reader, _):
            answer = await reader.read()
    assert b" 408 " in answer
    assert b"connection: close" in answer.lower()


# --- headers


async def test_every_answer_says_what_a_browser_may_do_with_it() -> None:
    async with house(page(_who)) as (client, port):
        answers = [await client.get(path) for path in ("/api/x", "/nothing")]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert f"connect-src 'self' wss://127.0.0.1:{port};" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers
    assert answers[0].headers["cache-control"] == "no-store"


async def test_an_endpoint_s_own_headers_stay() -> None:
    async def own(_request: Request) -> Response:
        return Response(
            headers={"Content-Security-Policy": "default-src 'self'", "Cache-Control": "no-cache"}
        )

    async with house(page(own)) as (client, _):
        answer = await client.get("/api/x")
    assert answer.headers["content-security-policy"] == "default-src 'self'"
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("host", ["a; script-src *", "", "a b", "ä", "x" * 300])
def test_an_odd_host_does_not_get_into_the_policy(host: str) -> None:
    assert "wss:" not in content_policy(host)


def test_the_policy_lets_no_other_page_show_the_speaker_s() -> None:
    assert "frame-ancestors 'none'" in content_policy("kitchen.local:8443")


# --- bugs


async def test_a_bug_is_told_in_the_log_and_not_to_strangers(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_request: Request) -> Response:
        raise RuntimeError("the secret is 42")

    with caplog.at_level(logging.ERROR):
        async with house(page(broken), page(_who, "/api/y")) as (client, _):
            answer = await client.get("/api/x")
            assert (await client.get("/api/y")).status_code == 200
    assert answer.status_code == 500
    assert "42" not in answer.text
    assert "the gateway failed at /api/x" in caplog.text


async def test_a_bug_in_a_websocket_closes_it_with_1011() -> None:
    async def broken(websocket: WebSocket) -> None:
        await websocket.accept()
        raise RuntimeError

    async with (
        house(page(broken, "/ws", methods=SOCKET)) as (_, port),
        connect(f"ws://127.0.0.1:{port}/ws") as client,
    ):
        assert await code_of(client) == 1011


async def code_of(client: Any) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        async with asyncio.timeout(5):
            await client.recv()
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


# --- WebSockets that are refused


@pytest.mark.parametrize("name", [RefusalName.WRONG_HOST, RefusalName.WRONG_ORIGIN, RefusalName.NOT_HERE])
async def test_a_foreign_page_learns_nothing(name: RefusalName) -> None:
    async with house(page(_talk, "/ws", methods=SOCKET), porter=Porter(WebRefused(name))) as (_, port):
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://127.0.0.1:{port}/ws")
    assert refused.value.response.status_code in (403, 404, 421)


@pytest.mark.parametrize(
    ("refusal", "code"),
    [(WebRefused(RefusalName.NOT_PAIRED), 1008), (WebRefused(RefusalName.TOO_FAST, retry_after_s=1), 1013)],
)
async def test_a_browser_is_told_by_a_message_for_it_does_not_show_the_status(
    refusal: WebRefused, code: int
) -> None:
    async with (
        house(page(_talk, "/ws", methods=SOCKET), porter=Porter(refusal)) as (_, port),
        connect(f"ws://127.0.0.1:{port}/ws", subprotocols=[Subprotocol("conure.talk.1")]) as client,
    ):
        told = json.loads(await client.recv())
        assert told["type"] == "error"
        assert told["data"] == told["error"] == told["message"] == refusal.refusal.sentence
        assert await code_of(client) == code


async def _talk(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(f"{websocket.state.visitor.name}: {text}")


# --- ends


async def _stream(_request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.Event().wait()

    return StreamingResponse(pieces())


async def test_a_revoked_device_loses_its_stream_and_its_websocket() -> None:
    porter = Porter()
    entries = (page(_stream), page(_talk, "/ws", methods=SOCKET))
    async with house(*entries, porter=porter) as (client, port), connect(f"ws://127.0.0.1:{port}/ws") as talk:
        await talk.send("hello")
        assert await talk.recv() == "Firefox on Android: hello"
        async with client.stream("GET", "/api/x") as answer:
            pieces = answer.aiter_raw()
            assert await anext(pieces) == b"first"
            porter.revoked.set()
            assert [piece async for piece in pieces] == []
        assert await code_of(talk) == 1008


async def test_at_the_end_streams_are_ended_and_websockets_told() -> None:
    end = asyncio.Event()
    entries = (page(_stream), page(_talk, "/ws", methods=SOCKET))
    async with house(*entries, end=end) as (client, port), connect(f"ws://127.0.0.1:{port}/ws") as talk:
        await talk.send("hello")
        await talk.recv()
        async with client.stream("GET", "/api/x") as answer:
            pieces = answer.aiter_raw()
            await anext(pieces)
            end.set()
            assert [piece async for piece in pieces] == []
        assert await code_of(talk) == 1001


async def test_at_the_end_what_was_asked_is_still_answered() -> None:
    end, asked, may_answer = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(_request: Request) -> Response:
        asked.set()
        await may_answer.wait()
        return JSONResponse({"done": True})

    async with house(page(slow), end=end) as (client, _):
        answer = asyncio.create_task(client.get("/api/x"))
        await asked.wait()
        end.set()
        await asyncio.sleep(0)
        may_answer.set()
        assert (await answer).json() == {"done": True}


async def test_an_endpoint_is_cancelled_when_its_client_s_pass_ends() -> None:
    """So that a talk is ended at the service as well."""
    porter, left = Porter(), asyncio.Event()

    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    async with house(page(talk, "/ws", methods=SOCKET), porter=porter) as (_, port):
        async with connect(f"ws://127.0.0.1:{port}/ws"):
            porter.revoked.set()
            async with asyncio.timeout(5):
                await left.wait()
