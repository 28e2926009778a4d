"""What a session makes of a server that says anything, over the real SDK and a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fakes import PATIENCE_S
from raw_service import RawService, raw_service, redirect_to

from daemon.config.secret import Secret
from daemon.config.settings import LiveSettings
from daemon.server_events import GenerationComplete, NotUnderstood, ServerEvent, Transcript
from daemon.session.failures import FailureKind, LinkError
from daemon.session.gemini.client import MAX_STRANGE, LiveClient, LiveSession
from daemon.session.gemini.wire import MAX_MARKS, UNREAD_BYTES

KEY = Secret("made-up-key")
WHOLE = {"serverContent": {"generationComplete": True}}
DEEP = "[" * 2000


def client_of(service: RawService) -> LiveClient:
    return LiveClient(
        LiveSettings(setup_timeout_s=5.0),
        KEY,
        base_url=service.base_url,
        trust=service.authority.client_context(),
    )


@contextlib.asynccontextmanager
async def session_with(service: RawService) -> AsyncIterator[LiveSession]:
    async with asyncio.timeout(PATIENCE_S), client_of(service).session(None) as session:
        await service.arrived.wait()
        yield session


async def events_until_whole(session: LiveSession) -> list[ServerEvent]:
    events: list[ServerEvent] = []
    async for event in session.receive():
        if isinstance(event, GenerationComplete):
            break
        events.append(event)
    return events


async def failure_of(service: RawService) -> FailureKind:
    with pytest.raises(LinkError) as caught:
        async with session_with(service) as session:
            async for _ in session.receive():
                pass
    return caught.value.failure.kind


STRANGE: dict[str, str | dict[str, Any]] = {
    "deep": DEEP,
    "deep with an end": "[" * 1500 + "]" * 1500,
    "no JSON": "{",
    "not a table": "[1, 2]",
    "a text": '"turnComplete"',
    "unknown": {"brandNewThing": {}},
    "an error": {"error": {"code": 500}},
    "mistyped": {"serverContent": {"modelTurn": {"parts": "many"}}},
    "a number of many digits": '{"usageMetadata": {"promptTokenCount": ' + "9" * 5000 + "}}",
    "many parts": {"serverContent": {"modelTurn": {"parts": [{"text": "a"}] * MAX_MARKS}}},
    "not base64": {"serverContent": {"modelTurn": {"parts": [{"inlineData": {"data": "é"}}]}}},
}


@pytest.mark.parametrize("message", STRANGE.values(), ids=STRANGE)
async def test_a_message_of_which_nothing_can_be_made_is_passed_over(message: str | dict[str, Any]) -> None:
    async with raw_service() as service, session_with(service) as session:
        await service.say(message, WHOLE)
        [event] = await events_until_whole(session)
        assert isinstance(event, NotUnderstood)


async def test_bytes_that_are_no_text_are_passed_over() -> None:
    async with raw_service() as service, session_with(service) as session:
        await service.newest.send(b"\xff\xfe{")
        await service.say(WHOLE)
        [event] = await events_until_whole(session)
        assert isinstance(event, NotUnderstood)


async def test_many_of_them_in_a_row_end_the_connection() -> None:
    async with raw_service() as service:
        service.arrived.clear()
        failing = asyncio.create_task(failure_of(service))
        await service.arrived.wait()
        await service.say(*["{"] * MAX_STRANGE)
        assert await failing is FailureKind.BUG


async def test_the_set_up_may_be_answered_by_anything() -> None:
    for answer in (
        DEEP,
        "{",
        "[]",
        "7",
        '{"setupComplete": []}',
        '{"setupComplete": null}',
        '"' + "x" * 5000,
    ):
        async with raw_service() as service:
            service.setup_answer = answer
            assert await failure_of(service) is FailureKind.BUG


async def test_a_redirect_is_not_followed_and_the_key_stays_here() -> None:
    async with raw_service() as elsewhere, raw_service(redirect_to(elsewhere.base_url)) as service:
        assert await failure_of(service) is FailureKind.INTERCEPTED
        assert elsewhere.requests == []


async def test_after_each_message_the_event_loop_has_its_turn() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with raw_service() as service, session_with(service) as session:
        transcript = json.dumps({"serverContent": {"outputTranscription": {"text": "a"}}})
        await service.say(*[transcript] * 500, WHOLE)
        await asyncio.sleep(0.2)  # all of it waits to be read
        counting = asyncio.create_task(count())
        assert await events_until_whole(session) == [Transcript("model", "a")] * 500
        counting.cancel()
        assert turns >= 500


async def test_a_server_that_does_not_read_the_answers_to_its_pings_is_left() -> None:
    async with raw_service() as service:
        failing = asyncio.create_task(failure_of(service))
        await service.arrived.wait()
        transport = service.newest.transport
        transport.pause_reading()
        most = 0
        ping = bytes([0x89, 125]) + b"p" * 125  # RFC 6455 §5.5.2
        while not failing.done():
            if transport.get_write_buffer_size() < 2**20:
                transport.write(ping * 500)
            most = max(most, transport.get_write_buffer_size())
            await asyncio.sleep(0)
        assert await failing in (FailureKind.TRANSIENT, FailureKind.NETWORK)


def test_what_may_wait_unread_is_more_than_what_sends_leave() -> None:
    assert UNREAD_BYTES > 4 * 32 * 1024
