"""Agrees with the other speakers of the house which of them answers a wake word. Event loop only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from daemon.errors import ControlError
from daemon.home.broker import Broker, BrokerLost
from daemon.home.outbox import Outgoing
from daemon.home.picture import Note
from daemon.home.rounds import LOUDEST_DB, WINDOW_S, WakeRounds, message_of
from daemon.home.topics import Topics

MAX_PEERS = 64
"""Speakers that are counted; policy for one more: it is not, and takes part all the same."""

Ask = Callable[..., Awaitable[Any]]
"""A command of the speaker's control socket."""


class WakeTalks:
    """Says what this speaker has heard, hears the others, and tells the speaker whether it answers.

    Messages go out at once and once (QoS 0): one that is late is worth nothing.
    """

    def __init__(self, topics: Topics, ask: Ask, clock: Callable[[], float]) -> None:
        self._topics = topics
        self._ask = ask
        self._clock = clock
        self._rounds = WakeRounds(topics.id)
        self._broker: Broker | None = None
        self._claimed_s: tuple[int, float] = (0, 0.0)
        self._peers: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.yielded = 0
        """Wake words that another speaker answered."""
        self.refused = 0
        """Messages of another form."""

    @property
    def peers(self) -> int:
        """How many other speakers are at the broker."""
        return len(self._peers)

    def use(self, broker: Broker | None) -> None:
        """From here on this connection; None: there is none, nobody is known, and nothing more is said."""
        self._broker = broker
        self._peers.clear()
        for task in self._tasks:
            task.cancel()

    def note(self, note: Note) -> None:
        """What the speaker tells: of a wake word the others are told."""
        match note:
            case {"event": "wake", "word": int(word), "score_db": score_db}:
                self._claimed_s = (word, self._clock())
                score = min(LOUDEST_DB, max(0.0, round(float(score_db), 2)))
                self._say({"id": self._topics.id, "word": word, "score_db": score})

    def see(self, topic: str, payload: bytes) -> bool:
        """Whether another speaker comes or goes; returns whether the message was about that."""
        speaker = self._topics.speaker_at(topic)
        if not speaker:
            return False
        if payload != b"online":
            self._peers.discard(speaker)
        elif speaker != self._topics.id and len(self._peers) < MAX_PEERS:
            self._peers.add(speaker)
        return True

    def hear(self, payload: bytes) -> None:
        """A message at the topic of wake words, one's own as well."""
        try:
            message = message_of(payload)
        except ValueError:
            self.refused += 1
            return
        now_s = self._clock()
        for verdict in self._rounds.hear(message, now_s):
            self.yielded += not verdict.answers
            self._start(self._decide(verdict.word, answers=verdict.answers))
        word, claimed_s = self._claimed_s
        if message.speaker == self._topics.id and message.word == word and self._rounds.opened(word):
            self._start(self._close(word, claimed_s + WINDOW_S - now_s))

    async def _close(self, word: int, wait_s: float) -> None:
        await asyncio.sleep(max(0.0, wait_s))
        self._say({"id": self._topics.id, "word": word, "close": True})

    async def _decide(self, word: int, *, answers: bool) -> None:
        try:
            await self._ask("wake", word=word, answers=answers)
        except ControlError:
            return  # the speaker answers by itself when nobody says otherwise in time

    def _say(self, message: dict[str, Any]) -> None:
        if self._broker is not None:
            payload = json.dumps(message, separators=(",", ":"))
            self._start(
                self._publish(self._broker, Outgoing(topic=self._topics.wake, payload=payload, once=True))
            )

    async def _publish(self, broker: Broker, message: Outgoing) -> None:
        try:
            await broker.publish(message)
        except BrokerLost:
            return  # whoever serves the connection learns it, too

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work, name="mqtt-wake")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
