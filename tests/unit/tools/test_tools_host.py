"""The tool host alone: what is answered, to whom, how often, and what is bounded."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from daemon.config.models import Capabilities, capabilities
from daemon.runtime.feed import Feed
from daemon.server_events import ToolCall
from daemon.session.failures import LinkError
from daemon.session.signals import Signal, SignalKind, Where, classify
from daemon.tools.calling.fates import FATES, Circumstances, Fate, ToolAnswer
from daemon.tools.calling.host import MAX_CALLS, MAX_UNANSWERED, ToolHost
from daemon.tools.calling.runner import Runner
from daemon.tools.calling.workers import Workers
from daemon.tools.declaring.spec import Scheduling, ToolError, ToolSpec

NEWEST = capabilities("gemini-3.8-live")
GATED = capabilities("gemini-2.5-flash-native-audio-latest")


@dataclass
class Desk:
    """A host with tools that end when the test says so, and a connection that takes answers."""

    model: Capabilities = NEWEST
    runs: list[str] = field(default_factory=list)
    sent: list[ToolAnswer] = field(default_factory=list)
    holds: list[bool] = field(default_factory=list)
    broken: bool = False

    def __post_init__(self) -> None:
        self.gates: dict[str, asyncio.Event] = {}
        self.tools = {name: self.tool(name) for name in ("a", "b", "c")}
        self.host = ToolHost(
            lambda: self.tools,
            self.model,
            feed=Feed(),
            post=lambda changed: None,
            hold_uplink=self.holds.append,
        )
        self._numbers = iter(range(1, 1000))

    def tool(self, name: str, **changed: Any) -> ToolSpec:
        """A tool that waits for `finish`."""
        self.gates[name] = asyncio.Event()

        async def run(**_: Any) -> str:
            self.runs.append(name)
            await self.gates[name].wait()
            return f"{name} is done"

        schema = {"type": "object"}
        return replace(ToolSpec(name, f"does {name}", schema, run, timeout_s=30.0), **changed)

    def call(self, name: str, *, turn: int = 1, wanted: bool = True, **arguments: Any) -> str:
        """The model calls; returns the id."""
        call_id = f"id-{next(self._numbers)}"
        self.host.take(ToolCall(call_id, name, arguments, self.host.connection), turn, wanted=wanted)
        return call_id

    def finish(self, *names: str) -> None:
        """These tools end."""
        for name in names:
            self.gates[name].set()

    async def send_tool_answer(self, answer: ToolAnswer) -> None:
        """As a session does."""
        if self.broken:
            raise LinkError(classify(Signal(SignalKind.RESET, Where.SEND)))
        self.sent.append(answer)

    @property
    def answered(self) -> list[str]:
        """The ids of the answered calls, in order."""
        return [answer.call_id for answer in self.sent]

    async def settle(self) -> None:
        """Let everything that can happen now happen."""
        for _ in range(20):
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def desk_open(model: Capabilities = NEWEST) -> AsyncIterator[Desk]:
    """A desk with a connection."""
    desk = Desk(model)
    desk.host.connect(1)
    pump = asyncio.create_task(desk.host.pump(desk))
    run = asyncio.create_task(desk.host.run())
    await desk.settle()
    try:
        yield desk
    finally:
        for task in (pump, run):
            task.cancel()
        await asyncio.gather(pump, run, return_exceptions=True)


def test_the_table_of_fates_names_everything_that_can_happen() -> None:
    every = {Circumstances(a, b, c) for a in (True, False) for b in (True, False) for c in (True, False)}
    assert set(FATES) == every
    assert all(FATES[one] is Fate.DROP for one in every if one.cancelled)
    assert not any(FATES[one] in (Fate.SEND, Fate.SEND_SILENTLY) for one in every if not one.connected)


async def test_answers_go_out_as_they_come() -> None:
    async with desk_open() as desk:
        first, second = desk.call("a"), desk.call("b")
        desk.finish("b")
        await desk.settle()
        assert (desk.answered, desk.host.busy) == ([second], True)
        desk.finish("a")
        await desk.settle()
        assert desk.answered == [second, first]
        assert (desk.host.busy, desk.host.open) == (False, False)


async def test_a_cancelled_call_is_stopped_and_not_answered() -> None:
    async with desk_open() as desk:
        cancelled, other = desk.call("a"), desk.call("b")
        await desk.settle()
        desk.host.cancel((cancelled, "never-heard-of"))
        desk.finish("a", "b")
        await desk.settle()
        assert desk.answered == [other]
        assert desk.host.counters.cancelled == 1


async def test_a_call_that_is_cancelled_with_its_answer_on_the_way_is_not_answered() -> None:
    desk = Desk()
    desk.host.connect(1)
    call_id = desk.call("a")
    desk.finish("a")
    await desk.settle()  # the answer waits: nobody pumps
    desk.host.cancel((call_id,))
    pump = asyncio.create_task(desk.host.pump(desk))
    await desk.settle()
    pump.cancel()
    assert desk.sent == []


async def test_the_work_of_a_lost_connection_serves_the_same_call_of_the_same_turn_once() -> None:
    async with desk_open() as desk:
        desk.call("a", x=1)
        await desk.settle()
        desk.host.connect(2)
        again, once_more = desk.call("a", x=1), desk.call("a", x=1)
        desk.finish("a")
        await desk.settle()
        assert desk.runs == ["a", "a"]  # the second of two equal calls is a wish of its own
        assert set(desk.answered) == {again, once_more}
        assert desk.host.counters.repeated == 1


async def test_an_answer_that_was_sent_serves_the_same_call_of_the_next_connection_too() -> None:
    """Nobody knows whether it arrived; the model calls again when its turn is asked again."""
    async with desk_open() as desk:
        desk.finish("a")
        desk.call("a")
        await desk.settle()
        desk.host.disconnect()
        desk.host.connect(2)
        desk.call("a")
        await desk.settle()
        assert desk.runs == ["a"]
        assert len(desk.sent) == 2


@pytest.mark.parametrize("changed", [{"turn": 2}, {"x": 2}])
async def test_other_calls_and_other_turns_are_run_anew(changed: dict[str, Any]) -> None:
    async with desk_open() as desk:
        desk.finish("a")
        desk.call("a", turn=1, x=1)
        await desk.settle()
        desk.host.connect(2)
        desk.call("a", **({"turn": 1, "x": 1} | changed))
        await desk.settle()
        assert desk.runs == ["a", "a"]


async def test_a_call_of_an_old_connection_that_was_read_late_is_not_carried_out() -> None:
    async with desk_open() as desk:
        desk.host.connect(2)
        desk.host.take(ToolCall("old", "a", {}, 1), 1, wanted=True)
        await desk.settle()
        assert desk.runs == []
        assert desk.host.counters.unsent == 1


async def test_nor_is_one_that_is_read_while_there_is_no_connection() -> None:
    async with desk_open() as desk:
        desk.host.disconnect()
        desk.host.take(ToolCall("old", "a", {}, 1), 1, wanted=True)
        await desk.settle()
        assert desk.runs == []


async def test_after_the_turn_was_cut_an_answer_is_silent_and_nothing_waits_for_it() -> None:
    async with desk_open() as desk:
        desk.tools["a"] = desk.tool("a", blocking=False)
        desk.call("a")
        await desk.settle()
        desk.host.turn_cut()
        assert (desk.host.busy, desk.host.open) == (False, True)
        desk.finish("a")
        await desk.settle()
        assert desk.sent[0].scheduling is Scheduling.SILENT
        assert not desk.host.take_reply_due()


async def test_a_call_of_a_turn_that_was_cut_before_is_refused_and_answered() -> None:
    async with desk_open() as desk:
        desk.call("a", wanted=False)
        await desk.settle()
        assert desk.runs == []
        assert desk.sent[0].response["status"] == "error"


async def test_calls_without_end_are_passed_over_and_counted() -> None:
    async with desk_open() as desk:
        for _ in range(MAX_UNANSWERED + 10):  # at once: nothing is sent meanwhile
            desk.call("unknown")
        assert desk.host.counters.unsent == 10
        await desk.settle()
        await asyncio.sleep(0)
        assert len(desk.sent) <= MAX_UNANSWERED


async def test_one_call_too_many_is_refused_at_once() -> None:
    async with desk_open() as desk:
        for _ in range(MAX_CALLS):
            desk.call("a")
        refused = desk.call("a")
        await desk.settle()
        assert desk.answered == [refused]
        assert desk.sent[0].response["retryable"]


async def test_a_broken_connection_ends_the_pump_and_its_answers() -> None:
    desk = Desk(broken=True)
    desk.host.connect(1)
    desk.finish("a")
    desk.call("a")
    with pytest.raises(LinkError):
        await desk.host.pump(desk)
    desk.host.disconnect()
    assert not desk.host.open
    assert desk.host.counters.unsent == 1


@pytest.mark.parametrize(("model", "holds"), [(GATED, True), (NEWEST, False)])
async def test_only_models_that_need_it_have_their_audio_held(model: Capabilities, holds: bool) -> None:
    async with desk_open(model) as desk:
        desk.call("a")
        assert any(desk.holds) is holds
        desk.finish("a")
        await desk.settle()
        assert not any(desk.holds[-1:])


async def test_a_scheduling_is_sent_only_where_the_model_does_not_wait() -> None:
    async with desk_open() as desk:
        desk.tools["b"] = desk.tool("b", blocking=False, scheduling=Scheduling.INTERRUPT)
        desk.finish("a", "b")
        desk.call("a")
        desk.call("b")
        await desk.settle()
        scheduled = {answer.name: answer.scheduling for answer in desk.sent}
        assert scheduled == {"a": None, "b": Scheduling.INTERRUPT}


# --- one tool at a time ----------------------------------------------------------------------------


def plain(run: Callable[..., Any], timeout_s: float = 5.0) -> ToolSpec:
    """A tool without parameters."""
    return ToolSpec("x", "does x", {"type": "object"}, run, timeout_s=timeout_s)


@pytest.fixture
def stuck() -> Iterator[threading.Event]:
    """What a hanging tool waits for."""
    event = threading.Event()
    yield event
    event.set()


async def test_hung_threads_keep_their_places_and_then_calls_are_refused(stuck: threading.Event) -> None:
    runner = Runner(Workers(limit=2))
    for _ in range(2):
        answer = await runner.carry_out(plain(stuck.wait, 0.05), {})
        assert "No result within 0.05 seconds" in answer["message"]
    refused = await runner.carry_out(plain(stuck.wait, 0.05), {})
    assert "earlier calls hang" in refused["message"]
    assert not refused["retryable"]
    assert (runner.timeouts, runner.workers.refused, runner.workers.running) == (2, 1, 2)
    stuck.set()
    async with asyncio.timeout(5):
        while runner.workers.running:
            await asyncio.sleep(0.001)
    assert (await runner.carry_out(plain(lambda: "free again"), {}))["message"] == "free again"


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), StopIteration(), KeyboardInterrupt()])
async def test_whatever_a_function_raises_is_an_answer(error: BaseException) -> None:
    def run() -> None:
        raise error

    answer = await Runner().carry_out(plain(run), {})
    assert answer["status"] == "error"
    assert type(error).__name__ in answer["message"]


async def test_what_somebody_said_is_not_logged_with_the_failure_of_a_tool(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def run(room: str) -> None:
        raise KeyError(room)

    with caplog.at_level(logging.INFO):
        answer = await Runner().carry_out(plain(run), {"room": "the secret chamber"})
    assert "the secret chamber" in answer["message"]
    assert "tool x failed: KeyError" in caplog.text
    assert "chamber" not in caplog.text


async def test_arguments_that_cannot_be_held_against_a_servers_odd_schema_are_an_answer() -> None:
    odd = {"type": "object", "properties": {"a": {"type": "integer", "minimum": "three"}}}
    answer = await Runner().carry_out(replace(plain(lambda a: a), parameters=odd), {"a": 3})
    assert answer["status"] == "error"


async def test_a_thread_that_the_system_refuses_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = Runner(Workers(limit=1))
    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", refuse_thread)
        assert "can't start new thread" in (await runner.carry_out(plain(lambda: "no"), {}))["message"]
    assert (await runner.carry_out(plain(lambda: "yes"), {}))["message"] == "yes"


def refuse_thread(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


async def test_a_tool_may_say_itself_what_is_wrong_and_whether_to_try_again() -> None:
    async def run() -> None:
        raise ToolError("The bath is too hot.", retryable=True)

    answer = await Runner().carry_out(plain(run), {})
    assert answer == {"status": "error", "message": "The bath is too hot.", "retryable": True}


async def test_a_tools_own_time_limit_is_an_ordinary_error() -> None:
    async def run() -> None:
        raise TimeoutError("the heating does not answer")

    runner = Runner()
    assert "the heating does not answer" in (await runner.carry_out(plain(run), {}))["message"]
    assert runner.timeouts == 0
