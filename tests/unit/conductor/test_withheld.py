"""What is answered to an utterance that may go on: nothing is let out before it is sure, or twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fakes import attendant
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.conductor.accounts import Accounts
from daemon.conductor.downlink import Downlink
from daemon.conductor.withheld import WITHHELD_BYTES, WITHHELD_MESSAGES, Called, Said, Withheld
from daemon.events import DialogueEvent, ReplyEnded, ReplyIsWhole, ReplyStarted
from daemon.runtime.feed import Feed
from daemon.runtime.ring import FifoRing
from daemon.server_events import (
    GenerationComplete,
    ReplyAudio,
    ServerEvent,
    ToolCall,
    ToolCallCancelled,
    Transcript,
    TurnComplete,
    Usage,
)
from daemon.speaking.playback import Playback
from daemon.tools.calling.host import ToolHost, no_tools
from hw.base import SPEAKER_FORMAT, Speaker

TURN = 3
LOUD = ReplyAudio(b"\x00\x20" * SPEAKER_FORMAT.frames(0.5))
CALL = ToolCall("call-1", "volume", {})


def no_speaker() -> Speaker:
    raise AssertionError("nothing here opens a device")


@dataclass
class Calls:
    """Stands for the tools, and writes down what they are told."""

    taken: list[tuple[str, bool]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    host: ToolHost = field(default_factory=no_tools)

    def take(self, request: ToolCall, turn: int, *, wanted: bool) -> None:
        assert turn == TURN
        self.taken.append((request.call_id, wanted))

    def cancel(self, call_ids: tuple[str, ...]) -> None:
        self.cancelled += call_ids


class Line:
    """A downlink whose question was asked eagerly."""

    def __init__(self) -> None:
        self.accounts, self.calls, self.feed = Accounts(), Calls(), Feed()
        tools: Any = self.calls
        playback = Playback(attendant(no_speaker), FifoRing(10**6), post=lambda event: None)
        self.downlink = Downlink(
            playback, tools, self.accounts, self.feed, streaming=False, log_transcripts=False
        )
        self.downlink.withheld.begin()
        self.downlink.gate.asked(0.0)

    def say(self, *events: ServerEvent) -> list[ReplyAudio | DialogueEvent]:
        return [heard for event in events for heard in self.downlink.hear(event, TURN, now_s=1.0)]

    def confirmed(self) -> list[ReplyAudio | DialogueEvent]:
        self.downlink.withheld.confirm(2.0)
        return list(self.downlink.confirmed())


def test_nothing_is_heard_or_done_before_the_end_is_sure_and_then_all_in_order() -> None:
    line = Line()
    assert line.say(Transcript("model", "hi"), CALL, LOUD, GenerationComplete(), TurnComplete()) == []
    assert list(line.downlink.confirmed()) == []
    assert line.calls.taken == []
    assert line.confirmed() == [ReplyStarted(), LOUD, ReplyIsWhole(), ReplyEnded()]
    assert line.calls.taken == [("call-1", True)]
    assert list(line.downlink.confirmed()) == []


def test_what_comes_after_the_end_was_sure_is_heard_at_once() -> None:
    line = Line()
    line.say(LOUD)
    line.confirmed()
    assert line.say(LOUD) == [LOUD]


def test_what_was_dropped_is_never_heard_is_counted_and_its_calls_are_refused() -> None:
    line = Line()
    line.say(CALL, LOUD, Usage(5, 6))
    line.downlink.drop_withheld()
    assert line.confirmed() == []
    assert line.calls.taken == [("call-1", False)]
    used = line.accounts.used_today()
    assert (used.unheard_bytes, used.received_bytes) == (len(LOUD.pcm), len(LOUD.pcm))
    assert (used.prompt_tokens, used.response_tokens) == (5, 6)


def test_a_call_that_the_server_has_cancelled_is_neither_done_nor_answered() -> None:
    for ended in (Line.confirmed, lambda line: line.downlink.drop_withheld()):
        line = Line()
        line.say(CALL, ToolCallCancelled(("call-1",)))
        ended(line)
        assert line.calls.taken == []
        assert line.calls.cancelled == ["call-1"]


def test_what_a_lost_connection_brought_is_forgotten_and_the_next_one_is_withheld_too() -> None:
    line = Line()
    line.say(CALL, LOUD)
    line.downlink.lose()
    assert line.calls.taken == []
    line.downlink.gate.asked(1.0)
    assert line.say(LOUD) == []
    assert line.confirmed() == [ReplyStarted(), LOUD]


def test_a_cut_in_the_midst_of_what_is_let_out_ends_it() -> None:
    line = Line()
    line.say(LOUD, LOUD)
    line.downlink.withheld.confirm(2.0)
    let_out = line.downlink.confirmed()
    assert next(let_out) == ReplyStarted()
    line.downlink.drop_withheld()
    assert list(let_out) == []


def test_it_tells_when_the_answer_began_to_come() -> None:
    withheld = Withheld()
    withheld.begin()
    assert withheld.confirm(9.0) == 9.0
    withheld.begin()
    withheld.keep(ReplyStarted(), 3.0)
    withheld.keep(LOUD, 3.5)
    withheld.keep(LOUD, 4.0)
    assert withheld.confirm(9.0) == 3.5


def test_more_than_a_minute_of_audio_is_refused_and_counted_and_the_end_still_comes() -> None:
    withheld = Withheld()
    withheld.begin()
    second = ReplyAudio(bytes(SPEAKER_FORMAT.bytes(1.0)))
    for _ in range(62):
        withheld.keep(second, 0.0)
    withheld.keep(ReplyEnded(), 0.0)
    withheld.confirm(1.0)
    let_out = list(withheld.confirmed())
    assert sum(len(said.pcm) for said in let_out if isinstance(said, ReplyAudio)) == WITHHELD_BYTES
    assert let_out[-1] == ReplyEnded()
    assert withheld.refused == 2


def test_too_many_messages_are_refused_and_counted() -> None:
    withheld = Withheld()
    withheld.begin()
    for _ in range(WITHHELD_MESSAGES + 5):
        withheld.keep(Transcript("model", "a"), 0.0)
    assert withheld.refused == 5


@given(st.lists(st.sampled_from(["begin", "keep", "confirm", "drop", "lose", "let out"]), max_size=50))
@settings(max_examples=300)
def test_each_is_let_out_at_most_once_in_order_and_never_while_it_is_withheld(steps: list[str]) -> None:
    withheld, serial, let_out = Withheld(), iter(range(1000)), list[str]()
    void = set[str]()
    waiting = list[str]()
    for step in steps:
        match step:
            case "begin":
                void, waiting = void | set(waiting), []
                withheld.begin()
            case "keep" if withheld.holding:
                waiting.append(call_id := str(next(serial)))
                withheld.keep(Called(ToolCall(call_id, "a", {}), TURN, True), 0.0)
            case "confirm":
                withheld.confirm(0.0)
            case "drop" | "lose":
                void, waiting = void | set(waiting), []
                _ = withheld.drop() if step == "drop" else withheld.lose()
            case "let out":
                before = withheld.holding
                out = list(_ids(withheld.confirmed()))
                assert not (before and out)
                if not before:
                    assert out == waiting
                    waiting = []
                let_out += out
    assert len(set(let_out)) == len(let_out)
    assert not void & set(let_out)
    assert let_out == sorted(let_out, key=int)


def _ids(said: Iterator[Said]) -> Iterator[str]:
    return (each.request.call_id for each in said if isinstance(each, Called))
