"""Which turn the server's words belong to."""

from __future__ import annotations

from daemon.conductor.reply_gate import (
    OLD_END_TIMEOUT_S,
    UNHEARD_END_TIMEOUT_S,
    WORK_S,
    ReplyGate,
)
from daemon.events import ReplyEnded, ReplyInterrupted, ReplyStarted
from daemon.server_events import GenerationComplete, ReplyAudio, ServerEvent, ServerInterrupted, TurnComplete

OLD, NEW = ReplyAudio(b"old!"), ReplyAudio(b"new!")


def sort(gate: ReplyGate, *events: ServerEvent, at_s: float = 0.0) -> list[object]:
    return [out for event in events for out in gate.sort(event, at_s)]


def asked_gate() -> ReplyGate:
    gate = ReplyGate(streaming=False)
    gate.asked(0.0)
    return gate


def cut_gate() -> ReplyGate:
    """The reply to a first question is under way, was cut, and a second question was sent at 10 s."""
    gate = asked_gate()
    sort(gate, OLD)
    gate.cut()
    gate.asked(10.0)
    return gate


def test_the_first_audio_of_an_answer_starts_it() -> None:
    assert sort(asked_gate(), NEW, NEW) == [ReplyStarted(), NEW, NEW]


def test_turn_complete_ends_it_with_its_reason() -> None:
    assert sort(asked_gate(), NEW, TurnComplete()) == [
        ReplyStarted(),
        NEW,
        ReplyEnded(),
    ]
    assert sort(asked_gate(), TurnComplete("RESPONSE_REJECTED")) == [ReplyEnded("RESPONSE_REJECTED")]


def test_that_all_of_it_is_here_is_told_before_its_end() -> None:
    assert sort(asked_gate(), NEW, GenerationComplete()) == [ReplyStarted(), NEW, GenerationComplete()]
    assert sort(cut_gate(), GenerationComplete(), at_s=10.1) == []


def test_a_reply_that_goes_on_after_a_false_end_does_not_end_the_next_one() -> None:
    gate = asked_gate()
    assert sort(gate, TurnComplete(), OLD) == [ReplyEnded()]
    gate.asked(10.0)
    assert sort(gate, OLD, TurnComplete(), NEW, at_s=10.1) == [ReplyStarted(), NEW]


def test_audio_after_the_end_costs_the_next_reply_nothing() -> None:
    gate = asked_gate()
    sort(gate, OLD, TurnComplete(), OLD)
    gate.asked(10.0)
    at_s = 10.0 + UNHEARD_END_TIMEOUT_S
    assert sort(gate, NEW, TurnComplete(), at_s=at_s) == [ReplyStarted(), NEW, ReplyEnded()]


def test_a_second_turn_complete_means_nothing() -> None:
    gate = asked_gate()
    sort(gate, NEW, TurnComplete())
    assert sort(gate, TurnComplete()) == []


def test_what_nobody_asked_for_is_not_played() -> None:
    gate = ReplyGate(streaming=False)
    assert sort(gate, NEW, TurnComplete()) == []
    assert gate.audio_dropped_bytes == 4


def test_late_audio_of_a_cut_turn_is_dropped_and_counted() -> None:
    gate = cut_gate()
    assert sort(gate, OLD, OLD, at_s=10.1) == []
    assert gate.audio_dropped_bytes == 8


def test_the_end_of_a_cut_turn_does_not_end_the_next() -> None:
    gate = cut_gate()
    assert sort(gate, ServerInterrupted(), TurnComplete(), NEW, TurnComplete(), at_s=10.1) == [
        ReplyStarted(),
        NEW,
        ReplyEnded(),
    ]


def test_a_cut_turn_that_ended_by_itself_needs_no_interrupted() -> None:
    assert sort(cut_gate(), OLD, TurnComplete(), NEW, at_s=10.1) == [ReplyStarted(), NEW]


def test_after_interrupted_a_missing_turn_complete_is_not_waited_for() -> None:
    assert sort(cut_gate(), ServerInterrupted(), NEW, at_s=10.1) == [ReplyStarted(), NEW]


def test_an_end_that_never_comes_is_waited_for_only_so_long() -> None:
    gate = cut_gate()
    assert sort(gate, OLD, at_s=10.0 + OLD_END_TIMEOUT_S - 0.1) == []
    assert sort(gate, NEW, at_s=10.0 + OLD_END_TIMEOUT_S) == [ReplyStarted(), NEW]


def test_a_question_withdrawn_before_its_answer_is_waited_for_briefly() -> None:
    gate = asked_gate()
    gate.cut()
    gate.asked(5.0)
    assert sort(gate, OLD, at_s=5.1) == []
    assert sort(gate, NEW, at_s=5.0 + UNHEARD_END_TIMEOUT_S) == [ReplyStarted(), NEW]


def test_the_answer_to_a_half_sent_question_is_not_taken_for_the_next() -> None:
    gate = ReplyGate(streaming=False)
    gate.withdraw()
    gate.asked(5.0)
    assert sort(gate, OLD, ServerInterrupted(), TurnComplete(), NEW, at_s=5.1) == [ReplyStarted(), NEW]


def test_a_new_connection_forgets_the_old_turn() -> None:
    gate = cut_gate()
    gate.reset()
    gate.asked(11.0)
    assert sort(gate, NEW, at_s=11.1) == [ReplyStarted(), NEW]


def test_an_interruption_by_the_server_is_told_and_its_turn_complete_is_not() -> None:
    gate = ReplyGate(streaming=True)
    assert sort(gate, OLD, ServerInterrupted(), TurnComplete(), NEW) == [
        ReplyStarted(),
        OLD,
        ReplyInterrupted(),
        ReplyStarted(),
        NEW,
    ]


def test_interrupted_without_a_turn_means_nothing() -> None:
    gate = asked_gate()
    assert sort(gate, ServerInterrupted(), NEW) == [ReplyStarted(), NEW]


def test_the_late_end_of_a_reply_that_was_heard_does_not_end_the_next_turn() -> None:
    gate = asked_gate()
    sort(gate, OLD)
    gate.asked(10.0)  # the reply was played to its end, and taken as ended without the server's word
    heard = sort(gate, TurnComplete(), NEW, TurnComplete(), at_s=10.1)
    assert heard == [ReplyStarted(), NEW, ReplyEnded()]


def test_in_an_open_stream_what_comes_after_a_whole_reply_is_another() -> None:
    gate = ReplyGate(streaming=True)
    heard = sort(gate, OLD, GenerationComplete(), NEW, TurnComplete())
    assert heard == [ReplyStarted(), OLD, GenerationComplete(), ReplyStarted(), NEW, ReplyEnded()]


def answered_gate() -> ReplyGate:
    """A first question was answered, and a second was sent at 10 s."""
    gate = asked_gate()
    sort(gate, OLD, GenerationComplete(), TurnComplete())
    gate.asked(10.0)
    return gate


def test_an_end_that_is_told_twice_does_not_end_the_next_turn() -> None:
    gate = answered_gate()
    assert sort(gate, TurnComplete(), at_s=10.1) == []
    assert sort(gate, NEW, TurnComplete(), at_s=10.8) == [ReplyStarted(), NEW, ReplyEnded()]
    assert gate.ends_repeated == 1


def test_nor_where_the_first_turn_was_cut() -> None:
    gate = asked_gate()
    sort(gate, OLD)
    gate.cut()
    sort(gate, ServerInterrupted(), TurnComplete())
    gate.asked(10.0)
    assert sort(gate, TurnComplete(), NEW, at_s=10.1) == [ReplyStarted(), NEW]


def test_a_silent_answer_is_an_end_of_its_own() -> None:
    late = answered_gate()
    assert sort(late, TurnComplete(), at_s=10.0 + UNHEARD_END_TIMEOUT_S) == [ReplyEnded()]
    whole = answered_gate()
    assert sort(whole, GenerationComplete(), TurnComplete(), at_s=10.1) == [ReplyEnded()]
    failed = answered_gate()
    assert sort(failed, TurnComplete("BLOCKLIST"), at_s=10.1) == [ReplyEnded("BLOCKLIST")]
    first = asked_gate()
    assert sort(first, TurnComplete(), at_s=0.1) == [ReplyEnded()]


class TestAnnouncedWork:
    def test_lasts_until_the_end_of_the_turn(self) -> None:
        gate = asked_gate()
        gate.announced(1.0)
        assert gate.works(1.0 + WORK_S - 0.1)
        sort(gate, TurnComplete(), at_s=2.0)
        assert not gate.works(2.0)

    def test_may_not_be_silent_for_longer_by_being_announced_again(self) -> None:
        gate = asked_gate()
        gate.announced(1.0)
        gate.announced(50.0)
        assert not gate.works(1.0 + WORK_S)
        sort(gate, NEW, at_s=70.0)
        assert gate.works(71.0)

    def test_is_of_no_turn_where_nobody_asked(self) -> None:
        gate = ReplyGate(streaming=False)
        gate.announced(1.0)
        assert not gate.works(1.0)
        cut = cut_gate()
        cut.announced(10.1)
        assert not cut.works(10.1)

    def test_after_a_pause_more_audio_begins_anew(self) -> None:
        gate = asked_gate()
        sort(gate, OLD)
        gate.pause()
        assert sort(gate, NEW, NEW) == [ReplyStarted(), NEW, NEW]


class TestAQuestionThatWentOn:
    def reopened_gate(self, *said: ServerEvent) -> ReplyGate:
        """What was said to its first part; it went on at 5 s, and all of it was asked at 10 s."""
        gate = asked_gate()
        sort(gate, *said)
        gate.reopen(5.0)
        assert sort(gate, OLD, at_s=5.1) == []
        gate.asked(10.0)
        return gate

    def test_is_answered_at_once_though_the_end_of_the_first_answer_never_came(self) -> None:
        for said in ((), (OLD,)):
            assert sort(self.reopened_gate(*said), NEW, at_s=10.1) == [ReplyStarted(), NEW]

    def test_loses_nothing_after_an_answer_that_had_ended(self) -> None:
        gate = asked_gate()
        sort(gate, OLD, TurnComplete())
        gate.reopen(5.0)
        gate.asked(5.2)
        assert sort(gate, NEW, at_s=5.3) == [ReplyStarted(), NEW]

    def test_waits_for_the_end_of_the_next_one_that_is_cut_as_ever(self) -> None:
        gate = self.reopened_gate()
        sort(gate, NEW, at_s=10.1)
        gate.cut()
        gate.asked(20.0)
        assert sort(gate, OLD, at_s=20.1) == []
