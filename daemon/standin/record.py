"""What the stand-in saw: every connection, turn and sample, with its time. Event loop only.

Everything is bounded. Audio: the oldest is forgotten beyond `audio_limit_s`, counted in `forgotten_s`.
Events, connections, and a connection's turns: the oldest are forgotten beyond the limits below; the `*_seen`
count all of them. Times are those of the server's clock.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from daemon.standin.voices import HEARD_HZ, SAMPLE_BYTES, resample

CONNECTION_LIMIT = 1_000
TURN_LIMIT = 1_000
CONTENT_LIMIT = 1_000
"""Calls of `generateContent`; their sound is kept like that of pictures: not at all but for its length."""

VIDEO_LIMIT = 240
VIDEO_BYTES = 64 * 2**20
"""Pictures that are kept: four minutes at one a second, of 250 KB each. The oldest are forgotten."""

EVENT_LIMIT = 200_000
"""A bit more than two hours of 40 ms messages."""

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class AudioMessage:
    """One audio message as it came. `turn` is None where it came outside any turn and was discarded."""

    at_s: float
    pcm: bytes
    rate_hz: int
    turn: TurnRecord | None = None

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.pcm) / (SAMPLE_BYTES * self.rate_hz)


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One picture as it came."""

    at_s: float
    data: bytes
    mime_type: str


@dataclass(slots=True, eq=False)
class ReplyRecord:
    """What was answered to one turn. Times are None until it happened."""

    first_audio_s: float | None = None
    last_audio_s: float | None = None
    audio_bytes: int = 0
    """24 kHz mono s16."""
    messages: int = 0
    interrupted_s: float | None = None
    generation_complete_s: float | None = None
    turn_complete_s: float | None = None
    reason: str = ""
    tool_calls: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class TurnRecord:
    """One turn of the user. `opened_by`: activity, speech (the server's own detection), text, content; or
    tool: nobody spoke, the model tells of a call's answer, and `text` is the call's id.
    """

    number: int
    opened_by: str
    started_s: float
    text: str | None = None
    audio: deque[AudioMessage] = field(default_factory=deque)
    audio_s: float = 0.0
    """All that was heard, also what has been forgotten since."""
    ended_s: float | None = None
    """When the turn was closed; None while it is open, or when the connection broke in it."""
    ended_by: str = ""
    reply: ReplyRecord = field(default_factory=ReplyRecord)
    transcribed_s: float = 0.0
    """What has been told to the client of what was heard."""

    @property
    def pcm(self) -> bytes:
        """What was heard, at the rate it came in."""
        return b"".join(message.pcm for message in self.audio)

    @property
    def audio_ms(self) -> float:
        """`audio_s`, rounded to whole microseconds: ten times 40 ms are 400, not a little less."""
        return round(self.audio_s * 1000, 3)

    def heard(self) -> bytes:
        """What was heard, at 16 kHz."""
        rate_hz = self.audio[0].rate_hz if self.audio else HEARD_HZ
        return resample(self.pcm, rate_hz, HEARD_HZ)


@dataclass(slots=True, eq=False)
class ConnectionRecord:
    """One TCP connection, from `accept` on."""

    number: int
    opened_s: float
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    """Of the upgrade, names in lower case; what carries a key is replaced by `REDACTED`."""
    setup: dict[str, Any] | None = None
    """As it was accepted or refused, all names in lowerCamelCase."""
    setup_complete_s: float | None = None
    session_id: str = ""
    resumed: bool = False
    closed_s: float | None = None
    close_code: int | None = None
    """1006 where there was no close frame."""
    close_reason: str = ""
    closed_by_server: bool = False
    faults: list[str] = field(default_factory=list)
    """The planned or injected actions that were done on it, by name, in order."""
    turns: deque[TurnRecord] = field(default_factory=lambda: deque(maxlen=TURN_LIMIT))
    audio: deque[AudioMessage] = field(default_factory=deque)
    """All that came, in a turn or not."""
    discarded_s: float = 0.0
    """Audio that came outside any turn."""
    heard_s: float = 0.0
    """All audio that came, also what has been forgotten since."""
    video: deque[VideoFrame] = field(default_factory=deque)
    late_answers: int = 0
    """Answers to tool calls that had been cancelled."""

    @property
    def open(self) -> bool:
        """Whether it still stands."""
        return self.closed_s is None

    @property
    def pcm(self) -> bytes:
        """All audio that came, in a turn or not, at the rate it came in."""
        return b"".join(message.pcm for message in self.audio)


@dataclass(slots=True, eq=False)
class ContentRecord:
    """One accepted call of `generateContent`."""

    at_s: float
    connection: int
    model: str
    streams: bool
    body: dict[str, Any]
    """As it was accepted, all names in lowerCamelCase, bytes by their length only."""
    text: str
    """What was to be spoken, or what the user wrote."""
    heard_s: float
    """How long the user spoke."""
    pieces: int = 0
    first_piece_s: float | None = None
    answer: str = ""
    """The words that were answered so far."""
    audio_bytes: int = 0
    """Of the speech that was sent so far, 24 kHz mono s16."""
    complete_s: float | None = None
    """When all was sent; None: it was not."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was received. `kind`: activity_start, audio, …; the payload of audio is its message."""

    at_s: float
    connection: int
    kind: str
    payload: Any


class Record:
    """All of it. Read freely; only the server writes."""

    def __init__(self, clock: Callable[[], float], audio_limit_s: float) -> None:
        self._clock = clock
        self._audio_limit_s = audio_limit_s
        self._audio: deque[tuple[ConnectionRecord, AudioMessage]] = deque()
        self._kept_s = 0.0
        self._pictures: deque[ConnectionRecord] = deque()
        self._kept_bytes = 0
        self._changed: asyncio.Future[None] | None = None
        self.connections: deque[ConnectionRecord] = deque(maxlen=CONNECTION_LIMIT)
        self.contents: deque[ContentRecord] = deque(maxlen=CONTENT_LIMIT)
        self.events: deque[Event] = deque(maxlen=EVENT_LIMIT)
        self.connections_seen = 0
        self.events_seen = 0
        self.turns_seen = 0
        self.forgotten_s = 0.0
        self.failures = 0
        """Errors of the stand-in itself. They are always its own bugs."""
        self.watchers: list[Callable[[Event], None]] = []
        """Told of every event, and of what is not kept: `connected`, `sent`, `turn_ended`, `closed`."""

    def now_s(self) -> float:
        """The clock of all times in here."""
        return self._clock()

    @property
    def turns(self) -> list[TurnRecord]:
        """The turns of all connections, oldest first."""
        return [turn for connection in self.connections for turn in connection.turns]

    def connection_opened(self) -> ConnectionRecord:
        """A TCP connection was accepted."""
        self.connections_seen += 1
        connection = ConnectionRecord(self.connections_seen, self._clock())
        self.connections.append(connection)
        self.note(connection, "connected")
        self.changed()
        return connection

    def connection_closed(
        self, connection: ConnectionRecord, code: int, reason: str, *, by_server: bool
    ) -> None:
        """It has ended; only the first report counts."""
        if connection.closed_s is None:
            connection.closed_s = self._clock()
            connection.close_code, connection.close_reason = code, reason
            connection.closed_by_server = by_server
            self.note(connection, "closed", {"code": code, "reason": reason, "by_server": by_server})
        self.changed()

    def turn_opened(
        self, connection: ConnectionRecord, opened_by: str, text: str | None = None
    ) -> TurnRecord:
        """A turn begins; `number` counts over all connections."""
        self.turns_seen += 1
        turn = TurnRecord(self.turns_seen, opened_by, self._clock(), text)
        connection.turns.append(turn)
        self.changed()
        return turn

    def audio_received(self, connection: ConnectionRecord, pcm: bytes, rate_hz: int) -> AudioMessage:
        """Audio came; whose turn it belongs to is said by `assign`."""
        message = AudioMessage(self._clock(), pcm, rate_hz)
        connection.audio.append(message)
        connection.heard_s += message.seconds
        connection.discarded_s += message.seconds
        self._audio.append((connection, message))
        self._kept_s += message.seconds
        self._forget_oldest()
        self.received(connection, "audio", message)
        return message

    def assign(self, connection: ConnectionRecord, message: AudioMessage, turn: TurnRecord) -> None:
        """The message belongs to this turn."""
        message.turn = turn
        turn.audio.append(message)
        turn.audio_s += message.seconds
        connection.discarded_s -= message.seconds

    def video_received(self, connection: ConnectionRecord, data: bytes, mime_type: str) -> None:
        """A picture came."""
        connection.video.append(VideoFrame(self._clock(), data, mime_type))
        self._pictures.append(connection)
        self._kept_bytes += len(data)
        while self._kept_bytes > VIDEO_BYTES or len(self._pictures) > VIDEO_LIMIT:
            self._kept_bytes -= len(self._pictures.popleft().video.popleft().data)
        self.received(connection, "video", {"mimeType": mime_type, "data": data})

    def content_asked(
        self, connection: ConnectionRecord, body: dict[str, Any], content: ContentRecord
    ) -> None:
        """A call of `generateContent` was accepted."""
        self.contents.append(content)
        self.received(connection, "content", body)

    def received(self, connection: ConnectionRecord, kind: str, payload: Any = None) -> None:
        """Anything came."""
        self.events_seen += 1
        event = Event(self._clock(), connection.number, kind, without_bytes(payload))
        self.events.append(event)
        self._tell(event)
        self.changed()

    def note(self, connection: ConnectionRecord, kind: str, payload: Any = None) -> None:
        """Something else happened that only watchers are told of."""
        if self.watchers:
            self._tell(Event(self._clock(), connection.number, kind, payload))

    def _tell(self, event: Event) -> None:
        for watcher in self.watchers:
            watcher(event)

    def changed(self) -> None:
        """Wake those who wait: something in here is new."""
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
        self._changed = None

    async def wait_for(self, predicate: Callable[[Record], T], timeout_s: float = 5.0) -> T:
        """The first true value of `predicate(record)`. Raises TimeoutError, which tells what was seen."""
        try:
            async with asyncio.timeout(timeout_s):
                while not (value := predicate(self)):
                    await self._change()
                return value
        except TimeoutError as error:
            raise TimeoutError(f"not within {timeout_s} s; seen: {self.summary()}") from error

    def summary(self) -> str:
        """Connections and their turns in a few words, for the messages of failed tests."""
        return "; ".join(map(_describe, list(self.connections)[-5:])) or "no connection"

    def forget(self) -> None:
        """Keep only the connections that still stand, and nothing of what was said on them."""
        standing = [connection for connection in self.connections if connection.open]
        for connection in self.connections:
            for turn in connection.turns:
                turn.audio.clear()
            for notes in (connection.turns, connection.audio, connection.faults, connection.video):
                notes.clear()
        self.connections.clear()
        self.connections.extend(standing)
        self.contents.clear()
        self.events.clear()
        self._audio.clear()
        self._kept_s = 0.0
        self._pictures.clear()
        self._kept_bytes = 0

    async def _change(self) -> None:
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._changed)

    def _forget_oldest(self) -> None:
        while self._kept_s > self._audio_limit_s and self._audio:
            connection, message = self._audio.popleft()
            connection.audio.popleft()
            if message.turn is not None:
                message.turn.audio.popleft()
            self._kept_s -= message.seconds
            self.forgotten_s += message.seconds
            message.pcm = b""  # the event that refers to it must not keep the samples


def without_bytes(value: Any) -> Any:
    """The same with `(12 bytes)` for bytes in dicts and lists, so that what is remembered stays small."""
    match value:
        case bytes():
            return f"({len(value)} bytes)"
        case dict():
            return {name: without_bytes(inner) for name, inner in value.items()}
        case list():
            return [without_bytes(inner) for inner in value]
        case _:
            return value


def _describe(connection: ConnectionRecord) -> str:
    state = "open" if connection.open else f"closed {connection.close_code} {connection.close_reason!r}"
    turns = ", ".join(
        f"turn {turn.number} by {turn.opened_by}: {turn.audio_s:.2f} s heard, "
        f"{'open' if turn.ended_s is None else 'ended'}, {turn.reply.audio_bytes} bytes answered, "
        f"{'complete' if turn.reply.turn_complete_s is not None else 'not complete'}"
        for turn in list(connection.turns)[-3:]
    )
    faults = f" faults {', '.join(connection.faults)}" if connection.faults else ""
    return f"connection {connection.number} {state}{faults} [{turns or 'no turns'}]"
