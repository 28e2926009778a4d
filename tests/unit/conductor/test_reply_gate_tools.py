"""The gate for replies, where tools are called."""

from __future__ import annotations

from daemon.conductor.reply_gate import OLD_END_TIMEOUT_S, UNASKED_S, ReplyGate
from daemon.events import ReplyEnded, ReplyStarted
from daemon.server_events import ReplyAudio, ServerInterrupted, TurnComplete

AUDIO = ReplyAudio(bytes(480))


def answered() -> ReplyGate:
    """A gate after a whole answer, at 0 s."""
    gate = ReplyGate(streaming=False)
    gate.asked(0.0)
    assert list(gate.sort(AUDIO, 0.0)) == [ReplyStarted(), AUDIO]
    assert list(gate.sort(TurnComplete(), 0.0)) == [ReplyEnded()]
    return gate


def test_a_reply_that_nobody_asked_for_is_dropped() -> None:
    assert list(answered().sort(AUDIO, 1.0)) == []


def test_one_that_tells_of_a_tool_is_let_through_for_a_while() -> None:
    gate = answered()
    gate.expect(1.0)
    assert list(gate.sort(AUDIO, 1.0 + UNASKED_S - 0.1)) == [ReplyStarted(), AUDIO]
    late = answered()
    late.expect(1.0)
    assert list(late.sort(AUDIO, 1.0 + UNASKED_S)) == []


def test_a_new_connection_knows_of_no_tool() -> None:
    gate = answered()
    gate.expect(1.0)
    gate.reset()
    assert list(gate.sort(AUDIO, 1.1)) == []


def test_a_turn_that_was_cut_is_expected_to_say_no_more() -> None:
    gate = answered()
    gate.expect(1.0)
    gate.cut()
    assert list(gate.sort(AUDIO, 1.1)) == []


def test_a_result_that_interrupts_the_reply_is_heard() -> None:
    gate = ReplyGate(streaming=False)
    gate.asked(0.0)
    list(gate.sort(AUDIO, 0.0))
    gate.expect(1.0)
    list(gate.sort(ServerInterrupted(), 1.1))
    list(gate.sort(TurnComplete(), 1.1))
    assert list(gate.sort(AUDIO, 1.2)) == [ReplyStarted(), AUDIO]


def test_after_a_call_more_audio_is_a_reply_of_its_own() -> None:
    gate = ReplyGate(streaming=False)
    gate.asked(0.0)
    list(gate.sort(AUDIO, 0.0))
    assert gate.called(0.1)
    assert list(gate.sort(AUDIO, 0.2)) == [ReplyStarted(), AUDIO]


def test_a_call_of_a_turn_that_was_cut_is_known_as_such_until_the_next_must_have_begun() -> None:
    gate = ReplyGate(streaming=False)
    gate.asked(0.0)
    list(gate.sort(AUDIO, 0.0))
    gate.cut()
    assert not gate.called(0.1)
    gate.asked(1.0)
    assert not gate.called(1.1)
    assert gate.called(1.0 + OLD_END_TIMEOUT_S)
