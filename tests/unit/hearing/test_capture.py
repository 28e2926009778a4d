"""The capture thread: what it does with chunks, with mute, and with a microphone that fails."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from math import inf
from typing import Any

import pytest
from fakes import BodyThread, Posts, Room, attendant, wait_until

from daemon.config.settings import VadSettings
from daemon.events import MicBack, MicLost, SpeechEnded, SpeechStarted
from daemon.hearing.capture import Capture, CaptureEvent
from daemon.hearing.ears import Ears
from daemon.hearing.endpointing import Edge, Heard, SpeechDetector
from daemon.runtime.patience import PROVEN_STEPS, device_pauses_s
from daemon.runtime.ring import HistoryRing
from hw.base import MIC_FORMAT, MicError

CHUNK_BYTES = MIC_FORMAT.chunk_bytes
NOTHING = Heard(-60.0, -70.0, False, None, 0)


def chunk(mark: int) -> bytes:
    return bytes([mark]) * CHUNK_BYTES


class ScriptedDetector(SpeechDetector):
    """Hears what the script says, then nothing; writes down how it was asked."""

    def __init__(self) -> None:
        self.resets = 0
        super().__init__(VadSettings(), lambda chunk: False)
        self.script: deque[Heard] = deque()
        self.asked: list[dict[str, Any]] = []

    def reset(self) -> None:
        self.resets += 1
        super().reset()

    def hear(
        self,
        chunk: bytes,
        *,
        min_speech_ms: int,
        own_sound: bool = False,
        expected: bool = False,
        excess_db: float = inf,
    ) -> Heard:
        self.asked.append({"min_speech_ms": min_speech_ms, "own_sound": own_sound, "expected": expected})
        return self.script.popleft() if self.script else NOTHING


class Rig:
    """A capture thread in a room, with everything that it tells."""

    def __init__(self, pauses_s: tuple[float, ...] = (0.0, 0.0, 0.0)) -> None:
        self.room = Room()
        self.ring = HistoryRing(100 * CHUNK_BYTES)
        self.detector = ScriptedDetector()
        self.posts: Posts[CaptureEvent] = Posts()
        self.wakes = 0
        self.own_sound = False
        self.capture = Capture(
            attendant(self.room.open, *pauses_s),
            self.ring,
            self.detector,
            post=self.posts,
            wake_uplink=self._woken,
            own_sound=lambda: self.own_sound,
        )
        self._thread: BodyThread | None = None

    def _woken(self) -> None:
        self.wakes += 1

    @property
    def held(self) -> bytes:
        return self.ring.read_at(self.ring.tail, 10**6)[1]

    def start(self) -> BodyThread:
        self._thread = BodyThread(self.capture.run)
        return self._thread

    def end(self) -> None:
        if self._thread is not None:
            self._thread.stop.set()
            self.capture.set_wanted(True)
            self.room.let(chunk(0))
            self._thread.join()


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.end()


# --- chunks


def test_what_is_heard_is_in_the_ring_in_order(rig: Rig) -> None:
    rig.start()
    rig.room.say(chunk(1), chunk(2))
    assert rig.held == chunk(1) + chunk(2)
    assert rig.capture.mic.progress == 2
    assert rig.capture.mic.opened


def test_levels_and_overruns_can_be_read(rig: Rig) -> None:
    rig.start()
    rig.room.say(chunk(1))
    rig.room.mics[0].overruns = 3
    rig.room.say(chunk(2))
    assert (rig.capture.level_dbfs, rig.capture.floor_dbfs) == (NOTHING.level_dbfs, NOTHING.floor_dbfs)
    assert rig.capture.overruns == 3


def test_speech_is_told_with_the_place_in_the_ring_where_it_began(rig: Rig) -> None:
    start = Heard(-20.0, -70.0, True, Edge.STARTED, 3)
    end = Heard(-60.0, -70.0, False, Edge.ENDED, 0)
    rig.detector.script.extend([NOTHING, NOTHING, NOTHING, start, NOTHING, end])
    rig.start()
    rig.room.say(*(chunk(mark) for mark in range(1, 7)))
    started, ended = rig.posts.wait_for(2)
    assert started == SpeechStarted(1 * CHUNK_BYTES)
    assert ended == SpeechEnded()
    assert rig.ring.read_at(CHUNK_BYTES, CHUNK_BYTES)[1] == chunk(2)


def test_the_uplink_is_woken_only_while_it_is_hungry(rig: Rig) -> None:
    rig.start()
    rig.room.say(chunk(1))
    assert rig.wakes == 0
    rig.capture.tune(Ears(hungry=True))
    rig.room.say(chunk(2), chunk(3))
    assert rig.wakes == 2


def test_the_microphone_is_read_patiently_while_nobody_waits_for_a_chunk(rig: Rig) -> None:
    rig.detector.script.extend([NOTHING, Heard(-30.0, -70.0, True, Edge.STARTED, 1), NOTHING])
    rig.start()
    rig.room.say(chunk(1))
    rig.room.say(chunk(2))
    assert rig.room.patience == [True, True, False]  # the third is being waited for
    rig.room.say(chunk(3))
    rig.capture.tune(Ears(hungry=True))
    rig.room.say(chunk(4))
    rig.capture.tune(Ears(expected=True))
    rig.room.say(chunk(5))
    assert rig.room.patience[3:] == [True, False, False]


def test_the_detector_is_asked_as_the_event_loop_says(rig: Rig) -> None:
    rig.start()
    rig.room.say(chunk(1))
    rig.capture.tune(Ears(min_speech_ms=200, expected=True))
    rig.own_sound = True
    rig.room.say(chunk(2))
    assert rig.detector.asked == [
        {"min_speech_ms": 120, "own_sound": False, "expected": False},
        {"min_speech_ms": 200, "own_sound": True, "expected": True},
    ]


def test_a_new_number_of_forgotten_speech_begins_hearing_anew_once(rig: Rig) -> None:
    rig.start()
    rig.room.say(chunk(1))
    resets = rig.detector.resets
    rig.capture.tune(Ears(forgotten=1))
    rig.room.say(chunk(2), chunk(3))
    assert rig.detector.resets == resets + 1


# --- mute


def mute(rig: Rig) -> None:
    rig.capture.set_wanted(False)
    rig.room.let(chunk(9))
    wait_until(lambda: not rig.capture.mic.opened)


def test_mute_closes_the_microphone_on_its_own_thread_and_forgets_what_was_heard(rig: Rig) -> None:
    rig.start()
    rig.room.say(chunk(1), chunk(2))
    resets = rig.detector.resets
    mute(rig)
    assert rig.room.mics[0].closed_by_owner
    assert rig.held == b""
    assert rig.detector.resets == resets + 1
    assert rig.posts.now == []


def test_unmute_opens_a_new_microphone(rig: Rig) -> None:
    rig.start()
    rig.room.say(chunk(1))
    mute(rig)
    rig.capture.set_wanted(True)
    rig.room.say(chunk(2))
    assert len(rig.room.mics) == 2
    assert rig.held == chunk(2)
    assert rig.posts.now == []


def test_a_muted_thread_still_shows_progress(rig: Rig) -> None:
    rig.start()
    rig.room.say(chunk(1))
    mute(rig)
    before = rig.capture.mic.progress
    wait_until(lambda: rig.capture.mic.progress > before)


def test_mute_also_forgets_what_a_failed_microphone_left(rig: Rig) -> None:
    rig.start()
    rig.room.say(chunk(1))
    rig.capture.set_wanted(False)
    rig.room.let(MicError("room", "gone"))
    wait_until(lambda: rig.ring.tail == rig.ring.head)
    assert rig.held == b""


def test_the_overruns_of_all_streams_add_up(rig: Rig) -> None:
    rig.start()
    rig.room.say(chunk(1))
    rig.room.mics[0].overruns = 2
    rig.room.say(chunk(2))
    mute(rig)
    rig.capture.set_wanted(True)
    rig.room.say(chunk(3))
    rig.room.mics[1].overruns = 1
    rig.room.say(chunk(4))
    assert rig.capture.overruns == 3


# --- failures


def test_a_lost_microphone_is_told_once_and_its_return_after_the_first_chunk(rig: Rig) -> None:
    rig.start()
    rig.room.say(chunk(1))
    rig.room.refusals.extend([MicError("room", "busy"), MicError("room", "busy")])
    rig.room.let(MicError("room", "gone"))
    wait_until(lambda: len(rig.room.mics) == 2)
    assert rig.posts.now == [MicLost()]
    assert rig.capture.mic.error is not None
    rig.room.say(chunk(2))
    assert rig.posts.now == [MicLost(), MicBack()]
    assert rig.capture.mic.losses == 1
    assert not rig.capture.mic.error
    assert rig.room.mics[0].closed_by_owner


def test_what_was_said_before_the_failure_is_kept(rig: Rig) -> None:
    """The dialogue still sends an utterance that a failing microphone ended."""
    rig.start()
    rig.room.say(chunk(1), chunk(2))
    rig.room.let(MicError("room", "gone"))
    rig.posts.wait_for(1)
    wait_until(lambda: len(rig.room.mics) == 2)
    assert rig.held == chunk(1) + chunk(2)


def test_a_microphone_that_stays_lost_ends_the_thread_with_its_error() -> None:
    rig = Rig((0.0, 0.0))
    errors = [MicError("room", f"try {number}") for number in range(3)]
    rig.room.refusals.extend(errors)
    assert rig.start().join() is errors[-1]
    assert rig.posts.now == [MicLost()]


def test_a_permanent_error_ends_the_thread_at_once() -> None:
    rig = Rig()
    error = MicError("room", "there is no such file", permanent=True)
    rig.room.refusals.append(error)
    assert rig.start().join() is error
    assert rig.posts.now == [MicLost()]


def test_a_microphone_that_never_delivered_has_made_no_progress() -> None:
    """Else READY would be told before there is a microphone."""
    rig = Rig((0.0, 0.0))
    rig.room.refusals.extend(MicError("room", "not there") for _ in range(3))
    rig.start().join()
    assert rig.capture.mic.progress == 0


def test_trying_again_is_progress_once_the_microphone_has_delivered() -> None:
    rig = Rig((0.0, 0.0))
    thread = rig.start()
    rig.room.say(chunk(1))
    rig.room.refusals.extend(MicError("room", "not there") for _ in range(2))
    rig.room.let(MicError("room", "gone"))
    thread.join()
    assert rig.capture.mic.progress == 3


def test_a_microphone_that_fails_again_and_again_is_given_up() -> None:
    rig = Rig((0.0, 0.0))
    thread = rig.start()
    for _ in range(3):
        rig.room.say(chunk(1))
        rig.room.let(MicError("room", "loose contact"))
    assert isinstance(thread.join(), MicError)
    assert rig.capture.mic.losses == 3


def test_a_microphone_that_has_worked_a_while_gets_all_its_tries_again() -> None:
    rig = Rig((0.0,))
    rig.start()
    for loss in range(1, 4):
        rig.room.say(*[chunk(1)] * PROVEN_STEPS)
        rig.room.let(MicError("room", "gone"))
        wait_until(lambda: len(rig.room.mics) == loss + 1)  # noqa: B023 - called at once
    rig.end()
    assert rig.capture.mic.losses == 3


# --- the pauses


def test_the_pauses_grow_and_end_with_the_time_that_is_allowed() -> None:
    assert list(device_pauses_s(12.0)) == [0.2, 0.5, 1.0, 2.0, 4.0, 4.0]
    assert sum(device_pauses_s(60.0)) <= 60.0


def test_no_time_allowed_is_no_second_try() -> None:
    assert list(device_pauses_s(0.0)) == []
