"""Between the speaker and the broker: tells the one of the other, for ever. Event loop only.

Neither waits for the other. While the broker is away the newest state and some events wait (`outbox.py`);
while the speaker is away its entities are unavailable.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from daemon.control.remote.client import SpeakerDoor
from daemon.errors import ControlError
from daemon.home.broker import Broker, BrokerLost, Incoming
from daemon.home.discovery import Identity, discovery
from daemon.home.entities import HouseTerms
from daemon.home.orders import BadOrder, Order, order_of
from daemon.home.outbox import PROVEN_S, BrokerOutbox, Outgoing, pause_s
from daemon.home.picture import ASK_AGAIN, Happening, Note, Picture, SpokenLines, happenings
from daemon.home.topics import Topics
from daemon.home.wake import WakeTalks
from daemon.outside import one_line

log = logging.getLogger(__name__)

LOOK_S = 60.0
"""How often the speaker is asked how it is although nothing happens: the day ends, and with it its use."""
TELL_S = 10.0
"""How often the speaker is told how the bridge is; it believes it for 30 s."""
MAX_ORDERS = 8
"""Commands that wait for the speaker; policy for one more: it is not obeyed, and counted."""
GOODBYE_S = 2.0
"""So long a broker may take to hear that we leave."""

TOPIC_CHARS = 100
"""Of a topic of somebody else's choice, in the log."""

ONLINE, OFFLINE = "online", "offline"

Connect = Callable[[Outgoing, Iterable[str]], AbstractAsyncContextManager[Broker]]
"""`connect(will, topics)` opens a connection. Raises BrokerLost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """What does not change while it runs."""

    topics: Topics
    identity: Callable[[str, str], Identity]
    """From the board and the version that the speaker tells."""
    terms: HouseTerms


class HomeBridge:
    """Keeps the speaker and the broker in touch. `run` is its task."""

    def __init__(
        self,
        house: Household,
        speaker: SpeakerDoor,
        connect: Connect,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`clock`, `wall_clock`, `sleep` and `chance` (0 to 1) are for tests."""
        self._house = house
        self._topics = house.topics
        self._speaker = speaker
        self._connect = connect
        self._clock = clock
        self._wall_clock = wall_clock
        self._sleep = sleep
        self._chance = chance
        self._picture = Picture()
        self._spoken = SpokenLines()
        self._outbox = BrokerOutbox()
        self._orders: asyncio.Queue[Order] = asyncio.Queue(MAX_ORDERS)
        self._changed = asyncio.Event()
        self._look = asyncio.Event()
        self._describe = True
        self._available: str | None = None
        self._counts: Counter[str] = Counter()
        self._complained: set[str] = set()
        self._wake = WakeTalks(house.topics, speaker.ask, clock)
        self._house_changed = asyncio.Event()
        self.connected = False
        self.trouble = ""
        """Why the broker cannot be had; empty while it can."""

    def counters(self) -> dict[str, int]:
        """What came and went, and what was dropped, refused and lost."""
        names = (
            "connects", "losses", "orders_obeyed", "orders_refused", "orders_failed", "orders_dropped",
            "retained_ignored",
        )  # fmt: skip
        counts = {f"mqtt_{name}": self._counts[name] for name in names}
        return counts | {
            "mqtt_events_dropped": self._outbox.events_dropped,
            "mqtt_wake_yielded": self._wake.yielded,
            "mqtt_wake_refused": self._wake.refused,
        }

    async def run(self) -> None:
        """For ever. Ends by cancellation or by a bug."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow(), name="mqtt-speaker")
            tasks.create_task(self._look_again(), name="mqtt-status")
            tasks.create_task(self._obey(), name="mqtt-orders")
            tasks.create_task(self._tell_of_house(), name="mqtt-house")
            tasks.create_task(self._keep_connected(), name="mqtt-broker")

    # --- the speaker

    async def _follow(self) -> None:
        async for note in self._speaker.notes():
            self._hear(note)

    def _hear(self, note: Note) -> None:
        self._wake.note(note)
        self._picture.hear(note)
        event = note.get("event")
        self._describe = self._describe or event == "speaker"
        if event in ASK_AGAIN or event == "snapshot":
            self._look.set()
        for happening in happenings(note):
            self._tell(happening)
        if self._house.terms.transcripts:
            for happening in self._spoken.hear(note):
                self._tell(happening)
        self._show()

    def _tell(self, happening: Happening) -> None:
        told = dict(happening.told)
        kind = happening.kind
        topic = self._topics.said(told.pop("who")) if kind == "said" else self._topics.event(kind)
        self._outbox.put_event(Outgoing(topic=topic, payload=_json(told)), self._clock())

    def _show(self) -> None:
        if self._picture.known:
            state = _json(self._picture.state())
            self._outbox.put_state(Outgoing(topic=self._topics.state, payload=state, retain=True))
        self._changed.set()

    async def _look_again(self) -> None:
        """Ask for what no note tells, when a note says that it changed, and now and then."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._look.wait()
            self._look.clear()
            with contextlib.suppress(ControlError):
                self._picture.hear({"event": "snapshot", "status": await self._speaker.ask("status")})
                book = await self._speaker.ask("timers", action="list", form="data")
                self._picture.take_timers(book, self._wall_clock())
            self._show()

    async def _obey(self) -> None:
        while True:
            order = await self._orders.get()
            try:
                await self._speaker.ask(order.command, **order.args)
                self._counts["orders_obeyed"] += 1
                self._look.set()  # sooner than the speaker looks for what changed by itself
            except ControlError as error:
                self._counts["orders_failed"] += 1
                log.info("the command %s from the broker was not carried out: %s", order.command, error)

    async def _tell_of_house(self) -> None:
        """The speaker shows it, and waits with a wake word only where there is somebody to agree with.

        One that does not know of the broker does not know the command either.
        """
        while True:
            self._house_changed.clear()
            with contextlib.suppress(ControlError):
                await self._speaker.ask(
                    "house",
                    connected=self.connected,
                    trouble=self.trouble,
                    peers=self._wake.peers,
                    counters=self.counters(),
                )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TELL_S):
                    await self._house_changed.wait()

    # --- the broker

    async def _keep_connected(self) -> None:
        failures = 0
        while True:
            since_s = float("inf")
            try:
                async with self._connect(self._availability(OFFLINE), self._topics.subscriptions) as broker:
                    since_s = self._clock()
                    self._note_connected()
                    await self._serve(broker)
            except* BrokerLost as lost:
                self._note_lost(lost.exceptions[0])
            failures = 1 if self._clock() - since_s >= PROVEN_S else failures + 1
            await self._sleep(pause_s(failures, self._chance()))

    def _note_connected(self) -> None:
        self._counts["connects"] += 1
        self.connected, self.trouble = True, ""
        self._house_changed.set()
        self._describe, self._available = True, None
        self._outbox.forget_told()
        log.info("connected with the broker")

    def _note_lost(self, error: BaseException) -> None:
        """Told once for each reason, not at each try."""
        self._counts["losses"] += self.connected
        self.connected = False
        if str(error) != self.trouble:
            log.warning("the broker cannot be had: %s; it is tried again", error)
        self.trouble = str(error)
        self._house_changed.set()

    async def _serve(self, broker: Broker) -> None:
        self._wake.use(broker)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send(broker), name="mqtt-send")
                tasks.create_task(self._receive(broker), name="mqtt-receive")
        except asyncio.CancelledError:  # who leaves in order has no last will
            with contextlib.suppress(BrokerLost, TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await broker.publish(self._availability(OFFLINE))
            raise
        finally:
            self._wake.use(None)

    async def _send(self, broker: Broker) -> None:
        while True:
            self._changed.clear()
            for message in self._due():
                await broker.publish(message)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._outbox.state_in_s(self._clock())):
                    await self._changed.wait()

    def _due(self) -> list[Outgoing]:
        """What is to be published now, in order: an entity is described before it is available."""
        due: list[Outgoing] = []
        if self._describe and self._picture.known:
            self._describe = False
            due.append(self._description())
        available = ONLINE if self._picture.known else OFFLINE
        if available != self._available:
            self._available = available
            due.append(self._availability(available))
        return [*due, *self._outbox.take(self._clock())]

    def _description(self) -> Outgoing:
        identity = self._house.identity(self._picture.board, self._picture.version)
        message = discovery(self._topics, identity, self._house.terms)
        return Outgoing(topic=self._topics.discovery, payload=_json(message), retain=True)

    def _availability(self, word: str) -> Outgoing:
        return Outgoing(topic=self._topics.availability, payload=word, retain=True)

    async def _receive(self, broker: Broker) -> None:
        async for message in broker.messages():
            self._take(message)
        raise BrokerLost("the broker has closed the connection")

    def _take(self, message: Incoming) -> None:
        if message.topic == self._topics.house_status:
            self._describe = self._describe or (message.payload == ONLINE.encode() and not message.retained)
            self._changed.set()
        elif self._wake.see(message.topic, message.payload):
            self._house_changed.set()
        elif message.retained:
            self._refuse("retained_ignored", f"a retained message at {_shown(message.topic)} is not obeyed")
        elif message.topic == self._topics.wake:
            self._wake.hear(message.payload)
        else:
            self._take_order(message)

    def _take_order(self, message: Incoming) -> None:
        name = self._topics.command_at(message.topic)
        try:
            self._orders.put_nowait(order_of(name, message.payload, talk=self._house.terms.talk))
        except BadOrder as error:
            self._refuse("orders_refused", f"a message at {_shown(message.topic)} is not obeyed: {error}")
        except asyncio.QueueFull:
            self._refuse("orders_dropped", "commands come faster than the speaker obeys; some are dropped")

    def _refuse(self, count: str, words: str) -> None:
        """Counted each time, logged once."""
        self._counts[count] += 1
        if count not in self._complained:
            self._complained.add(count)
            log.warning("%s; the next are only counted", words)


def _shown(topic: str) -> str:
    return one_line(topic, TOPIC_CHARS)


def _json(told: Mapping[str, Any]) -> str:
    return json.dumps(told, separators=(",", ":"))
