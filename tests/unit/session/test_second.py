"""The second connection: whichever answers is heard, and nothing is said twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from fakes import LoopTime, settled
from planned_sessions import CLOSING_S, HANDSHAKE_S, PlannedSession, failure
from test_connection import Rig

from daemon.events import LinkLost, LinkUp, SecondAnswers, SecondLost, SecondUp, UtteranceSent
from daemon.server_events import (
    GenerationComplete,
    HandleUpdate,
    ReplyAudio,
    ServerEvent,
    ToolCall,
    Transcript,
    TurnComplete,
    WorkAnnounced,
)
from daemon.session.link import LinkPhase
from daemon.session.liveness import Evidence
from daemon.session.second import MAX_HELD

SAID = ["start", b"abcd", b"efgh", "end"]
ANSWERING: list[ServerEvent] = [
    ReplyAudio(b"ab"),
    ToolCall("1", "volume", {}),
    WorkAnnounced(),
    TurnComplete(),
]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    with LoopTime() as time:
        rig = Rig(time)
        rig.dialler.most_open = 2
        yield rig
        rig.task.cancel()
        await asyncio.gather(rig.task, return_exceptions=True)
        assert rig.dialler.open == 0


async def asked(rig: Rig) -> PlannedSession:
    """The first connection, which has got a question."""
    first = await rig.come_online(busy=True)
    rig.uplink.open(1, None, stream=False, released=True)
    await rig.say(b"abcdefgh")
    rig.uplink.close(1)
    await settled()
    assert first.calls == SAID
    return first


async def both(rig: Rig) -> tuple[PlannedSession, PlannedSession]:
    """Both, which have got it."""
    first = await asked(rig)
    rig.connection.open_second(1)
    await rig.time.run(HANDSHAKE_S)
    assert rig.posts[-1] == SecondUp(1)
    rig.connection.ask_second(1)
    await settled()
    return first, rig.session


async def test_nothing_leaves_on_it_before_the_lights_say_so(rig: Rig) -> None:
    await asked(rig)
    rig.connection.open_second(1)
    await rig.time.run(5.0)
    assert rig.session.calls == []
    assert not rig.uplink.leaving


async def test_it_begins_a_session_of_its_own_for_the_first_one_s_must_live(rig: Rig) -> None:
    first = await asked(rig)
    await first.say(HandleUpdate("h", True))
    rig.connection.open_second(1)
    await rig.time.run(HANDSHAKE_S)
    assert rig.dialler.handles == [None, None]
    assert not first.aborted


async def test_it_gets_all_that_was_said(rig: Rig) -> None:
    _, second = await both(rig)
    assert second.calls == SAID
    assert rig.sent[-1] == UtteranceSent(1)
    assert rig.uplink.resent_bytes == 8


async def test_a_text_is_asked_there_too(rig: Rig) -> None:
    first = await rig.come_online(busy=True)
    rig.uplink.write_text(1, "hello")
    await settled()
    rig.connection.open_second(1)
    await rig.time.run(HANDSHAKE_S)
    rig.connection.ask_second(1)
    await settled()
    assert (first.calls, rig.session.calls) == (["hello"], ["hello"])


async def test_what_was_said_and_not_answered_before_goes_there_too(rig: Rig) -> None:
    first = await asked(rig)
    rig.uplink.open(2, None, stream=False, released=True)
    await rig.say(b"ij")
    rig.uplink.close(2)
    await settled()
    assert first.calls == [*SAID, "start", b"ij", "end"]
    rig.connection.open_second(2)
    await rig.time.run(HANDSHAKE_S)
    rig.connection.ask_second(2)
    await settled()
    assert rig.session.calls == ["start", b"abcd", b"efgh", b"ij", "end"]


async def test_it_is_leaving_until_the_other_end_has_acknowledged_it(rig: Rig) -> None:
    await asked(rig)
    rig.connection.open_second(1)
    await rig.time.run(HANDSHAKE_S)
    rig.session.tcp = Evidence(outstanding_bytes=10, acknowledged_bytes=0)
    rig.connection.ask_second(1)
    await rig.time.run(0.1)
    assert rig.uplink.leaving
    rig.session.tcp = Evidence(outstanding_bytes=0, acknowledged_bytes=10)
    await rig.time.run(0.1)
    assert not rig.uplink.leaving


@pytest.mark.parametrize("answer", ANSWERING, ids=lambda answer: type(answer).__name__)
async def test_if_the_first_answers_the_second_is_left_without_a_word(rig: Rig, answer: ServerEvent) -> None:
    first, second = await both(rig)
    await first.say(answer)
    await second.say(ReplyAudio(b"xy"))
    await rig.time.run(CLOSING_S)
    assert second.aborted
    assert rig.dialler.open == 1
    assert not first.aborted
    assert SecondLost(1) in rig.posts
    assert ReplyAudio(b"xy") not in rig.posts
    assert not any(isinstance(event, SecondAnswers) for event in rig.posts)


@pytest.mark.parametrize("answer", ANSWERING, ids=lambda answer: type(answer).__name__)
async def test_if_the_second_answers_it_takes_the_first_one_s_place(rig: Rig, answer: ServerEvent) -> None:
    first, second = await both(rig)
    asked_s = rig.time.now_s()
    before = len(rig.posts)
    await second.say(Transcript("user", "hi"), answer, GenerationComplete())
    await first.say(ReplyAudio(b"xy"))
    await rig.time.run(1.0)
    expected = ToolCall("1", "volume", {}, connection=2) if isinstance(answer, ToolCall) else answer
    change, *said = rig.posts[before:]
    assert isinstance(change, SecondAnswers)
    assert change.turn == 1
    assert change.asked_s == pytest.approx(asked_s, abs=0.01)
    assert said == [Transcript("user", "hi"), expected, GenerationComplete()]
    assert first.aborted
    assert rig.dialler.open == 1
    assert rig.connection.link.phase is LinkPhase.ONLINE
    assert second.calls == SAID, "it is not asked again"


async def test_both_at_once_are_not_heard_twice(rig: Rig) -> None:
    first, second = await both(rig)
    first.will_say(ReplyAudio(b"ab"))
    second.will_say(ReplyAudio(b"xy"))
    await rig.time.run(1.0)
    heard = [event for event in rig.posts if isinstance(event, ReplyAudio)]
    assert len(heard) == 1


async def test_after_the_change_handles_and_the_next_question_are_the_second_one_s(rig: Rig) -> None:
    first, second = await both(rig)
    await first.say(HandleUpdate("old", True))
    await second.say(HandleUpdate("new", True), ReplyAudio(b"ab"), TurnComplete())
    await rig.time.run(CLOSING_S)
    rig.uplink.settle(1)
    rig.uplink.open(2, None, stream=False, released=True)
    await rig.say(b"ijkl")
    rig.uplink.close(2)
    await settled()
    assert second.calls == [*SAID, "start", b"ijkl", "end"]
    await second.say(failure())
    await rig.time.run(10.0)
    assert rig.dialler.handles == [None, None, "new"]


async def test_whoever_spoke_again_just_then_is_not_heard_twice(rig: Rig) -> None:
    _, second = await both(rig)
    second.will_say(ReplyAudio(b"ab"))
    rig.uplink.open(2, None, stream=False, released=True)
    await rig.say(b"ij")
    rig.uplink.close(2)
    await rig.time.run(1.0)
    assert second.calls == [*SAID, "start", b"ij", "end"]


async def test_if_the_second_fails_the_first_is_waited_for(rig: Rig) -> None:
    first, second = await both(rig)
    await second.say(failure())
    await rig.time.run(CLOSING_S)
    await first.say(ReplyAudio(b"ab"))
    assert rig.posts[-2:] == [SecondLost(1), ReplyAudio(b"ab")]


async def test_if_the_second_cannot_be_had_the_first_is_waited_for(rig: Rig) -> None:
    first = await asked(rig)
    rig.dialler.failures.append(failure())
    rig.connection.open_second(1)
    await rig.time.run(HANDSHAKE_S)
    await first.say(ReplyAudio(b"ab"))
    assert rig.posts[-2:] == [SecondLost(1), ReplyAudio(b"ab")]
    assert rig.connection.link.failures == 0


async def test_one_that_says_much_and_answers_nothing_is_given_up(rig: Rig) -> None:
    _, second = await both(rig)
    await second.say(*[Transcript("user", "hi")] * (MAX_HELD + 1))
    await rig.time.run(CLOSING_S)
    assert rig.posts[-1] == SecondLost(1)
    assert second.aborted


async def test_if_the_first_is_lost_both_are_and_another_is_asked(rig: Rig) -> None:
    first, second = await both(rig)
    await first.say(failure())
    await rig.time.run(5.0)
    assert second.aborted
    assert rig.posts[-3:] == [SecondLost(1), LinkLost(trouble=True), LinkUp()]
    assert rig.session.calls == SAID


async def test_one_that_nobody_waits_for_is_left(rig: Rig) -> None:
    _, second = await both(rig)
    rig.connection.drop_second()
    await rig.time.run(CLOSING_S)
    assert second.aborted
    assert rig.dialler.open == 1
    rig.connection.open_second(2)
    await rig.time.run(HANDSHAKE_S)
    assert rig.posts[-1] == SecondUp(2), "the next turn may have one"


async def test_one_that_is_left_while_it_connects_is_left(rig: Rig) -> None:
    await asked(rig)
    rig.connection.open_second(1)
    await rig.time.run(HANDSHAKE_S / 2)
    rig.connection.drop_second()
    await rig.time.run(HANDSHAKE_S)
    assert (rig.dialler.open, len(rig.dialler.sessions)) == (1, 1)


async def test_one_that_is_left_at_the_moment_it_is_wanted_is_never_had(rig: Rig) -> None:
    await asked(rig)
    rig.connection.open_second(1)
    rig.connection.drop_second()
    await rig.time.run(1.0)
    assert len(rig.dialler.dials_s) == 1
    rig.connection.open_second(2)
    rig.connection.drop_second()
    rig.connection.open_second(3)
    await rig.time.run(HANDSHAKE_S)
    assert rig.posts[-1] == SecondUp(3)


async def test_what_is_settled_is_not_said_on(rig: Rig) -> None:
    """The rest of it stays, when the first answers while it leaves."""
    await asked(rig)
    rig.connection.open_second(1)
    await rig.time.run(HANDSHAKE_S)
    second = rig.session

    async def settling(pcm: bytes) -> None:
        second.calls.append(pcm)
        rig.uplink.settle(1)

    second.send_audio = settling  # type: ignore[method-assign]  # from here on
    rig.connection.ask_second(1)
    await settled()
    assert second.calls == ["start", b"abcd"]


async def test_offline_none_is_wanted(rig: Rig) -> None:
    rig.connection.open_second(1)
    rig.connection.ask_second(1)
    rig.connection.drop_second()
    await rig.time.run(1.0)
    assert (rig.dialler.dials_s, rig.posts) == ([], [])


async def test_each_piece_that_leaves_on_it_is_counted(rig: Rig) -> None:
    await both(rig)
    assert [piece.size_bytes for piece in rig.pieces] == [4, 4, 4, 4]
