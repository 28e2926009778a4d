"""Measures the gateway without a speaker: `scripts/bench web [--quick] [--json FILE]`.

The phones and the stand-in live in the bench's process, so one clock has all times; what is measured of the
relay includes both of their TLS. The exit status says whether it could be measured, not whether the budgets
are kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import ssl
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import numpy as np
from standin_support import speech

from bench.program import CpuMeter, Notices, Program, started
from bench.report import Row, verdict
from bench.web_talk import FRAME_S, Phone, phone, relay_s
from daemon.standin.server import StandIn
from daemon.standin.world import Pace
from daemon.web.door.certificates import AUTHORITY_FILE
from daemon.web.entry import Right
from daemon.web.gate.devices import Devices
from daemon.web.gate.gate import COOKIE
from daemon.web.gate.places import read_whereabouts
from daemon.web.gate.tokens import GatewayTokens

ROOT = Path(__file__).parents[2]
START_S = 60.0
ANSWER_S = 30.0
ADDRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")
"""Loopback is a whole network: as many machines as the limit for one of them asks for."""
HALF_OPEN_EACH = 16

ROWS = (
    Row("CPU of the start, s", "start_cpu_s", 0.5, digits=2),
    Row("idle memory, MB", "idle_memory_mb", 40, digits=1),
    Row("  of its own", "idle_own_mb", 26, digits=1),
    Row("  CPU, a page open and scraped, s/min", "idle_cpu_s_per_min", 0.3, digits=2),
    Row("memory with two talks, MB", "talks_memory_mb", 75, digits=1),
    Row("CPU of a talk, s/min", "talk_cpu_s_per_min", 1.2, digits=2),
    Row("talks that a core carries, by eight at once", "talks_a_core", digits=0),
    Row("relay p50, ms", "relay_p50_ms", digits=1),
    Row("relay p90, ms", "relay_p90_ms", 5, digits=1),
    Row("reply p50, ms", "reply_p50_ms", digits=1),
    Row("reply p90, ms", "reply_p90_ms", 5, digits=1),
    Row("more memory after many talks, MB", "growth_mb", 3, digits=1),
    Row("revoked → stream closed, s", "revoked_s", 1, digits=2),
    Row("64 half-open, one more served, s", "another_served_s", 11, digits=1),
)


@dataclass(frozen=True, slots=True)
class WebPlan:
    """How much is measured."""

    idle_s: float
    speech_s: float
    replies: int
    talks: int


FULL = WebPlan(idle_s=60.0, speech_s=60.0, replies=24, talks=100)
QUICK = WebPlan(idle_s=6.0, speech_s=6.0, replies=4, talks=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebBench:
    """A gateway that runs, and what reaches it."""

    program: Program
    standin: StandIn
    folder: Path
    port: int
    tls: ssl.SSLContext
    pass_header: dict[str, str]
    plan: WebPlan

    def phone(self) -> AbstractAsyncContextManager[Phone]:
        """A talk."""
        return phone(self.port, self.tls, self.pass_header)

    def client(self) -> httpx2.AsyncClient:
        """For requests."""
        return httpx2.AsyncClient(
            verify=self.tls, base_url=f"https://localhost:{self.port}", timeout=ANSWER_S
        )


def main() -> int:
    """Measure and print. 0: measured; 1: it could not be."""
    arguments = _arguments()
    logging.disable(logging.CRITICAL)  # of the stand-in
    load = os.getloadavg()[0]
    try:
        with tempfile.TemporaryDirectory(prefix="conure-bench-") as folder:
            numbers = asyncio.run(_run(Path(folder), QUICK if arguments.quick else FULL))
    except (TimeoutError, RuntimeError, OSError) as error:
        print(f"bench: cannot measure: {str(error) or type(error).__name__}", file=sys.stderr)
        return 1
    result = {"gateway": numbers, "load": f"{load:.2f} before, {os.getloadavg()[0]:.2f} after"}
    arguments.json.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    for row in ROWS:
        value, budget = numbers[row.number], "" if row.budget is None else f"must be {row.budget:g}"
        print(f"{row.title:40} {value:10.{row.digits}f}  {budget:14} {verdict(value, row.budget)}")
    print(f"load: {result['load']}. JSON: {arguments.json}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench web", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about a minute instead of six")
    parser.add_argument(
        "--json", type=Path, default=Path("bench-web.json"), metavar="FILE", help="the numbers"
    )
    return parser.parse_args()


async def _run(folder: Path, plan: WebPlan) -> dict[str, float]:
    async with StandIn(pace=Pace(thinking_s=0.2)) as standin:
        async with running_gateway(folder, standin, plan) as (bench, numbers):
            for step in (_idle, _relay, _eight, _replies, _many_talks, _revoked, _half_open):
                print(f"bench: {step.__name__.strip('_')}", file=sys.stderr, flush=True)
                numbers |= await step(bench)
            return numbers


@asynccontextmanager
async def running_gateway(
    folder: Path, standin: StandIn, plan: WebPlan
) -> AsyncIterator[tuple[WebBench, dict[str, float]]]:
    """A gateway, and the numbers of its start."""
    ca_file, state, config = folder / "ca.pem", folder / "state", folder / "gateway.toml"
    ca_file.write_text(standin.ca_pem, "ascii")
    state.mkdir(mode=0o700)
    config.write_text("[web]\nmax_talks = 12\ntalk_idle_s = 600\n")
    token = GatewayTokens(state).make("bench", [Right.TALK, Right.METRICS])
    pass_header = {"Authorization": f"Bearer {token}"}
    notices = Notices(folder / "notify")
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT),
        "NOTIFY_SOCKET": str(notices.path), "CONURE_WEB_STATE": str(state), "GEMINI_API_KEY": "bench",
        "GOOGLE_GEMINI_BASE_URL": standin.base_url, "SSL_CERT_FILE": str(ca_file),
    }  # fmt: skip
    command = [
        sys.executable, "-m", "daemon", "web", "--no-speaker", "--config", str(config),
        "--listen", "127.0.0.1:0",
    ]  # fmt: skip
    with started(command, environment, folder / "gateway.log", folder) as program:
        await notices.ready_s(START_S)
        numbers = {"start_cpu_s": program.cpu_s()}
        tls = ssl.create_default_context(cafile=str(state / AUTHORITY_FILE))
        bench = WebBench(
            program=program, standin=standin, folder=state, port=read_whereabouts(state).port, tls=tls,
            pass_header=pass_header, plan=plan,
        )  # fmt: skip
        yield bench, numbers
    notices.close()


async def _idle(bench: WebBench) -> dict[str, float]:
    """A page is open, and Prometheus scrapes each 15 s."""
    async with bench.client() as client, _page(bench, client) as (_, _events):
        await asyncio.sleep(2.0)
        meter, since_s = CpuMeter(bench.program), time.monotonic()
        while time.monotonic() < since_s + bench.plan.idle_s:
            (await client.get("/metrics", headers=bench.pass_header)).raise_for_status()
            await asyncio.sleep(min(15.0, bench.plan.idle_s))
        spent = meter.s_per_min()
    memory, shared = bench.program.memory_mb("VmRSS"), bench.program.memory_mb("RssFile")
    return {"idle_memory_mb": memory, "idle_own_mb": memory - shared, "idle_cpu_s_per_min": spent}


@asynccontextmanager
async def _page(bench: WebBench, client: httpx2.AsyncClient) -> AsyncIterator[tuple[str, httpx2.Response]]:
    """A paired browser with its stream of events: its id, and the stream."""
    device, secret = Devices(bench.folder).pair("a browser")
    cookie = {"Cookie": f"{COOKIE}={secret}"}
    async with client.stream("GET", "/api/events", headers=cookie, timeout=None) as events:
        events.raise_for_status()
        yield device.id, events


async def _relay(bench: WebBench) -> dict[str, float]:
    """Two phones speak at once."""
    async with AsyncExitStack() as stack:
        phones = [await stack.enter_async_context(bench.phone()) for _ in range(2)]
        talks = list(bench.standin.record.connections)[-2:]
        meter = CpuMeter(bench.program)
        pcm = speech(bench.plan.speech_s)
        await asyncio.gather(*(one.say(pcm) for one in phones))
        spent = meter.s_per_min() / len(phones)
        await asyncio.sleep(FRAME_S * 5)
        memory = bench.program.memory_mb("VmRSS")
    late_s = [moment for one, talk in zip(phones, talks, strict=True) for moment in relay_s(one, talk)]
    return {"talks_memory_mb": memory, "talk_cpu_s_per_min": spent} | _spread("relay", late_s)


async def _eight(bench: WebBench) -> dict[str, float]:
    """Eight phones speak at once: what a talk takes of a processor says how many one carries."""
    async with AsyncExitStack() as stack:
        phones = [await stack.enter_async_context(bench.phone()) for _ in range(8)]
        meter, pcm = CpuMeter(bench.program), speech(bench.plan.speech_s)
        await asyncio.gather(*(one.say(pcm) for one in phones))
        return {"talks_a_core": 60.0 * len(phones) / meter.s_per_min()}


async def _replies(bench: WebBench) -> dict[str, float]:
    """How long the first sound of each answer takes from the service to the phone."""
    async with bench.phone() as one:
        talk = bench.standin.record.connections[-1]
        for number in range(bench.plan.replies):
            await one.write("Hello")
            await one.until_turns(number + 1, ANSWER_S)
    begun_s = [turn.reply.first_audio_s for turn in talk.turns if turn.reply.first_audio_s is not None]
    return _spread("reply", [min(at_s for at_s in one.heard_s if at_s >= begin) - begin for begin in begun_s])


def _spread(name: str, values_s: Sequence[float]) -> dict[str, float]:
    return {f"{name}_p{share}_ms": float(np.percentile(values_s, share)) * 1000 for share in (50, 90)}


async def _many_talks(bench: WebBench) -> dict[str, float]:
    """One after the other, each with a short answer; the first few are not counted."""
    before = 0.0
    for number in range(bench.plan.talks + 3):
        if number == 3:
            before = bench.program.memory_mb("VmRSS")
        async with bench.phone() as one:
            await one.write("Hello")
            await one.until_turns(1, ANSWER_S)
    return {"growth_mb": bench.program.memory_mb("VmRSS") - before}


async def _revoked(bench: WebBench) -> dict[str, float]:
    async with bench.client() as client, _page(bench, client) as (device_id, events):
        since_s = time.monotonic()
        await asyncio.to_thread(Devices(bench.folder).revoke, device_id)
        async for _ in events.aiter_raw():
            pass
        return {"revoked_s": time.monotonic() - since_s}


async def _half_open(bench: WebBench) -> dict[str, float]:
    """Every place is taken by somebody who says nothing; how long until somebody else is served."""
    since_s = time.monotonic()
    writers = [
        (await asyncio.open_connection("127.0.0.1", bench.port, local_addr=(address, 0)))[1]
        for address in ADDRESSES
        for _ in range(HALF_OPEN_EACH)
    ]
    try:
        async with bench.client() as client, asyncio.timeout(ANSWER_S):
            while not await _is_served(client):
                await asyncio.sleep(0.1)
        return {"another_served_s": time.monotonic() - since_s}
    finally:
        for writer in writers:
            writer.transport.abort()


async def _is_served(client: httpx2.AsyncClient) -> bool:
    try:
        return (await client.get("/healthz")).status_code == 200
    except httpx2.TransportError:
        return False


if __name__ == "__main__":
    sys.exit(main())
