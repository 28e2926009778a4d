"""The connection: when it dials, what it tells, and what it carries over from one session to the next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from fakes import LoopTime, settled
from planned_sessions import CLOSING_S, HANDSHAKE_S, PlannedDialler, PlannedSession, failure

from daemon.events import (
    LinkChanged,
    LinkLost,
    LinkRefused,
    LinkUp,
    PictureChanged,
    PieceSent,
    UtteranceGiven,
    UtteranceSent,
)
from daemon.runtime.ring import HistoryRing
from daemon.server_events import GoAway, HandleUpdate, ReplyAudio, ServerEvent, Transcript, TurnComplete
from daemon.session.connection import Connection, Told
from daemon.session.failures import FailureKind
from daemon.session.link import LinkPhase, LinkPolicy
from daemon.session.liveness import Evidence
from daemon.session.uplink import Told as UplinkTold
from daemon.session.uplink import Uplink

POLICY = LinkPolicy(idle_close_s=180.0, max_age_s=540.0)


class Rig:
    """A running connection with a real uplink, on the loop's time."""

    def __init__(self, time: LoopTime) -> None:
        self.time = time
        self.ring = HistoryRing(10_000)
        self.sent: list[UtteranceSent | UtteranceGiven] = []
        self.pieces: list[PieceSent] = []
        self.uplink = Uplink(self.ring, message_bytes=4, preroll_bytes=2, post=self._note_sent)
        self.posts: list[Told] = []
        self.phases: list[LinkPhase] = []
        self.jitter = 0.0
        self.has_room = asyncio.Event()
        """Whether the queue takes more from outside."""
        self.has_room.set()
        self.dialler = PlannedDialler(time)
        self.connection = Connection(
            self.uplink,
            policy=POLICY,
            post=self._note,
            room=self.has_room.wait,
            clock=time.now_s,
            jitter=lambda: self.jitter,
        )
        self.task = asyncio.create_task(self.connection.run(self.dialler))

    def _note_sent(self, event: UplinkTold) -> None:
        if isinstance(event, PieceSent):
            self.pieces.append(event)
        elif not isinstance(event, PictureChanged):
            self.sent.append(event)

    def _note(self, event: Told) -> None:
        if isinstance(event, LinkChanged):
            self.phases.append(self.connection.link.phase)
        else:
            self.posts.append(event)

    @property
    def session(self) -> PlannedSession:
        """The newest session."""
        return self.dialler.sessions[-1]

    async def come_online(self, *, busy: bool = False) -> PlannedSession:
        self.connection.set_busy(busy)
        self.connection.ask()
        await self.time.run(HANDSHAKE_S)
        return self.session

    async def say(self, pcm: bytes) -> None:
        self.ring.write(pcm)
        self.uplink.wake()
        await settled()

    def since_first_dial_s(self) -> list[float]:
        return [dial_s - self.dialler.dials_s[0] for dial_s in self.dialler.dials_s]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    with LoopTime() as time:
        rig = Rig(time)
        yield rig
        rig.task.cancel()
        await asyncio.gather(rig.task, return_exceptions=True)
        assert rig.dialler.open == 0


def levels(caplog: pytest.LogCaptureFixture) -> list[int]:
    """Of what was logged about failures."""
    return [record.levelno for record in caplog.records if "as planned" in record.getMessage()]


# --- coming and going


async def test_nothing_is_dialled_until_somebody_asks(rig: Rig) -> None:
    await rig.time.run(3600.0)
    assert rig.dialler.dials_s == []
    await rig.come_online()
    assert rig.posts == [LinkUp()]
    assert rig.dialler.handles == [None]


async def test_every_change_of_phase_is_told(rig: Rig) -> None:
    await rig.come_online()
    assert rig.phases == [LinkPhase.CONNECTING, LinkPhase.ONLINE]


async def test_what_the_server_says_is_posted_in_order(rig: Rig) -> None:
    session = await rig.come_online(busy=True)
    said: list[ServerEvent] = [
        ReplyAudio(b"ab"),
        Transcript("model", "hi"),
        ReplyAudio(b"cd"),
        TurnComplete(),
    ]
    await session.say(*said)
    assert rig.posts == [LinkUp(), *said]


async def test_nothing_more_is_received_while_the_queue_has_no_room(rig: Rig) -> None:
    session = await rig.come_online(busy=True)
    rig.has_room.clear()
    await session.say(*[Transcript("model", "hi")] * 5000)
    assert rig.posts == [LinkUp()]
    rig.has_room.set()
    await rig.time.run(0.1)
    assert len(rig.posts) == 5001


async def test_a_connection_that_nobody_uses_is_closed(rig: Rig) -> None:
    await rig.come_online()
    await rig.time.run(POLICY.idle_close_s - 1.0)
    assert rig.dialler.open == 1
    await rig.time.run(1.0 + CLOSING_S)
    assert rig.dialler.open == 0
    assert rig.posts == [LinkUp(), LinkLost(trouble=False)]
    await rig.time.run(3600.0)
    assert len(rig.dialler.dials_s) == 1
    await rig.come_online()
    assert rig.posts[2:] == [LinkUp()]


async def test_who_asks_while_it_is_being_closed_gets_a_new_one_after_that(rig: Rig) -> None:
    await rig.come_online()
    await rig.time.run(POLICY.idle_close_s + CLOSING_S / 2)
    assert rig.connection.link.phase is LinkPhase.OFFLINE
    rig.connection.ask()
    await rig.time.run(CLOSING_S + HANDSHAKE_S)
    assert rig.posts == [LinkUp(), LinkLost(trouble=False), LinkUp()]


async def test_a_failure_to_close_what_nobody_needs_is_no_trouble(rig: Rig) -> None:
    rig.dialler.closing_failures.append(failure())
    await rig.come_online()
    await rig.time.run(3600.0)
    assert rig.posts == [LinkUp(), LinkLost(trouble=False)]
    assert len(rig.dialler.dials_s) == 1


# --- failures


async def test_one_warning_and_one_event_for_each_episode(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    rig.dialler.failures.extend(failure(FailureKind.NETWORK) for _ in range(3))
    rig.connection.ask()
    await rig.time.run(60.0)
    assert rig.posts == [LinkLost(trouble=True), LinkUp()]
    assert levels(caplog) == [logging.WARNING, logging.DEBUG, logging.DEBUG]
    assert "connected again after" in caplog.text


async def test_the_next_episode_warns_again(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    session = await rig.come_online(busy=True)
    await session.say(failure())
    await rig.time.run(30.0)
    await rig.session.say(failure())
    assert levels(caplog) == [logging.WARNING, logging.WARNING]
    assert rig.posts == [LinkUp(), LinkLost(trouble=True), LinkUp(), LinkLost(trouble=True)]


async def test_a_link_that_comes_and_goes_warns_once(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    await rig.come_online(busy=True)
    for _ in range(3):
        await rig.session.say(failure())
        await rig.time.run(5.0)
    assert levels(caplog).count(logging.WARNING) == 1


async def test_a_path_that_is_gone_in_a_turn_is_left_within_5_s(rig: Rig) -> None:
    session = await rig.come_online(busy=True)
    session.tcp = Evidence(outstanding_bytes=100, acknowledged_bytes=5)
    gone_s = rig.time.now_s()
    await rig.time.run(6.0)
    assert session.aborted
    assert rig.dialler.dials_s[-1] - gone_s <= 5.0


async def test_what_was_cancelled_may_leave_until_the_connection_has_closed(rig: Rig) -> None:
    session = await rig.come_online(busy=True)
    session.tcp = Evidence(outstanding_bytes=100, acknowledged_bytes=5)
    rig.uplink.open(1, None, stream=False, released=True)
    await rig.say(b"abcd")
    rig.uplink.settle(1)
    rig.connection.set_busy(False)
    await session.say(GoAway(50.0))
    assert rig.uplink.leaving
    await rig.time.run(CLOSING_S)
    assert not rig.uplink.leaving


async def test_a_path_that_is_gone_while_idle_is_left_to_the_kernel(rig: Rig) -> None:
    session = await rig.come_online()
    session.tcp = Evidence(outstanding_bytes=100, acknowledged_bytes=5)
    await rig.time.run(60.0)
    assert not session.aborted


async def test_while_a_turn_waits_the_path_is_given_something_to_acknowledge(rig: Rig) -> None:
    session = await rig.come_online(busy=True)
    session.tcp = Evidence(outstanding_bytes=0, acknowledged_bytes=5)
    await rig.time.run(10.0)
    assert 8 <= session.pings <= 11
    rig.connection.set_busy(False)
    await rig.time.run(60.0)
    assert session.pings <= 12


async def test_another_kind_of_failure_warns_too(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.dialler.failures.extend([failure(FailureKind.NETWORK), failure(FailureKind.INTERCEPTED)])
    rig.connection.ask()
    await rig.time.run(60.0)
    assert levels(caplog) == [logging.WARNING, logging.WARNING]


@pytest.mark.parametrize(
    ("jitter", "pauses_s"), [(0.0, [0.5] * 7), (1.0, [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0])]
)
async def test_the_tries_are_as_far_apart_as_the_back_off_says(
    rig: Rig, jitter: float, pauses_s: list[float]
) -> None:
    rig.jitter = jitter
    rig.dialler.failures.extend(failure(FailureKind.NETWORK) for _ in pauses_s)
    rig.connection.ask()
    await rig.time.run(sum(pauses_s) + 5.0)
    dials_s = rig.since_first_dial_s()
    apart_s = [b - a - HANDSHAKE_S for a, b in pairwise(dials_s)]
    assert apart_s == pytest.approx(pauses_s, abs=0.001)


async def test_a_route_that_appears_ends_the_pause(rig: Rig) -> None:
    rig.jitter = 1.0
    rig.dialler.failures.append(failure(FailureKind.NETWORK))
    rig.connection.ask()
    await rig.time.run(HANDSHAKE_S + 0.1)
    rig.connection.network_back()
    await rig.time.run(HANDSHAKE_S)
    assert rig.since_first_dial_s() == pytest.approx([0.0, HANDSHAKE_S + 0.1], abs=0.001)
    assert rig.posts[-1] == LinkUp()


async def test_a_connection_that_answers_makes_the_next_pause_short_again(rig: Rig) -> None:
    rig.jitter = 1.0
    rig.dialler.failures.extend(failure(FailureKind.NETWORK) for _ in range(5))
    rig.connection.set_busy(True)
    await rig.time.run(60.0)
    assert rig.connection.link.phase is LinkPhase.ONLINE
    await rig.session.say(ReplyAudio(b"ab"))
    await rig.session.say(failure())
    assert rig.connection.link.next_try_s - rig.time.now_s() == pytest.approx(POLICY.first_pause_s, abs=0.001)


async def test_a_drop_while_nobody_needs_the_connection_is_no_trouble(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    session = await rig.come_online()
    await session.say(failure())
    await rig.time.run(3600.0)
    assert rig.posts == [LinkUp(), LinkLost(trouble=False)]
    assert levels(caplog) == [logging.INFO]
    assert len(rig.dialler.dials_s) == 1


async def test_a_refusal_is_told_and_not_tried_again_by_itself(rig: Rig) -> None:
    rig.dialler.failures.append(failure(FailureKind.REFUSED_KEY))
    rig.connection.ask()
    await rig.time.run(3600.0)
    assert rig.posts == [LinkRefused(quota=False)]
    assert len(rig.dialler.dials_s) == 1


async def test_while_refused_each_trigger_is_told_and_some_try_again(rig: Rig) -> None:
    rig.dialler.failures.append(failure(FailureKind.REFUSED_KEY))
    rig.connection.ask()
    await rig.time.run(HANDSHAKE_S + 1.0)
    rig.connection.ask()
    await rig.time.run(1.0)
    assert rig.posts == [LinkRefused(quota=False)] * 2
    assert len(rig.dialler.dials_s) == 1
    await rig.time.run(POLICY.ask_pause_s)
    await rig.come_online()
    assert rig.posts[2:] == [LinkUp()]


async def test_a_used_up_quota_is_told_and_tried_again_slowly(rig: Rig) -> None:
    rig.dialler.failures.append(failure(FailureKind.QUOTA))
    rig.connection.ask()
    await rig.time.run(POLICY.slow_back_off_s + 2 * HANDSHAKE_S + 0.1)
    assert rig.posts == [LinkRefused(quota=True), LinkUp()]
    assert rig.since_first_dial_s() == pytest.approx([0.0, POLICY.slow_back_off_s + HANDSHAKE_S], abs=0.001)


async def test_a_failure_of_a_connection_that_was_up_is_told_once(rig: Rig) -> None:
    session = await rig.come_online(busy=True)
    await session.say(failure())
    assert rig.posts == [LinkUp(), LinkLost(trouble=True)]


async def test_a_bug_in_a_session_ends_the_task(rig: Rig) -> None:
    session = await rig.come_online()
    await session.say(ZeroDivisionError())
    await rig.time.run(1.0)
    assert isinstance(rig.task.exception(), ZeroDivisionError)


async def test_a_session_that_ends_without_an_error_does_not_leave_the_daemon_deaf(rig: Rig) -> None:
    session = await rig.come_online()
    await session.say(None)
    await rig.time.run(1.0)
    assert isinstance(rig.task.exception(), RuntimeError)


# --- handles


async def test_the_newest_resumable_handle_is_used_for_the_next_connection(rig: Rig) -> None:
    session = await rig.come_online(busy=True)
    await session.say(HandleUpdate("old", True), HandleUpdate("new", True), HandleUpdate("bad", False))
    await session.say(failure())
    await rig.time.run(10.0)
    assert rig.dialler.handles == [None, "new"]
    assert all(not isinstance(event, HandleUpdate) for event in rig.posts)


async def test_a_handle_that_is_refused_is_dropped_and_a_fresh_session_begun_at_once(rig: Rig) -> None:
    session = await rig.come_online(busy=True)
    await session.say(HandleUpdate("stale", True), ReplyAudio(b"ab"))
    rig.connection.renew(keep_handle=True)
    rig.dialler.failures.append(failure(FailureKind.POISONED_HANDLE))
    await rig.time.run(CLOSING_S + 2 * HANDSHAKE_S)
    assert rig.dialler.handles == [None, "stale", None]
    assert rig.posts[-1] == LinkUp()


async def test_a_suspect_handle_is_left_behind(rig: Rig) -> None:
    session = await rig.come_online()
    await session.say(HandleUpdate("suspect", True))
    rig.connection.renew(keep_handle=False)
    await rig.time.run(CLOSING_S + HANDSHAKE_S)
    assert rig.dialler.handles == [None, None]


# --- rotation


async def test_an_idle_connection_is_rotated_at_once_when_the_server_leaves(rig: Rig) -> None:
    """That the old session is closed before the new one is dialled, the dialler checks."""
    session = await rig.come_online()
    await session.say(HandleUpdate("h", True), GoAway(50.0))
    assert rig.connection.link.phase is LinkPhase.ROTATING
    assert len(rig.dialler.dials_s) == 1
    await rig.time.run(CLOSING_S + HANDSHAKE_S)
    assert rig.posts == [LinkUp(), LinkLost(trouble=False), LinkUp()]
    assert rig.dialler.handles == [None, "h"]


async def test_a_busy_connection_is_rotated_when_the_turn_is_over(rig: Rig) -> None:
    session = await rig.come_online(busy=True)
    await session.say(GoAway(50.0))
    await rig.time.run(20.0)
    assert len(rig.dialler.dials_s) == 1
    rig.connection.set_busy(False)
    await rig.time.run(CLOSING_S + HANDSHAKE_S)
    assert len(rig.dialler.sessions) == 2


async def test_a_busy_connection_is_rotated_before_its_announced_end(rig: Rig) -> None:
    session = await rig.come_online(busy=True)
    said_s = rig.time.now_s()
    await session.say(GoAway(50.0))
    await rig.time.run(60.0)
    assert rig.dialler.dials_s[1] - said_s == pytest.approx(
        50.0 - POLICY.leave_margin_s + CLOSING_S, abs=0.001
    )


async def test_an_old_connection_is_rotated_at_a_pause(rig: Rig) -> None:
    await rig.come_online(busy=True)
    await rig.time.run(POLICY.max_age_s + 1.0)
    assert len(rig.dialler.dials_s) == 1
    rig.connection.set_busy(False)
    await rig.time.run(CLOSING_S + HANDSHAKE_S)
    assert rig.posts == [LinkUp(), LinkLost(trouble=False), LinkUp()]


# --- what the user said


async def test_what_is_said_before_the_connection_is_there_is_sent_when_it_is(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=False, released=True)
    rig.connection.ask()
    await rig.say(b"abcdefgh")
    await rig.time.run(HANDSHAKE_S)
    rig.uplink.close(1)
    await settled()
    assert rig.session.calls == ["start", b"abcd", b"efgh", "end"]
    assert rig.sent == [UtteranceGiven(1), UtteranceSent(1)]


async def test_an_utterance_is_sent_again_whole_after_a_reconnect(rig: Rig) -> None:
    first = await rig.come_online(busy=True)
    rig.uplink.open(1, None, stream=False, released=True)
    await rig.say(b"abcdefgh")
    await first.say(failure())
    await rig.say(b"ijkl")
    rig.uplink.close(1)
    await rig.time.run(10.0)
    assert first.calls == ["start", b"abcd", b"efgh"]
    assert rig.session.calls == ["start", b"abcd", b"efgh", b"ijkl", "end"]
    assert rig.sent == [UtteranceGiven(1), UtteranceSent(1)]


async def test_a_send_that_fails_is_a_lost_connection(rig: Rig) -> None:
    first = await rig.come_online(busy=True)

    async def broken(pcm: bytes) -> None:
        raise failure()

    first.send_audio = broken  # type: ignore[method-assign]  # from here on
    rig.uplink.open(1, None, stream=False, released=True)
    await rig.say(b"abcdefgh")
    assert rig.posts == [LinkUp(), LinkLost(trouble=True)]
    rig.uplink.close(1)
    await rig.time.run(10.0)
    assert rig.session.calls == ["start", b"abcd", b"efgh", "end"]
