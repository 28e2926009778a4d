"""Entries of the gateway as an application without a gate: a test says who asks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daemon.control.remote.client import SpeakerAway
from daemon.errors import ControlError
from daemon.web.api.answers import answering
from daemon.web.entry import Endpoint, Entry, Right, Visitor
from daemon.web.gate.refusals import RefusalCounts

PHONE = Visitor(name="Firefox on Android", key="device:ab12", rights=frozenset(Right))


@dataclass(slots=True)
class FakeSpeaker:
    """Answers each command by what stands in `answers`, or raises it; `asked` is what came."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    present: bool = True

    async def ask(self, command: str, **_: Any) -> Any:
        """As `SpeakerDoor` says."""
        self.asked.append(command)
        await asyncio.sleep(0)
        answer = self.answers.get(command, SpeakerAway("away"))
        if isinstance(answer, ControlError):
            raise answer
        return answer

    async def notes(self, *, level: bool = False) -> AsyncGenerator[dict[str, Any]]:
        """Nothing happens."""
        nothing: tuple[dict[str, Any], ...] = ()
        for note in nothing:
            yield note


@contextlib.asynccontextmanager
async def pages(entries: Iterable[Entry], visitor: Visitor = PHONE) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of these entries, which are let in as this visitor."""
    routes = [Route(one.path, _let_in(one.endpoint, visitor), methods=list(one.methods)) for one in entries]
    transport = httpx2.ASGITransport(app=Starlette(routes=routes))
    async with httpx2.AsyncClient(transport=transport, base_url="https://kitchen.local") as client:
        yield client


def _let_in(endpoint: Endpoint, visitor: Visitor) -> Endpoint:
    answered = answering(endpoint, RefusalCounts())

    async def answer(request: Request) -> Response:
        request.state.visitor = visitor
        return await answered(request)

    return answer
