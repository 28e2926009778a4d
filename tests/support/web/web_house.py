"""A gateway in this process: the real gate, API, application and HTTP server, on a port of loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from web_door import listening

from daemon.config.settings import Settings
from daemon.control.remote.client import Note, SpeakerDoor
from daemon.errors import ControlError
from daemon.web import app
from daemon.web.api.doctor import DoctorPage
from daemon.web.api.entries import ApiParts, entries
from daemon.web.api.events import EventPages
from daemon.web.api.kept_status import KeptStatus
from daemon.web.api.key import KeyPage
from daemon.web.api.key import entries as key_entries
from daemon.web.api.metrics import GatewayReports, MetricsPage
from daemon.web.clients import entries as clients
from daemon.web.entry import Listener
from daemon.web.gate.codes import CodeFile
from daemon.web.gate.desk import PairingDesk
from daemon.web.gate.devices import Devices
from daemon.web.gate.gate import COOKIE, Gate
from daemon.web.gate.refusals import RefusalCounts
from daemon.web.gate.rules import HouseRules
from daemon.web.gate.tokens import GatewayTokens
from daemon.web.service_parts import ServiceParts, build_service_parts

PATIENCE_S = 20.0


class ToldSpeaker:
    """A speaker that answers what a test has told it to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.present = True
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Any] = {}
        self.ears: list[asyncio.Queue[Note]] = []

    async def ask(self, command: str, **args: Any) -> Any:
        """As it was told; an exception is raised."""
        self.asked.append((command, args))
        answer = self.answers.get(command)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def notes(self, *, level: bool = False) -> AsyncGenerator[Note]:
        """That it is here, and what a test tells."""
        ear: asyncio.Queue[Note] = asyncio.Queue()
        self.ears.append(ear)
        try:
            yield {"event": "speaker", "speaker": "here"}
            while True:
                yield await ear.get()
        finally:
            self.ears.remove(ear)

    def tell(self, event: str, **fields: Any) -> None:
        """A note to all who listen."""
        for ear in self.ears:
            ear.put_nowait({"event": event, **fields})

    def refuse(self, command: str, words: str) -> None:
        """From now on this command is refused."""
        self.answers[command] = ControlError(words)


@dataclass(slots=True, kw_only=True)
class House:
    """A gateway without a key, and what a visitor needs to come in."""

    port: int
    seeds_port: int
    """Of the listener for clients of other projects."""
    devices: Devices
    tokens: GatewayTokens
    codes: CodeFile
    pages: EventPages
    gate: Gate
    client: httpx2.AsyncClient

    @property
    def counts(self) -> RefusalCounts:
        """What was refused."""
        return self.gate.counts

    @property
    def origin(self) -> str:
        """The page's own."""
        return f"http://127.0.0.1:{self.port}"

    def cookie(self, name: str = "Firefox", *, guest: bool = False) -> dict[str, str]:
        """The headers of a paired browser."""
        _, secret = self.devices.pair(name, guest=guest)
        return {"Cookie": f"{COOKIE}={secret}", "Origin": self.origin}

    async def get(self, path: str, headers: dict[str, str] | None = None) -> httpx2.Response:
        """Ask for something."""
        return await self.client.get(path, headers=headers)

    async def post(
        self, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        """Send JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        return await self.client.post(path, content=data, headers=headers or {"Origin": self.origin})


@contextlib.asynccontextmanager
async def running_house(
    folder: Path,
    speaker: SpeakerDoor,
    doctor: DoctorPage | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[House]:
    """Serve it on a free port. `clock` is the gate's."""
    devices, tokens, codes = Devices(folder), GatewayTokens(folder), CodeFile(folder)
    gate = Gate(HouseRules(behind_proxy=True), devices, tokens, RefusalCounts(), clock=clock)
    pages = EventPages(speaker)
    status = KeptStatus(speaker)
    service = build_service_parts(Settings(), speaker, status, {})
    parts = ApiParts(
        speaker=speaker,
        gate=gate,
        devices=devices,
        desk=PairingDesk(speaker, devices, codes),
        pages=pages,
        status=status,
        tokens=service.tokens,
        metrics=_metrics(gate, status, service),
        doctor=doctor or DoctorPage(),
    )
    key = key_entries(KeyPage(service.try_key, None), gate.counts)
    offered = [*entries(parts), *key, *clients.entries(service.talks, message_mib=4)]
    async with (
        listening(app.build(offered, gate, Listener.HTTPS)) as door,
        listening(app.build(offered, gate, Listener.LOOPBACK)) as seeds,
        httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{door.port}", timeout=PATIENCE_S, verify=False
        ) as client,
    ):
        looking = asyncio.create_task(gate.run())
        yield House(
            port=door.port,
            seeds_port=seeds.port,
            devices=devices,
            tokens=tokens,
            codes=codes,
            pages=pages,
            gate=gate,
            client=client,
        )
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


def _metrics(gate: Gate, status: KeptStatus, service: ServiceParts) -> MetricsPage:
    reports = GatewayReports(
        refusals=gate.counts.as_counters,
        talks=service.talks.report,
        tokens=lambda: service.tokens.minted,
        counters=dict,
    )
    return MetricsPage("token", status, reports)


class Stream:
    """An open event stream."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def event(self) -> dict[str, str]:
        """The next event, its fields by name; a comment has the name "comment"."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE_S):
            async for line in self._lines:
                if not line and fields:
                    return fields
                name, _, value = line.partition(": ")
                fields[name or "comment"] = value
        raise EOFError("the stream has ended")

    async def until(self, name: str) -> dict[str, Any]:
        """The data of the next event of this name."""
        while True:
            event = await self.event()
            if event.get("event") == name:
                data: dict[str, Any] = json.loads(event["data"])
                return data


@contextlib.asynccontextmanager
async def streaming(house: House, headers: dict[str, str]) -> AsyncIterator[Stream]:
    """Open the events."""
    async with house.client.stream("GET", "/api/events", headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        yield Stream(response.aiter_lines())
