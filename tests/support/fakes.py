"""Devices, time and sessions for the tests of the parts that do I/O; they obey the contracts of `hw.base`.

The devices are told what to do by the test's thread and used by the thread under test; every wait has the
time limit PATIENCE_S.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from daemon.runtime.patience import Attendant, Attended
from hw.base import SPEAKER_FORMAT, Colour, LedError, MicError, SpeakerError

PATIENCE_S = 20.0
"""What should happen at once may take this long on a machine that is busy."""

TURN_S = 1e-6
"""What a turn of the event loop takes by `LoopTime`."""

DEPTH_S = 0.2
"""What the fake speaker holds before a write has to wait."""

Event = TypeVar("Event")
Device = TypeVar("Device", bound=Attended)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that another thread does without telling."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.001)


async def settled() -> None:
    """Let every task run until it waits for time or for news."""
    for _ in range(50):
        await asyncio.sleep(0)


class Posts(Generic[Event]):
    """Takes events from any thread, in order."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._changed = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    @property
    def now(self) -> list[Event]:
        """All that has been posted so far."""
        with self._changed:
            return list(self._events)

    def wait_for(self, count: int) -> list[Event]:
        """All that has been posted, once it is at least `count` events."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._events) >= count, PATIENCE_S), self._events
            return list(self._events)


class BodyThread:
    """Runs the body of a device thread."""

    def __init__(self, body: Callable[[threading.Event], None]) -> None:
        self.stop = threading.Event()
        self.error: BaseException | None = None
        self._body = body
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def join(self) -> BaseException | None:
        """Wait for its end; returns what it raised."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        return self.error

    def _run(self) -> None:
        try:
            self._body(self.stop)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.error = error


# --- microphone ------------------------------------------------------------------------------------


class Room:
    """What there is to hear, and the microphones in it: one open at a time."""

    def __init__(self) -> None:
        self.mics: list[RoomMic] = []
        self.refusals: deque[MicError] = deque()
        """Raised by the next tries to open."""
        self.patience: list[bool] = []
        """Whether each chunk was waited for patiently."""
        self._items: deque[bytes | MicError] = deque()
        self._reading = False
        self._changed = threading.Condition()

    def open(self) -> RoomMic:
        """Open a microphone on the calling thread."""
        assert all(mic.closed_by for mic in self.mics), "two microphones are open"
        if self.refusals:
            raise self.refusals.popleft()
        self.mics.append(RoomMic(self))
        return self.mics[-1]

    def say(self, *chunks: bytes) -> None:
        """Let chunks be heard; returns when each has been dealt with and the next is waited for."""
        with self._changed:
            self._items.extend(chunks)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._reading and not self._items, PATIENCE_S)

    def let(self, item: bytes | MicError) -> None:
        """Let a chunk be heard, or a read fail, without waiting for what comes of it."""
        with self._changed:
            self._items.append(item)
            self._changed.notify_all()

    def take(self) -> bytes:
        """The next chunk, for the microphone."""
        with self._changed:
            self._reading = True
            self._changed.notify_all()
            heard = self._changed.wait_for(lambda: bool(self._items), PATIENCE_S)
            self._reading = False
            item = self._items.popleft() if heard else MicError("room", "stalled")
        if isinstance(item, MicError):
            raise item
        return item


class RoomMic:
    """A `Mic` that minds who uses it."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._owner = threading.get_ident()
        self.overruns = 0
        self.about = "fake"
        self.closed_by: int | None = None

    @property
    def closed_by_owner(self) -> bool:
        """Whether the thread that opened it has closed it."""
        return self.closed_by == self._owner

    def read(self, *, patient: bool = False) -> bytes:
        self._room.patience.append(patient)
        assert threading.get_ident() == self._owner and self.closed_by is None
        return self._room.take()

    def close(self) -> None:
        assert self.closed_by is None
        self.closed_by = threading.get_ident()


# --- speaker ---------------------------------------------------------------------------------------


class Loudspeaker:
    """The speakers, one open at a time, on a clock of their own.

    The device holds DEPTH_S; a write into a full one takes as long as it must, on that clock. Otherwise
    time stands still until the test lets it pass.
    """

    def __init__(self) -> None:
        self.speakers: list[LoudspeakerStream] = []
        self.refusals: deque[SpeakerError] = deque()
        """Raised by the next tries to open."""
        self.failures: deque[SpeakerError] = deque()
        """Raised by the next writes."""
        self.in_write = threading.Event()
        """Set when a write has been held up."""
        self._free = threading.Event()
        self._free.set()
        self._lock = threading.RLock()
        self._now_s = 0.0
        self._free_at_s = 0.0
        self._written: list[tuple[float, bytes]] = []

    def clock(self) -> float:
        return self._now_s

    def open(self) -> LoudspeakerStream:
        """Open a speaker on the calling thread."""
        assert all(speaker.closed for speaker in self.speakers), "two speakers are open"
        if self.refusals:
            raise self.refusals.popleft()
        self.speakers.append(LoudspeakerStream(self))
        return self.speakers[-1]

    def hold_writes(self) -> None:
        """The next write blocks until `let_writes`."""
        self.in_write.clear()
        self._free.clear()

    def let_writes(self) -> None:
        self._free.set()

    def pass_time(self, seconds: float) -> None:
        with self._lock:
            self._now_s += seconds

    def heard(self) -> bytes:
        """All that has sounded by now, silence left out (the tests use no sample that is 0)."""
        with self._lock:
            sounded = (self._until_now(at_s, pcm) for at_s, pcm in self._written)
            return b"".join(pcm for pcm in sounded if any(pcm))

    def heard_after(self, seconds: float = 10.0) -> bytes:
        """All that will have sounded when nothing more is written."""
        self.pass_time(seconds)
        return self.heard()

    # --- for the stream

    def put(self, pcm: bytes) -> None:
        if self.failures:
            raise self.failures.popleft()
        if not self._free.is_set():
            self.in_write.set()
            assert self._free.wait(PATIENCE_S)
        with self._lock:
            begin_s = max(self._free_at_s, self._now_s)
            self._written.append((begin_s, pcm))
            self._free_at_s = begin_s + SPEAKER_FORMAT.seconds(len(pcm))
            self._now_s = max(self._now_s, self._free_at_s - DEPTH_S)

    def queued_s(self) -> float:
        with self._lock:
            return max(0.0, self._free_at_s - self._now_s)

    def discard(self) -> None:
        with self._lock:
            self._written = [(at_s, self._until_now(at_s, pcm)) for at_s, pcm in self._written]
            self._free_at_s = self._now_s

    def _until_now(self, at_s: float, pcm: bytes) -> bytes:
        return pcm[: max(0, SPEAKER_FORMAT.bytes(self._now_s - at_s))]


class LoudspeakerStream:
    """A `Speaker` that minds who uses it."""

    def __init__(self, device: Loudspeaker) -> None:
        self._device = device
        self._owner = threading.get_ident()
        self.underruns = 0
        self.about = "fake"
        self.flushes = 0
        self.closed = False

    def write(self, pcm: bytes) -> None:
        self._check()
        assert 0 < len(pcm) <= SPEAKER_FORMAT.chunk_bytes and len(pcm) % SPEAKER_FORMAT.frame_bytes == 0
        self._device.put(pcm)

    def queued_s(self) -> float:
        self._check()
        return self._device.queued_s()

    def flush(self) -> None:
        self._check()
        self.flushes += 1
        self._device.discard()

    def close(self) -> None:
        self._check()
        self._device.discard()
        self.closed = True

    def _check(self) -> None:
        assert threading.get_ident() == self._owner and not self.closed


# --- lights ----------------------------------------------------------------------------------------


class ShownLeds:
    """`Leds` that remember what they showed; they break when told to."""

    def __init__(self, count: int = 3) -> None:
        self.count = count
        self.shown: list[tuple[Colour, ...]] = []
        self.broken = False
        self.tries = 0
        self.closed = False

    def show(self, pixels: Sequence[Colour]) -> None:
        self.tries += 1
        if self.broken:
            raise LedError("leds", "as planned")
        assert len(pixels) == self.count
        self.shown.append(tuple(pixels))

    def close(self) -> None:
        self.closed = True


# --- time ------------------------------------------------------------------------------------------


class LoopTime:
    """Lets the running event loop's time pass at once, whenever all its tasks wait: hours cost nothing.

    Each turn of the loop takes TURN_S besides, as it does on any machine: who tries again and again until it
    is time gets there.

    For tests without threads. Where nothing is left to wait for, the loop would hang: that raises.
    """

    def __init__(self) -> None:
        loop: Any = asyncio.get_running_loop()
        self._loop = loop
        self._select = loop._selector.select
        self._now_s = 1000.0

    def __enter__(self) -> LoopTime:
        self._loop.time = self.now_s
        self._loop._selector.select = self._skip
        return self

    def __exit__(self, *_: object) -> None:
        del self._loop.time
        self._loop._selector.select = self._select

    def now_s(self) -> float:
        return self._now_s

    async def run(self, seconds: float) -> None:
        """Let this much time pass, and whatever it brings happen."""
        await asyncio.sleep(seconds)
        await settled()

    def _skip(self, timeout_s: float | None) -> Any:
        if timeout_s is None:
            raise RuntimeError("everything waits, and nothing will ever happen")
        self._now_s += max(0.0, timeout_s) + TURN_S
        return self._select(0)


def attendant(open_device: Callable[[], Device], *pauses_s: float) -> Attendant[Device]:
    """One whose pauses between tries are these, each time that they begin anew."""
    return Attendant(open_device, retry_s=0.0, service=False, pauses_s=lambda retry_s: iter(pauses_s))
