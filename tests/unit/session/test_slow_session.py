"""A session call by call: what is asked, what is heard, and in which order; and who dials it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

import pytest
from fakes import settled
from planned_sessions import PlannedSession

from daemon.server_events import (
    GenerationComplete,
    GoAway,
    NotUnderstood,
    ReplyAudio,
    ServerEvent,
    ServerInterrupted,
    ToolCall,
    ToolCallCancelled,
    Transcript,
    TurnComplete,
    Usage,
)
from daemon.session.content import (
    AnswerPart,
    Contribution,
    FunctionCall,
    FunctionResult,
    NotSpoken,
    Spoken,
    Words,
)
from daemon.session.failures import Failure, FailureKind, LinkError
from daemon.session.slow import dialler as fallback
from daemon.session.slow import ways
from daemon.session.slow.dialler import FallbackDialler, SlowWay
from daemon.session.slow.session import MAX_KEPT_BYTES, MAX_ROUNDS, Exchanges, SlowSession
from daemon.tools.calling.fates import ToolAnswer
from daemon.tools.declaring.declarations import Declaration, Equipment

QUESTION = bytes(640)
LOST = LinkError(Failure(FailureKind.NETWORK, "as planned"))


@dataclass
class Service:
    """Answers what the test has planned, one list of parts for each question."""

    answers: list[list[AnswerPart | Exception]] = field(default_factory=list)
    asked: list[list[Contribution]] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)
    mute: tuple[str, ...] = ()
    admitted: bool = True
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    async def speak(self, text: str, *, voice: str = "", language: str = "") -> AsyncGenerator[bytes, None]:
        self.spoken.append(text)
        if text in self.mute:
            raise NotSpoken("not this")
        yield text.encode()

    async def answer(
        self, said: Sequence[Contribution], *, instruction: str = "", declarations: Iterable[Declaration] = ()
    ) -> AsyncGenerator[AnswerPart, None]:
        self.asked.append(list(said))
        await self.may_answer.wait()
        for part in self.answers.pop(0):
            if isinstance(part, Exception):
                raise part
            yield part

    async def admits(self) -> bool:
        return self.admitted


def session_of(service: Service, past: Exchanges | None = None) -> SlowSession:
    return SlowSession(service, Equipment(lambda: "Be kind."), past or Exchanges(), because="http 502")


async def received(session: SlowSession, until: type = TurnComplete) -> list[ServerEvent]:
    """Everything up to the first event of this kind."""
    events: list[ServerEvent] = []
    async for event in session.receive():
        events.append(event)
        if isinstance(event, until):
            return events
    raise AssertionError("it ended")


async def ask(session: SlowSession, pcm: bytes = QUESTION) -> None:
    await session.start_activity()
    await session.send_audio(pcm[:320])
    await session.send_audio(pcm[320:])
    await session.end_activity()


async def test_an_utterance_is_asked_whole_and_its_answer_spoken_sentence_by_sentence() -> None:
    service = Service([[Words("It rains. Take"), Words(" a coat."), Usage(5, 7), TurnComplete()]])
    past = Exchanges()
    session = session_of(service, past)
    await ask(session)
    events = await received(session)
    assert service.asked == [[Contribution(by_model=False, parts=(Spoken(QUESTION),))]]
    assert [event.pcm for event in events if isinstance(event, ReplyAudio)] == [b"It rains.", b"Take a coat."]
    assert Transcript("model", " a coat.") in events
    assert Usage(5, 7) in events
    assert events[-2:] == [GenerationComplete(), TurnComplete()]
    assert past.said[-1].by_model


async def test_what_was_said_counts_as_leaving_until_the_answer_begins() -> None:
    service = Service([[Words("Yes."), TurnComplete()]])
    service.may_answer.clear()
    session = session_of(service)
    await ask(session)
    await settled()
    evidence = session.evidence()
    assert evidence is not None
    assert evidence.outstanding_bytes == len(QUESTION)
    service.may_answer.set()
    await received(session)
    evidence = session.evidence()
    assert evidence is not None
    assert evidence.outstanding_bytes == 0


async def test_calls_are_carried_out_and_the_model_is_asked_again_with_what_they_gave() -> None:
    call = FunctionCall("1", "light", {"on": True}, b"signed")
    service = Service([[call, TurnComplete()], [Words("Done."), TurnComplete()]])
    session = session_of(service)
    await session.send_text("light on")
    events = await received(session, ToolCall)
    assert events[-1] == ToolCall("1", "light", {"on": True})
    await session.send_tool_answer(ToolAnswer("unknown", "light", {}))
    await session.send_tool_answer(ToolAnswer("1", "light", {"status": "ok"}))
    await received(session)
    assert [one.parts[0] for one in service.asked[1]] == [
        Words("light on"), call, FunctionResult("1", "light", {"status": "ok"}),
    ]  # fmt: skip


async def test_a_model_that_calls_without_end_is_stopped() -> None:
    call = FunctionCall("1", "again")
    session = session_of(Service([[call, TurnComplete()] for _ in range(MAX_ROUNDS)]))
    await session.send_text("go")
    for _ in range(MAX_ROUNDS):
        await received(session, ToolCall)
        await session.send_tool_answer(ToolAnswer("1", "again", {}))
    assert (await received(session))[-1] == TurnComplete("TOO_MANY_TOOL_CALLS")


async def test_whoever_speaks_over_an_answer_cuts_it_as_the_service_would() -> None:
    call = FunctionCall("1", "slow")
    service = Service([[Words("Wait. "), call, TurnComplete()], [Words("Yes."), TurnComplete()]])
    past = Exchanges()
    session = session_of(service, past)
    await ask(session)
    await received(session, ToolCall)
    await session.start_activity()
    assert await received(session) == [ToolCallCancelled(("1",)), ServerInterrupted(), TurnComplete()]
    assert not past.said
    await session.send_audio(QUESTION)
    await session.end_activity()
    assert ReplyAudio(b"Yes.") in await received(session)


async def test_an_utterance_without_sound_is_answered_by_silence() -> None:
    session = session_of(Service())
    await session.start_activity()
    await session.end_activity()
    assert await received(session) == [TurnComplete()]


async def test_a_failure_and_a_bug_reach_who_receives() -> None:
    for error in (LOST, ZeroDivisionError("a bug")):
        session = session_of(Service([[Words("It "), error]]))
        await ask(session)
        with pytest.raises(type(error)):
            await received(session)


async def test_a_sentence_that_cannot_be_spoken_is_passed_over_and_counted() -> None:
    service = Service([[Words("One. Two."), TurnComplete()]], mute=("One.",))
    session = session_of(service)
    await ask(session)
    events = await received(session)
    assert NotUnderstood("not this") in events
    assert ReplyAudio(b"Two.") in events


async def test_an_answer_without_a_word_is_kept_as_one_that_had_none() -> None:
    past = Exchanges()
    session = session_of(Service([[TurnComplete("SAFETY")]]), past)
    await ask(session)
    assert (await received(session))[-1] == TurnComplete("SAFETY")
    assert past.said[-1].parts == (Words("…"),)


async def test_what_goes_no_way_here_does_nothing() -> None:
    session = session_of(Service())
    await session.end_stream()
    await session.send_video(b"")
    await session.ping()
    session.abort()
    session.go_away(600.0)
    assert await received(session, GoAway) == [GoAway(600.0)]
    await ask(session)
    session.abort()


def test_the_past_is_bounded_and_forgets_whole_turns() -> None:
    past = Exchanges()
    call, result = FunctionCall("1", "x"), FunctionResult("1", "x", {})
    turn = [
        Contribution(by_model=False, parts=(Spoken(bytes(MAX_KEPT_BYTES // 4)),)),
        Contribution(by_model=True, parts=(call,)),
        Contribution(by_model=False, parts=(result,)),
        Contribution(by_model=True, parts=(Words("ok"),)),
    ]
    for _ in range(5):
        past.add(turn)
        assert past.said[0] == turn[0]
    assert len(past.said) == 12


# --- who dials


class Live:
    """WebSockets that fail as the test wants, one failure for each try; None: it stands."""

    def __init__(self, *failures: LinkError | None) -> None:
        self.failures = list(failures)
        self.sessions: list[PlannedSession] = []

    @contextlib.asynccontextmanager
    async def session(self, handle: str | None) -> AsyncIterator[PlannedSession]:
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        self.sessions.append(PlannedSession(handle))
        yield self.sessions[-1]


def dialler_of(live: Live, service: Service) -> FallbackDialler:
    slow = SlowWay(service, Equipment(lambda: ""))
    return FallbackDialler(live, slow, asyncio.get_running_loop().time)


async def detour_of(dialler: FallbackDialler) -> str:
    async with dialler.session("handle") as session:
        return session.detour


async def test_after_three_failures_the_slow_way_is_taken_if_only_https_passes() -> None:
    dialler = dialler_of(Live(LOST, LOST, LOST, LOST), Service())
    for _ in range(2):
        with pytest.raises(LinkError):
            await detour_of(dialler)
    assert await detour_of(dialler) == "as planned"


async def test_a_network_that_comes_back_just_now_is_not_taken_for_one_that_breaks_websockets() -> None:
    dialler = dialler_of(Live(LOST, LOST, LOST), Service())
    for _ in range(2):
        with pytest.raises(LinkError):
            await detour_of(dialler)
    assert await detour_of(dialler) == ""
    assert dialler.ways.failures == 0


async def test_a_service_that_closes_the_last_try_by_a_frame_is_asked_on() -> None:
    closed = LinkError(Failure(FailureKind.TRANSIENT, "setting up: close 1011", closed=True))
    dialler = dialler_of(Live(LOST, LOST, LOST, closed), Service())
    for _ in range(3):
        with pytest.raises(LinkError):
            await detour_of(dialler)
    assert await detour_of(dialler) == ""


async def test_where_https_does_not_pass_either_it_is_asked_again_at_each_failure() -> None:
    service = Service(admitted=False)
    dialler = dialler_of(Live(LOST, LOST, LOST, LOST, LOST, LOST), service)
    for _ in range(4):
        with pytest.raises(LinkError):
            await detour_of(dialler)
    service.admitted = True
    assert await detour_of(dialler) == "as planned"


async def test_sessions_that_stand_and_die_at_once_three_times_lead_to_the_slow_way() -> None:
    service = Service(admitted=False)
    dialler = dialler_of(Live(), service)
    for _ in range(4):
        with pytest.raises(LinkError):
            async with dialler.session(None):
                raise LOST
    service.admitted = True
    assert await detour_of(dialler) == "each connection ends at once"


async def test_a_session_that_dies_at_once_counts_and_one_that_ends_well_does_not() -> None:
    dialler = dialler_of(Live(), Service())
    for _ in range(2):
        with pytest.raises(LinkError):
            async with dialler.session(None):
                raise LOST
    assert dialler.ways.failures == 2
    assert await detour_of(dialler) == ""
    assert dialler.ways.failures == 0


async def test_a_set_up_that_hangs_is_given_up_sooner_after_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ways, "SHORT_SETUP_S", 0.01)
    monkeypatch.setattr(ways, "SURE_SETUP_S", 0.01)

    class Hangs(Live):
        @contextlib.asynccontextmanager
        async def session(self, handle: str | None) -> AsyncIterator[PlannedSession]:
            if self.failures:
                raise self.failures.pop()  # type: ignore[misc]  # no None is planned
            await asyncio.Event().wait()
            yield PlannedSession(handle)

    dialler = dialler_of(Hangs(LOST), Service())
    for _ in range(2):
        with pytest.raises(LinkError):
            await detour_of(dialler)
    assert await detour_of(dialler) == "setting up: timeout"


async def test_the_slow_session_is_left_once_a_session_passes_and_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ways, "FIRST_TRIAL_S", 0.0)
    monkeypatch.setattr(ways, "LONGEST_TRIAL_S", 0.0)
    monkeypatch.setattr(fallback, "LIVES_S", 0.01)
    dialler = dialler_of(Live(LOST, LOST, LOST, LOST, LOST), Service())
    for _ in range(2):
        with pytest.raises(LinkError):
            await detour_of(dialler)
    async with dialler.session(None) as session:
        async with asyncio.timeout(20):
            event = await anext(aiter(session.receive()))
        assert event == GoAway(fallback.LEAVE_S)
    assert await detour_of(dialler) == ""
