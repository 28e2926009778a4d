"""The bridge between a speaker and a broker, both of which a test can do without."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from copy import deepcopy
from typing import Any

import pytest

from daemon.control.remote.client import SpeakerAway
from daemon.errors import ControlError
from daemon.home import bridge as bridge_module
from daemon.home.bridge import MAX_ORDERS, HomeBridge, Household
from daemon.home.broker import Broker, BrokerLost, Incoming
from daemon.home.discovery import Identity
from daemon.home.entities import HouseTerms
from daemon.home.outbox import LONGEST_PAUSE_S, Outgoing
from daemon.home.topics import Topics

STATUS: dict[str, Any] = {
    "version": "1", "board": "simulated", "state": "idle", "muted": False, "volume": 70, "light": "ready",
    "link": {"state": "online", "problem": None}, "devices": {}, "timers": {}, "turns": [], "usage": {},
}  # fmt: skip
TOPICS = Topics("ab12", room="Kitchen")
PATIENCE_S = 20.0


class FakeSpeaker:
    """Tells what a test has it tell, and remembers what it was asked."""

    def __init__(self) -> None:
        self.present = True
        self.told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.agreed: list[tuple[str, dict[str, Any]]] = []
        self.go = asyncio.Event()
        self.go.set()
        self.refusal: ControlError | None = None

    async def ask(self, command: str, **args: Any) -> Any:
        if command == "status":
            return deepcopy(STATUS)
        if command == "timers":
            return {"waiting": [{"left_s": 60.0}]}
        if command in ("house", "wake"):
            self.agreed.append((command, args))
            return None
        self.asked.append((command, args))
        await self.go.wait()
        if self.refusal is not None:
            raise self.refusal
        return None

    async def notes(self, *, level: bool = False) -> AsyncGenerator[dict[str, Any]]:
        yield {"event": "speaker", "speaker": "here"}
        yield {"event": "snapshot", "status": deepcopy(STATUS)}
        while True:
            yield await self.told.get()


class FakeBroker:
    """Keeps what is published, and is away when a test wishes."""

    def __init__(self) -> None:
        self.away = False
        self.tries = 0
        self.published: list[Outgoing] = []
        self.subscribed: tuple[str, ...] = ()
        self.will: Outgoing | None = None
        self.came: asyncio.Queue[Incoming | None] = asyncio.Queue()
        self.news = asyncio.Event()

    @contextlib.asynccontextmanager
    async def connect(self, will: Outgoing, topics: Iterable[str]) -> AsyncIterator[Broker]:
        self.tries += 1
        if self.away:
            raise BrokerLost("connection refused")
        self.will, self.subscribed = will, tuple(topics)
        yield self

    async def publish(self, message: Outgoing) -> None:
        if self.away:
            raise BrokerLost("gone")
        self.published.append(message)
        self.news.set()

    async def messages(self) -> AsyncIterator[Incoming]:
        while (message := await self.came.get()) is not None:
            yield message

    def send(self, topic: str, payload: str, *, retained: bool = False) -> None:
        self.came.put_nowait(Incoming(topic, payload.encode(), retained))

    def payloads(self, topic: str) -> list[str]:
        return [one.payload for one in self.published if one.topic == topic]

    async def until(self, topic: str, times: int = 1) -> str:
        """The newest payload there, when there are so many."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.payloads(topic)) < times:
                self.news.clear()
                await self.news.wait()
        return self.payloads(topic)[-1]


class Clock:
    """Time passes where somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.on_sleep: list[Any] = []

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        for look in self.on_sleep:
            look()
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def speaker() -> FakeSpeaker:
    return FakeSpeaker()


@pytest.fixture
async def broker() -> FakeBroker:
    return FakeBroker()


def make_bridge(speaker: FakeSpeaker, broker: FakeBroker, clock: Clock, **terms: Any) -> HomeBridge:
    house = Household(
        topics=TOPICS,
        identity=lambda board, version: Identity(name="Kitchen", board=board, version=version),
        terms=HouseTerms(**terms),
    )
    return HomeBridge(
        house, speaker, broker.connect, clock=lambda: clock.now_s, sleep=clock.sleep, chance=lambda: 1.0
    )


@contextlib.asynccontextmanager
async def running(bridge: HomeBridge) -> AsyncIterator[HomeBridge]:
    task = asyncio.create_task(bridge.run())
    try:
        yield bridge
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(true: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0)


async def test_the_device_is_described_then_available_then_its_state_told(
    speaker: FakeSpeaker, broker: FakeBroker, clock: Clock
) -> None:
    async with running(make_bridge(speaker, broker, clock)):
        state = json.loads(await broker.until(TOPICS.state))
    assert broker.will == Outgoing(topic=TOPICS.availability, payload="offline", retain=True)
    assert broker.subscribed == TOPICS.subscriptions
    kept = [one for one in broker.published if one.retain]
    order = [one.topic for one in kept if one.payload != "offline"]
    assert order[:3] == [TOPICS.discovery, TOPICS.availability, TOPICS.state]
    assert json.loads(broker.payloads(TOPICS.discovery)[0])["device"]["model"] == "simulated"
    assert state["volume"] == 70
    assert broker.payloads(TOPICS.availability)[-1] == "offline"  # it has left in order


async def test_a_change_is_told(speaker: FakeSpeaker, broker: FakeBroker, clock: Clock) -> None:
    async with running(make_bridge(speaker, broker, clock)):
        await until(lambda: any(json.loads(one)["next_timer"] for one in broker.payloads(TOPICS.state)))
        clock.now_s += 1.0
        speaker.told.put_nowait({"event": "volume", "volume": 20})
        told = await broker.until(TOPICS.state, len(broker.payloads(TOPICS.state)) + 1)
    assert json.loads(told)["volume"] == 20


async def test_what_happens_is_told_and_not_kept(
    speaker: FakeSpeaker, broker: FakeBroker, clock: Clock
) -> None:
    async with running(make_bridge(speaker, broker, clock)):
        speaker.told.put_nowait({"event": "gesture", "gesture": "tapped"})
        told = await broker.until(TOPICS.event("button"))
        speaker.told.put_nowait({"event": "say", "text": "secret"})
        speaker.told.put_nowait({"event": "turn", "outcome": "answered", "trigger": "text"})
        await broker.until(TOPICS.event("conversation"))
    assert json.loads(told) == {"event_type": "tap"}
    assert not any(one.retain for one in broker.published if "/event/" in one.topic)
    assert not any("secret" in one.payload for one in broker.published)


async def test_what_was_said_is_told_only_where_the_settings_say_so(
    speaker: FakeSpeaker, broker: FakeBroker, clock: Clock
) -> None:
    async with running(make_bridge(speaker, broker, clock, transcripts=True)):
        speaker.told.put_nowait({"event": "say", "text": "hello"})
        speaker.told.put_nowait({"event": "turn", "outcome": "silent", "trigger": "text"})
        told = await broker.until(TOPICS.said("you"))
    assert json.loads(told) == {"short": "hello", "text": "hello"}
    assert not any(one.retain for one in broker.published if "/said/" in one.topic)


async def test_a_speaker_that_goes_away_is_unavailable_and_described_again_when_it_comes_back(
    speaker: FakeSpeaker, broker: FakeBroker, clock: Clock
) -> None:
    async with running(make_bridge(speaker, broker, clock)):
        await broker.until(TOPICS.state)
        speaker.told.put_nowait({"event": "speaker", "speaker": "away"})
        await until(lambda: broker.payloads(TOPICS.availability)[-1] == "offline")
        described = len(broker.payloads(TOPICS.discovery))
        speaker.told.put_nowait({"event": "speaker", "speaker": "here"})
        await until(lambda: broker.payloads(TOPICS.availability)[-1] == "online")
        assert len(broker.payloads(TOPICS.discovery)) == described + 1


async def test_when_home_assistant_has_started_the_device_is_described_again(
    speaker: FakeSpeaker, broker: FakeBroker, clock: Clock
) -> None:
    async with running(make_bridge(speaker, broker, clock)):
        await broker.until(TOPICS.state)
        broker.send(TOPICS.house_status, "offline")
        broker.send(TOPICS.house_status, "online", retained=True)  # it stood there when we came
        broker.send(TOPICS.house_status, "online")
        await broker.until(TOPICS.discovery, 2)
        await asyncio.sleep(0)
    assert len(broker.payloads(TOPICS.discovery)) == 2


async def test_a_command_reaches_the_speaker(speaker: FakeSpeaker, broker: FakeBroker, clock: Clock) -> None:
    async with running(make_bridge(speaker, broker, clock)) as bridge:
        broker.send(TOPICS.command("volume"), "30")
        broker.send("conure/group/kitchen/announce", "Dinner!")
        await until(lambda: bridge.counters()["mqtt_orders_obeyed"] == 2)
    assert speaker.asked == [("volume", {"percent": 30}), ("announce", {"text": "Dinner!"})]


async def test_a_retained_command_is_ignored_and_counted_and_logged_once(
    speaker: FakeSpeaker, broker: FakeBroker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(make_bridge(speaker, broker, clock, talk=True)) as bridge:
        for _ in range(3):
            broker.send(TOPICS.command("talk"), "PRESS", retained=True)
        await until(lambda: bridge.counters()["mqtt_retained_ignored"] == 3)
    assert speaker.asked == []
    assert sum("retained message" in line for line in caplog.messages) == 1


async def test_what_has_not_the_form_is_refused_and_counted_and_logged_once(
    speaker: FakeSpeaker, broker: FakeBroker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(make_bridge(speaker, broker, clock)) as bridge:
        broker.send(TOPICS.command("talk"), "PRESS")
        broker.send(TOPICS.command("volume"), "x" * 5000)
        broker.send(TOPICS.command("x\ny" * 100), "PRESS")
        await until(lambda: bridge.counters()["mqtt_orders_refused"] == 3)
    assert speaker.asked == []
    assert sum("is not obeyed" in line for line in caplog.messages) == 1


@pytest.mark.parametrize("refusal", [ControlError("not now"), SpeakerAway("away")])
async def test_a_command_that_the_speaker_refuses_is_counted_and_no_end(
    speaker: FakeSpeaker, broker: FakeBroker, clock: Clock, refusal: ControlError
) -> None:
    speaker.refusal = refusal
    async with running(make_bridge(speaker, broker, clock)) as bridge:
        broker.send(TOPICS.command("stop"), "PRESS")
        await until(lambda: bridge.counters()["mqtt_orders_failed"] == 1)
        speaker.refusal = None
        broker.send(TOPICS.command("stop"), "PRESS")
        await until(lambda: bridge.counters()["mqtt_orders_obeyed"] == 1)


async def test_a_flood_of_commands_is_bounded_and_counted(
    speaker: FakeSpeaker, broker: FakeBroker, clock: Clock
) -> None:
    speaker.go.clear()
    async with running(make_bridge(speaker, broker, clock)) as bridge:
        broker.send(TOPICS.command("stop"), "PRESS")
        await until(lambda: len(speaker.asked) == 1)
        for _ in range(MAX_ORDERS + 5):
            broker.send(TOPICS.command("stop"), "PRESS")
        await until(lambda: bridge.counters()["mqtt_orders_dropped"] == 5)
        speaker.go.set()
        await until(lambda: bridge.counters()["mqtt_orders_obeyed"] == MAX_ORDERS + 1)


async def test_after_an_hour_without_a_broker_the_device_is_back(
    speaker: FakeSpeaker, broker: FakeBroker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """It is asked for some sixty times; of the hour only how it is at its end is told."""
    broker.away = True
    began_s = clock.now_s

    def come_back() -> None:
        broker.away = clock.now_s < began_s + 3600.0

    clock.on_sleep.append(come_back)
    async with running(make_bridge(speaker, broker, clock)) as bridge:
        speaker.told.put_nowait({"event": "gesture", "gesture": "tapped"})
        await broker.until(TOPICS.state)
        assert bridge.connected
        assert bridge.trouble == ""
        assert clock.now_s < began_s + 3600.0 + LONGEST_PAUSE_S
        assert 60 <= broker.tries <= 70
        assert broker.payloads(TOPICS.availability)[-1] == "online"
        assert len(broker.payloads(TOPICS.discovery)) == 1
        assert broker.payloads(TOPICS.event("button")) == []
    assert sum("cannot be had" in line for line in caplog.messages) == 1
    assert bridge.counters()["mqtt_events_dropped"] == 1


async def test_a_broker_that_closes_again_and_again_is_asked_ever_more_seldom(
    speaker: FakeSpeaker, broker: FakeBroker, clock: Clock
) -> None:
    """Two speakers of one id push each other out; a connection that has lasted begins afresh."""
    pauses: list[float] = []
    was_s = clock.now_s

    def note() -> None:
        nonlocal was_s
        pauses.append(clock.now_s - was_s)
        if len(pauses) == 4:
            clock.now_s += 0.0
        was_s = clock.now_s

    clock.on_sleep.append(note)
    async with running(make_bridge(speaker, broker, clock)) as bridge:
        for _ in range(3):
            broker.came.put_nowait(None)
        await until(lambda: len(pauses) == 3 and bridge.connected)
        clock.now_s += 120.0
        was_s = clock.now_s
        broker.came.put_nowait(None)
        await until(lambda: len(pauses) == 4)
    assert pauses == [2.0, 4.0, 8.0, 2.0]
    assert bridge.counters()["mqtt_losses"] == 4


async def test_a_broker_that_goes_while_something_is_published_is_noted(
    speaker: FakeSpeaker, broker: FakeBroker, clock: Clock
) -> None:
    async with running(make_bridge(speaker, broker, clock)) as bridge:
        await broker.until(TOPICS.state)
        broker.away = True
        clock.on_sleep.append(lambda: setattr(broker, "away", False))
        speaker.told.put_nowait({"event": "gesture", "gesture": "tapped"})
        await until(lambda: bridge.counters()["mqtt_connects"] == 2)
        await until(lambda: len(broker.payloads(TOPICS.discovery)) == 2)


async def test_now_and_then_the_speaker_is_asked_though_nothing_happens(
    speaker: FakeSpeaker, broker: FakeBroker, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge_module, "LOOK_S", 0.001)
    async with running(make_bridge(speaker, broker, clock)):
        await until(lambda: any(json.loads(one)["next_timer"] for one in broker.payloads(TOPICS.state)))
