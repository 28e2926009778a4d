"""Soaks the gateway: `scripts/soak --web [--minutes N] [--seed N]`.

Eight phones talk at once, by voice and in writing; connections to the service die, phones leave, stop
replies and take nothing for a while, all at random. The gateway is a process of its own, the stand-in and the
phones are in this one. Nothing that was said may be lost, and the memory must be flat. The same seed gives
the same phones.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from bench.web import QUICK, WebBench, running_gateway
from bench.web_talk import FRAME_BYTES
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from daemon.standin.server import StandIn
from daemon.standin.voices import Tone
from daemon.standin.world import Pace
from daemon.web.dialects.own import HEAD, SOUND, SUBPROTOCOL

PHONES = 8
ANSWER_S = 40.0
"""Longer than a talk waits for a connection; what has no answer then is lost."""
FAULT_S = (1.0, 5.0)
"""Between two connections to the service that die."""
SAMPLE_S = 2.0
GROWN_MB = 6.0
"""More between the means of the second and the last third is a leak; the heap's own steps are of a few MB."""


@dataclass(slots=True)
class Tally:
    """What was seen."""

    counts: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    faults: list[tuple[float, str]] = field(default_factory=list)
    """When what happened, for whoever looks for the cause of a loss."""

    def since(self, at_s: float) -> str:
        """The faults from shortly before this moment on, in seconds from it."""
        near = [f"{what} {when_s - at_s:+.1f} s" for when_s, what in self.faults if when_s > at_s - 2.0]
        return ", ".join(near) or "no fault"

    def growth_mb(self) -> float:
        """From the second third to the last."""
        third = len(self.memory_mb) // 3
        if third < 3:
            return 0.0
        return float(np.mean(self.memory_mb[-third:]) - np.mean(self.memory_mb[third : 2 * third]))


class SoakPhone:
    """One phone: talk after talk, until the end."""

    def __init__(self, bench: WebBench, number: int, seed: int, tally: Tally) -> None:
        self._bench = bench
        self._number = number
        self._chance = random.Random(f"{seed}/{number}")
        self._tally = tally
        self._said = 0
        self._said_at_s = 0.0
        self._written = ""
        """The last utterance, where it was a text."""

    async def run(self, until_s: float) -> None:
        """Each talk has some utterances; some end in the middle of a reply."""
        while time.monotonic() < until_s:
            async with connect(
                f"wss://localhost:{self._bench.port}/ws/talk",
                ssl=self._bench.tls,
                additional_headers=self._bench.pass_header,
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                compression=None,
            ) as websocket:
                self._tally.counts["talks"] += 1
                await websocket.send(json.dumps({"type": "start", "push_to_talk": True}))
                try:
                    await self._talk(websocket, until_s)
                except ConnectionClosed as closed:
                    self._lose(f"closed with {closed.code} {closed.reason}")
            await asyncio.sleep(self._chance.uniform(0.05, 0.5))

    async def _talk(self, websocket: ClientConnection, until_s: float) -> None:
        for _ in range(self._chance.randint(1, 8)):
            if time.monotonic() >= until_s:
                return
            await self._say(websocket)
            if await self._answered(websocket) is None:
                return
            came = {turn.text for turn in self._bench.standin.record.turns}
            if self._written and self._written not in came:
                self._lose(f"{self._written!r} never came to the service")

    async def _say(self, websocket: ClientConnection) -> None:
        self._said += 1
        self._said_at_s = time.monotonic()
        self._written = ""
        if self._chance.random() < 0.4:
            self._tally.counts["written"] += 1
            self._written = f"{self._number}/{self._said}"
            await websocket.send(json.dumps({"type": "text", "text": self._written}))
            return
        self._tally.counts["spoken"] += 1
        await websocket.send('{"type": "press"}')
        for _ in range(self._chance.randint(10, 50)):
            await websocket.send(HEAD.pack(SOUND, 0, 0) + b"\1\2" * (FRAME_BYTES // 2))
            await asyncio.sleep(0.01)
        await websocket.send('{"type": "release"}')

    async def _answered(self, websocket: ClientConnection) -> str | None:
        """Until the reply is over; None: this phone leaves, or its words were lost."""
        mood = self._chance.choice(("listens", "listens", "listens", "stops", "slow", "leaves"))
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._listen(websocket, mood)
        except TimeoutError:
            self._lose("no answer")
            return None

    async def _listen(self, websocket: ClientConnection, mood: str) -> str | None:
        heard = False
        async for message in websocket:
            if isinstance(message, bytes) and not heard:
                heard = True
                if mood == "leaves":
                    self._tally.counts["left in a reply"] += 1
                    return None
                if mood == "stops":
                    self._tally.counts["stopped"] += 1
                    await websocket.send('{"type": "stop"}')
                if mood == "slow":
                    self._tally.counts["slow"] += 1
                    await asyncio.sleep(1.0)
            elif isinstance(message, str):
                told = json.loads(message)
                if told["type"] in ("turn_complete", "interrupted"):
                    return self._judge(told)
        raise ConnectionClosed(None, None)

    def _judge(self, told: dict[str, str]) -> str:
        reason = str(told.get("reason") or told["type"])
        self._tally.counts[f"ended: {reason}"] += 1
        if reason == "no_answer":
            self._lose("it was told that there is no answer")
        return reason

    def _lose(self, how: str) -> None:
        what = self._written or "speech"
        near = self._tally.since(self._said_at_s)
        self._tally.lost.append(f"phone {self._number}, utterance {self._said} ({what}): {how}; {near}")


async def _break(standin: StandIn, chance: random.Random, tally: Tally) -> None:
    """Connections to the service die, one after the other."""
    while True:
        await asyncio.sleep(chance.uniform(*FAULT_S))
        what = chance.choice(("abort", "drop", "go away"))
        tally.counts[f"fault: {what}"] += 1
        tally.faults.append((time.monotonic(), what))
        if what == "abort":
            standin.abort()
        elif what == "drop":
            await standin.drop()
        else:
            await standin.send_go_away(5.0)


async def _sample(bench: WebBench, tally: Tally) -> None:
    while True:
        await asyncio.sleep(SAMPLE_S)
        bench.program.check()
        tally.memory_mb.append(bench.program.memory_mb("VmRSS"))


async def _soak(folder: Path, minutes: float, seed: int) -> Tally:
    tally = Tally()
    async with StandIn(Tone(0.6), pace=Pace(thinking_s=0.1)) as standin:
        async with running_gateway(folder, standin, QUICK) as (bench, _):
            until_s = time.monotonic() + 60.0 * minutes
            beside = [
                asyncio.create_task(_break(standin, random.Random(seed), tally)),
                asyncio.create_task(_sample(bench, tally)),
            ]
            try:
                phones = [SoakPhone(bench, number, seed, tally) for number in range(PHONES)]
                await asyncio.gather(*(one.run(until_s) for one in phones))
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)
    return tally


def main() -> int:
    """Soak and print. 0: nothing was lost, and the memory is flat; 1: else."""
    parser = argparse.ArgumentParser(prog="scripts/soak --web", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = secrets.randbelow(2**32) if arguments.seed is None else arguments.seed
    logging.disable(logging.CRITICAL)  # of the stand-in
    print(f"soak: {PHONES} phones for {arguments.minutes:g} minutes, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="conure-soak-") as folder:
        tally = asyncio.run(_soak(Path(folder), arguments.minutes, seed))
    print(", ".join(f"{count} {name}" for name, count in sorted(tally.counts.items())))
    last_mb = tally.memory_mb[-1] if tally.memory_mb else 0.0
    print(f"resident: {last_mb:.1f} MB, {tally.growth_mb():+.1f} MB from the second third to the last")
    for line in tally.lost[:20]:
        print(f"  {line}")
    failed = bool(tally.lost) or tally.growth_mb() > GROWN_MB
    print("soak: FAILED" if failed else "soak: nothing was lost")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
