"""What the two clients are put through."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pulse import MIC_SINK, SPEAKER_SINK

from bench.clients import SILENCE_MS, WITH_FRONT_END, Conure, Surroundings, running_conure, running_floor
from bench.program import CpuMeter, Program
from bench.recording import Recording
from bench.results import Client, TurnNotes, measure_turn, silence_after_ms
from bench.sound import Pcm, make_reply, make_utterance
from daemon.standin.actions import Send
from daemon.standin.record import Record, TurnRecord

REPLY_S = 2.5
LONG_REPLY_S = 8.0
"""Long enough to be cut in its middle, and sent whole before that: eight times faster than it plays."""

TURN_TIMEOUT_S = 20.0
SETTLE_S = 2.0
"""After the start, before anything is measured."""

CHUNK_S = 0.02
"""Turns begin at a random part of a client's chunk."""

ANSWERED_S = 0.4
"""After the end of a reply, until the next turn: what was late is still recorded."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything."""

    turns: int
    floor_turns: int
    cuts: int
    """How often a reply is cut by a command, and how often by the server."""
    starts: int
    waiting_s: float
    seed: int = 1


@dataclass(slots=True)
class FixedReply:
    """A voice of the stand-in."""

    pcm: bytes

    def reply(self, heard: bytes, text: str | None) -> bytes:
        """The same, whatever was said."""
        return self.pcm


@dataclass(slots=True)
class Bench:
    """Puts clients through the plan, one after the other."""

    around: Surroundings
    plan: Plan
    sentence: bytes
    tell: Callable[[str], None]
    _random: random.Random = field(default_factory=lambda: random.Random(1))
    _reply: Pcm = field(default_factory=lambda: make_reply(REPLY_S))

    # --- Conure

    async def conure(self) -> Client:
        """All of Conure's numbers."""
        client = Client()
        await self._start_once(Client())  # fills the caches of disk and bytecode
        for number in range(self.plan.starts):
            self.tell(f"Conure: start {number + 1} of {self.plan.starts}")
            await self._start_once(client)
        async with running_conure(self.around) as conure:
            await self._until_setup(conure.program)
            await asyncio.sleep(SETTLE_S)
            await self._wait_for_nothing(client, conure.program)
            await self._conure_turns(client, conure, self.plan.turns)
            for number in range(self.plan.cuts):
                self.tell(f"Conure: cut {number + 1} of {self.plan.cuts}")
                client.press_ms += await self._cut_conure(conure, stop_command(conure))
                client.interrupted_ms += await self._cut_conure(conure, self._interrupt)
            client.peak_mb = conure.program.memory_mb("VmHWM")
            client.steady_mb = conure.program.memory_mb("VmRSS")
            client.mapped_mb = conure.program.memory_mb("RssFile")
        client.front_end = await self._conure_with_front_end()
        return client

    async def _conure_with_front_end(self) -> Client:
        """What it costs, over as many turns as the floor has."""
        client = Client()
        async with running_conure(self.around, WITH_FRONT_END) as conure:
            await self._until_setup(conure.program)
            await asyncio.sleep(SETTLE_S)
            await self._wait_for_nothing(client, conure.program)
            await self._conure_turns(client, conure, self.plan.floor_turns)
            client.peak_mb = conure.program.memory_mb("VmHWM")
        return client

    async def _start_once(self, client: Client) -> None:
        async with running_conure(self.around) as conure:
            setup_s = await self._until_setup(conure.program)
            client.ready_ms.append((conure.ready_s - conure.program.started_s) * 1000)
            client.setup_ms.append((setup_s - conure.program.started_s) * 1000)

    async def _conure_turns(self, client: Client, conure: Conure, turns: int) -> None:
        notes: list[TurnNotes] = []
        meter = CpuMeter(conure.program)
        for number in range(turns):
            self.tell(f"Conure: turn {number + 1} of {turns}")

            async def begin(by_command: bool = bool(number % 2)) -> None:
                await conure.until_phase("idle")
                if by_command:
                    await conure.command("talk")
                    await conure.until_phase("listening")

            await self._take_turn(client, notes, number, begin, lambda: conure.until_phase("idle"))
        client.cpu_talking = meter.s_per_min()
        self._measure(client, notes)

    async def _cut_conure(self, conure: Conure, cut: Callable[[], Awaitable[object]]) -> list[float]:
        """Cut a long reply in its middle; the time until the speaker was silent."""
        self._answer_with(make_reply(LONG_REPLY_S))
        await conure.until_phase("idle")
        await conure.command("say", text="Tell me a long story.")
        await conure.until_phase("speaking")
        measured = await self._cut_now(cut)
        await conure.until_phase("idle")
        return measured

    # --- the floor

    async def floor(self) -> Client:
        """The same of the bare loop, as far as it goes."""
        client = Client()
        with running_floor(self.around) as program:
            setup_s = await self._until_setup(program)
            client.setup_ms.append((setup_s - program.started_s) * 1000)
            await asyncio.sleep(SETTLE_S)
            await self._wait_for_nothing(client, program)
            await self._floor_turns(client, program)
            for number in range(self.plan.cuts):
                self.tell(f"floor: cut {number + 1} of {self.plan.cuts}")
                client.interrupted_ms += await self._cut_floor(number)
            client.peak_mb = program.memory_mb("VmHWM")
            client.steady_mb = program.memory_mb("VmRSS")
            client.mapped_mb = program.memory_mb("RssFile")
        return client

    async def _floor_turns(self, client: Client, program: Program) -> None:
        notes: list[TurnNotes] = []
        meter = CpuMeter(program)
        for number in range(self.plan.floor_turns):
            self.tell(f"floor: turn {number + 1} of {self.plan.floor_turns}")
            await self._take_turn(client, notes, number, _nothing, _nothing)
        client.cpu_talking = meter.s_per_min()
        self._measure(client, notes)

    async def _cut_floor(self, number: int) -> list[float]:
        self._answer_with(make_reply(LONG_REPLY_S))
        before = self._record.turns_seen
        await self._say(number)
        await self._record.wait_for(
            lambda record: record.turns_seen > before and record.turns[-1].reply.generation_complete_s,
            TURN_TIMEOUT_S,
        )
        return await self._cut_now(self._interrupt)

    # --- both

    @property
    def _record(self) -> Record:
        return self.around.standin.record

    async def _until_setup(self, program: Program) -> float:
        """When the set-up of this program's connection came."""
        found = await self._record.wait_for(
            lambda record: [
                event.at_s
                for event in record.events
                if event.kind == "setup" and event.at_s > program.started_s
            ],
            TURN_TIMEOUT_S,
        )
        return found[0]

    async def _wait_for_nothing(self, client: Client, program: Program) -> None:
        """The program waits for a trigger that does not come."""
        self.tell(f"waiting for {self.plan.waiting_s:.0f} s")
        meter, since_s = CpuMeter(program), time.monotonic()
        await asyncio.sleep(self.plan.waiting_s)
        client.cpu_waiting = meter.s_per_min()
        connection = self._record.connections[-1]
        client.sent_while_waiting_s = sum(
            message.seconds for message in connection.audio if message.at_s >= since_s
        )

    async def _take_turn(
        self,
        client: Client,
        notes: list[TurnNotes],
        number: int,
        begin: Callable[[], Awaitable[None]],
        end: Callable[[], Awaitable[None]],
    ) -> None:
        """Say something, and wait until it has been answered and heard."""
        self._answer_with(self._reply)
        await asyncio.sleep(self._random.uniform(0, CHUNK_S))
        before, since_s = self._record.turns_seen, time.monotonic()
        try:
            await begin()
            await self._say(number)
            await self._record.wait_for(
                lambda record: (
                    record.turns_seen > before and record.turns[-1].reply.turn_complete_s is not None
                ),
                TURN_TIMEOUT_S,
            )
            await end()
        except TimeoutError as error:
            self.tell(f"turn {number + 1} was not answered: {error}")
            client.turns_failed += 1
            return
        await asyncio.sleep(ANSWERED_S)
        notes.append(_notes(self._record.turns[-1], since_s, time.monotonic()))

    async def _say(self, number: int) -> None:
        """Play an utterance into the microphone's sink; each is different."""
        pcm = make_utterance(self.sentence, self.plan.seed + number).tobytes()
        await asyncio.to_thread(self.around.pulse.play, pcm)

    async def _cut_now(self, cut: Callable[[], Awaitable[object]]) -> list[float]:
        await asyncio.sleep(1.2 + self._random.uniform(0, 2 * CHUNK_S))
        asked_s = time.monotonic()
        await cut()
        await asyncio.sleep(ANSWERED_S)
        silence_ms = silence_after_ms(self._recording(SPEAKER_SINK), asked_s, time.monotonic())
        return [] if silence_ms is None else [silence_ms]

    async def _interrupt(self) -> None:
        await self.around.standin.inject(Send("interrupted"))

    def _answer_with(self, reply: Pcm) -> None:
        self.around.standin.voice = FixedReply(reply.tobytes())

    def _recording(self, sink: str) -> Recording:
        recorder = self.around.pulse.recorders[sink]
        return Recording.of(recorder.pieces(), recorder.rate_hz)

    def _measure(self, client: Client, notes: list[TurnNotes]) -> None:
        mic, speaker = self._recording(MIC_SINK), self._recording(SPEAKER_SINK)
        turns = [measure_turn(note, mic, speaker, self._reply, SILENCE_MS) for note in notes]
        client.turns = [turn for turn in turns if turn is not None]
        client.turns_failed += turns.count(None)


def stop_command(conure: Conure) -> Callable[[], Awaitable[object]]:
    """`conure stop`, as somebody's program would send it."""
    return lambda: conure.command("stop")


async def _nothing() -> None:
    """A client that always listens needs no telling."""


def _notes(turn: TurnRecord, since_s: float, until_s: float) -> TurnNotes:
    assert turn.ended_s is not None
    assert turn.reply.first_audio_s is not None
    return TurnNotes(since_s, until_s, turn.ended_s, turn.reply.first_audio_s, turn.pcm)
