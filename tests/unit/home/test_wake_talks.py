"""Speakers that agree through a real broker which of them answers, each with its own part of the daemon."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mosquitto import PROGRAM, Mosquitto, mosquitto

from daemon.conductor.agreement import WAIT_S, OneAnswers
from daemon.errors import ControlError
from daemon.events import TalkPressed, Trigger
from daemon.home.bridge import HomeBridge, Household
from daemon.home.broker import BrokerAddress, BrokerLost, connected
from daemon.home.discovery import Identity
from daemon.home.entities import HouseTerms
from daemon.home.outbox import Outgoing
from daemon.home.topics import Topics
from daemon.home.wake import MAX_PEERS, WakeTalks

PATIENCE_S = 20.0


class Speaker:
    """What a daemon does with a wake word; and its control socket, without the socket."""

    def __init__(self, name: str, port: int) -> None:
        self.notes_told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.answers: list[float] = []
        self.heard_s = 0.0
        self.one = OneAnswers(self._tell, self._answer)
        self.present = True
        address = BrokerAddress(host="127.0.0.1", port=port, client=name)
        house = Household(topics=Topics(name), identity=lambda *_: Identity(name=name), terms=HouseTerms())
        self.bridge = HomeBridge(house, self, lambda will, topics: connected(address, will, topics))

    def _tell(self, event: str, **fields: Any) -> None:
        self.notes_told.put_nowait({"event": event, **fields})

    def _answer(self, _event: TalkPressed) -> None:
        self.answers.append(time.monotonic() - self.heard_s)

    def hear(self, score_db: float) -> None:
        self.heard_s = time.monotonic()
        if not self.one.holds(TalkPressed(Trigger.WAKE_WORD, score_db=score_db)):
            self.answers.append(0.0)

    @property
    def peers(self) -> int:
        return int((self.one.report()["house"] or {}).get("peers", 0))

    async def ask(self, command: str, **args: Any) -> Any:
        match command:
            case "house":
                await self.one.note_house(args)
            case "wake":
                await self.one.decide(args)
            case "status":
                return {"state": "idle"}
        return {}

    async def notes(self, *, level: bool = False) -> AsyncGenerator[dict[str, Any]]:
        yield {"event": "speaker", "speaker": "here"}
        yield {"event": "snapshot", "status": {"state": "idle"}}
        while True:
            yield await self.notes_told.get()


@pytest.fixture
def broker(tmp_path: Path) -> Any:
    if PROGRAM is None:
        pytest.skip("there is no mosquitto here")
    with mosquitto(tmp_path) as one:
        yield one


@contextlib.asynccontextmanager
async def house(port: int) -> AsyncIterator[list[Speaker]]:
    """Three speakers that know one another."""
    speakers = [Speaker(name, port) for name in ("attic", "bath", "cellar")]
    tasks = [asyncio.create_task(one.bridge.run()) for one in speakers]
    try:
        await until(lambda: all(one.peers == 2 for one in speakers))
        yield speakers
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(true: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0.005)


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times with which a busy machine comes to the same agreement as an idle one."""
    monkeypatch.setattr("daemon.conductor.agreement.WAIT_S", PATIENCE_S)
    monkeypatch.setattr("daemon.home.rounds.STALE_S", PATIENCE_S)
    monkeypatch.setattr("daemon.home.rounds.LATE_S", 0.2)
    monkeypatch.setattr("daemon.home.wake.WINDOW_S", 0.4)
    monkeypatch.setattr("daemon.home.bridge.pause_s", lambda _failures, _chance: 0.05)


@pytest.mark.usefixtures("patience")
async def test_one_of_three_answers_and_with_the_broker_gone_all_do(broker: Mosquitto) -> None:
    """`scripts/check-home` has two hundred words, and the time that it takes."""
    dice = random.Random(3)
    async with house(broker.port) as speakers:
        for word in range(2):
            scores = dice.sample(range(5, 30), len(speakers))
            for one, score_db in zip(speakers, scores, strict=True):
                one.hear(float(score_db))
            await until(lambda word=word: sum(len(one.answers) for one in speakers) == word + 1)
            await asyncio.sleep(0.5)  # a word that follows at once would be taken for the same
        assert sum(len(one.answers) for one in speakers) == 2
        broker.stop()
        await until(lambda: all(one.peers == 0 for one in speakers))
        for one in speakers:
            one.hear(10.0)
        assert [one.answers[-1] for one in speakers] == [0.0] * 3
        broker.start()
        await until(lambda: all(one.peers == 2 for one in speakers))


class SilentBroker:
    """Takes everything, and gives nothing back."""

    def __init__(self) -> None:
        self.published: list[Outgoing] = []

    async def publish(self, message: Outgoing) -> None:
        self.published.append(message)

    async def messages(self) -> AsyncIterator[Any]:
        await asyncio.Event().wait()
        yield


async def nobody(_command: str, **_args: Any) -> None:
    raise ControlError("away")


async def test_a_broker_that_gives_nothing_back_leaves_the_speaker_to_itself() -> None:
    talks = WakeTalks(Topics("attic"), nobody, time.monotonic)
    talks.note({"event": "wake", "word": 1, "score_db": 5.0})  # there is no broker
    broker = SilentBroker()
    talks.use(broker)
    talks.note({"event": "wake", "word": 2, "score_db": 500.0})
    await until(lambda: len(broker.published) == 1)
    [claim] = broker.published
    assert (claim.payload, claim.once, claim.retain) == (
        '{"id":"attic","word":2,"score_db":120.0}', True, False,
    )  # fmt: skip
    talks.hear(claim.payload.encode())
    await until(lambda: len(broker.published) == 2)
    talks.hear(broker.published[1].payload.encode())  # the speaker, asked, is away
    talks.hear(b"nonsense")
    assert talks.refused == 1
    talks.use(None)


class LostBroker(SilentBroker):
    """Takes nothing any more."""

    async def publish(self, message: Outgoing) -> None:
        await super().publish(message)
        raise BrokerLost("gone")


async def test_a_broker_that_was_lost_in_between_is_no_end() -> None:
    talks = WakeTalks(Topics("attic"), nobody, time.monotonic)
    broker = LostBroker()
    talks.use(broker)
    talks.note({"event": "wake", "word": 1, "score_db": 5.0})
    await until(lambda: len(broker.published) == 1)
    await asyncio.sleep(0)
    talks.hear(b'{"id":"attic","word":1,"score_db":5}')
    talks.hear(b'{"id":"attic","word":1,"close":true}')
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    talks.use(None)


def test_the_speakers_at_the_broker_are_counted_up_to_a_bound() -> None:
    talks = WakeTalks(Topics("attic"), nobody, time.monotonic)
    assert not talks.see("conure/attic/state", b"online")
    assert talks.see("conure/attic/availability", b"online")
    assert talks.peers == 0
    for number in range(MAX_PEERS + 5):
        talks.see(f"conure/s{number}/availability", b"online")
    assert talks.peers == MAX_PEERS
    talks.see("conure/s0/availability", b"offline")
    assert talks.peers == MAX_PEERS - 1
    talks.use(None)
    assert talks.peers == 0


def test_a_decision_comes_before_the_speaker_answers_by_itself() -> None:
    from daemon.home.rounds import WINDOW_S

    assert WINDOW_S <= WAIT_S / 2
