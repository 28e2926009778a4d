"""One fault at one moment: how it is brought about, and what user, lights and log made of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from rig import HELLO, Rig, running_rig, with_keys

from daemon.conductor.ledger import Mark
from daemon.config.settings import Settings
from daemon.lights.scenes import Scene
from daemon.session.failures import FailureKind
from daemon.standin.actions import Close, Reset
from daemon.standin.plan import Plan
from daemon.standin.voices import Tone, Voice
from daemon.words import Earcon, Outcome
from hw.base import MIC_FORMAT

SETTINGS = with_keys(
    Settings(),
    vad={"silence_ms": 200, "silence_max_ms": 0},
    trigger={"follow_up_s": 0.0},
    live={"setup_timeout_s": 2.0, "fallback": "off"},
)
"""Short pauses and no follow-up window, so that a turn takes two seconds."""

WORD = Tone(0.2)
"""A short reply."""

SHORT = HELLO[: MIC_FORMAT.bytes(0.4)]
"""What is said by somebody who holds the button: it needs no end that can be heard."""

SPEECH = Tone(1.6)
"""A reply in which something can happen."""


@dataclass(frozen=True, slots=True)
class Patience:
    """The daemon's time limits."""

    settings: Settings = SETTINGS
    dialogue: Mapping[str, float] = field(default_factory=dict)
    link: Mapping[str, float] = field(default_factory=dict)
    jitter: float | None = None


QUICK = Patience(
    dialogue={
        "unusual_s": 0.5,
        "least_unusual_s": 0.5,
        "answer_timeout_s": 1.5,
        "stall_timeout_s": 1.0,
        "end_timeout_s": 0.5,
    },
    link={"first_back_off_s": 0.1, "ask_pause_s": 0.0},
    jitter=0.0,
)
"""Shorter than any setting may make them, and the same pauses every time."""

SHIPPED = Patience(with_keys(SETTINGS, live={"setup_timeout_s": 12.0}), link={"ask_pause_s": 0.0})
"""As everybody has them, for a user who has waited ten seconds before asking a service again that refused."""


class Point(Enum):
    """Where the conversation is when the fault comes."""

    CONNECTING = "connecting"
    """From the first connection on, until the user has spoken."""
    IDLE = "idle"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"


MOMENTS = {
    Point.IDLE: "idle_s=0.1",
    Point.LISTENING: "audio_ms=400",
    Point.THINKING: "reply_start",
    Point.SPEAKING: "reply_ms=600",
}
"""The plan's trigger for each point; CONNECTING has several."""


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the matrix."""

    fault: str
    """In words."""
    point: Point
    do: str
    """What the stand-in does, as a plan has it in TOML."""
    warns: FailureKind | str | None = None
    """The one WARNING: a class of failure, or words of it. None: there is none."""
    outcome: Outcome = Outcome.ANSWERED
    tones: tuple[Earcon, ...] = ()
    """Earcons of the turn, after the one that says that it listens."""
    shows: Scene | None = None
    """The scene that no healthy turn has, and that must be seen."""
    when: str = ""
    """The plan's trigger, if it is not the point's own."""
    then: str = ""
    """More rules of the plan."""
    voice: Voice = WORD

    @property
    def plan(self) -> Plan:
        """What the stand-in does wrong."""
        when, nth = self.when or MOMENTS[self.point], '"every"' if self.lasts else 1
        return Plan.from_toml(f'[[rule]]\nwhen = "{when}"\nnth = {nth}\ndo = {self.do}\n{self.then}')

    @property
    def lasts(self) -> bool:
        """Whether the fault is there until it is healed, and not once."""
        return self.point is Point.CONNECTING

    @property
    def drops(self) -> bool:
        """Whether the fault is the end of the connection."""
        return any(isinstance(action, Close | Reset) for action in self.plan.rules[0].do)

    @property
    def title(self) -> str:
        """Point and fault, as one line."""
        return f"{self.point.value}: {self.fault}"


@dataclass(frozen=True, slots=True)
class Told:
    """One turn of the user, as it went."""

    outcome: object
    earcons: list[object]
    reply_s: object
    """Seconds of reply that the daemon took, over all connections."""
    sent: list[bool]
    """For each turn that the stand-in has answered, or else the last: whether all that was said was in it,
    sample for sample."""


@dataclass(slots=True)
class Story:
    """What came of a case."""

    turns: list[Told] = field(default_factory=list)
    """The turn with the fault, then one without."""
    scenes: list[str] = field(default_factory=list)
    """What the lights showed, from the start to the end of the turn with the fault."""
    warnings: list[str] = field(default_factory=list)
    back_s: float | None = None
    """From the end of the fault to the set-up of the connection that was used then; None: there was none."""
    reply_delay_s: float | None = None
    """From the end of speech (or of a fault that lasted longer) to the reply; None: there was none."""


STAGE: ContextVar[list[str] | None] = ContextVar("STAGE", default=None)
"""Where the warnings of this task, and of those that it started, belong: several daemons run at once."""


class Log(logging.Handler):
    """Collects the warnings of one daemon."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the text."""
        if STAGE.get() is self.lines:
            self.lines.append(record.getMessage())


@contextlib.contextmanager
def warnings_into(lines: list[str]) -> Iterator[None]:
    """Collect what a daemon that is started inside warns of."""
    log = Log(lines)
    logging.getLogger("daemon").addHandler(log)
    token = STAGE.set(lines)
    try:
        yield
    finally:
        STAGE.reset(token)
        logging.getLogger("daemon").removeHandler(log)


@contextlib.asynccontextmanager
async def patient_rig(patience: Patience, **more: Any) -> AsyncIterator[Rig]:
    """A rig with these time limits."""
    async with running_rig(
        patience.settings, policy=patience.dialogue, link=patience.link, jitter=patience.jitter, **more
    ) as rig:
        yield rig


async def play(case: Case, patience: Patience = QUICK, *, again: bool = True) -> Story:
    """Live through the case, then, if `again`, have a turn without any fault."""
    story = Story()
    with warnings_into(story.warnings):
        async with patient_rig(patience, voice=case.voice, plan=case.plan) as rig:
            fault_s = asyncio.create_task(moment(rig, lambda: afflicted(rig)))
            over_s = await (outlast(rig, case) if case.lasts else suffer(rig, case))
            await rig.until_turns_over(timeout_s=40.0)
            over_s = over_s or await fault_s
            fault_s.cancel()
            await settle(rig, case)
            note_recovery(rig, case, story, over_s)
            story.turns.append(tell(rig))
            story.scenes = list(rig.scenes)
            if again:
                story.turns.append(await another_turn(rig))
    return story


def afflicted(rig: Rig) -> bool:
    """Whether the plan has done anything yet."""
    return any(connection.faults for connection in rig.standin.record.connections)


async def moment(rig: Rig, what: Callable[[], object]) -> float:
    """When something came to be so, on the monotonic clock."""
    await rig.until(what, timeout_s=40.0)
    return time.monotonic()


async def outlast(rig: Rig, case: Case) -> float:
    """Nothing works until the user has spoken; then all is well. Returns when that was."""
    await rig.until(lambda: rig.conure.parts.connection.report()["failures"])
    rig.tap()
    rig.say()
    if case.outcome is Outcome.FAILED:
        await rig.until_turns_over()
    else:
        await rig.until_state("sending")
    rig.follow(Plan())
    return time.monotonic()


async def suffer(rig: Rig, case: Case) -> float | None:
    """Something happens once, before or in a turn."""
    await rig.until_online()
    if case.point is Point.IDLE:
        await rig.until(lambda: noticed(rig) if case.drops else afflicted(rig))
    rig.tap()
    rig.say()
    return None


def noticed(rig: Rig) -> bool:
    """Whether the daemon knows that its connection has ended."""
    closed = any(not connection.open for connection in rig.standin.record.connections)
    return closed and rig.conure.parts.connection.report()["state"] != "online"


async def settle(rig: Rig, case: Case) -> None:
    """Wait for the way back, where there is one without being asked."""
    rig.follow(Plan())
    asks = isinstance(case.warns, FailureKind) and case.warns.name.startswith(("REFUSED", "QUOTA"))
    if not asks:
        await rig.until(lambda: rig.conure.parts.connection.report()["state"] in ("online", "offline"))


def note_recovery(rig: Rig, case: Case, story: Story, over_s: float) -> None:
    """How long it took from the end of the fault."""
    connections = rig.standin.record.connections
    asked = [connection for connection in connections if connection.turns]
    ups = [connection.setup_complete_s for connection in (*asked[-1:], *connections)]
    later = (up_s - over_s for up_s in ups if up_s is not None and up_s > over_s)
    story.back_s = next(later, None)
    marks = rig.conure.parts.ledger.turns[-1].marks
    if Mark.FIRST_REPLY in marks:
        asked_s = max(marks[Mark.SPEECH_ENDED], over_s if case.lasts else 0.0)
        story.reply_delay_s = marks[Mark.FIRST_REPLY] - asked_s


def tell(rig: Rig, said: bytes = HELLO, before: int = 0, earcons: int = 0) -> Told:
    """The newest turn, of which the stand-in saw the turns from `before` on, and the user those earcons."""
    note = rig.turns_over()[-1]
    asked = rig.standin.record.turns[before:]
    answered = [turn for turn in asked if turn.reply.generation_complete_s is not None]
    sent = [said in turn.pcm for turn in answered or asked[-1:]]
    return Told(note["outcome"], rig.earcons[earcons:], note["reply_s"], sent)


async def another_turn(rig: Rig) -> Told:
    """Once more, shortly."""
    await rig.until(lambda: rig.board.mic.quiet_s and not rig.board.speaker.sounding)
    rig.voice.now = WORD
    turns, earcons = len(rig.standin.record.turns), len(rig.earcons)
    over, begun_s = len(rig.turns_over()), rig.board.mic.said_s
    rig.press()
    rig.say(SHORT)
    await rig.until(lambda: MIC_FORMAT.bytes(rig.board.mic.said_s - begun_s) >= len(SHORT))
    rig.release()
    await rig.until_turns_over(over + 1)
    return tell(rig, SHORT, turns, earcons)
