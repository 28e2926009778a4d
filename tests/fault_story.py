"""One fault at one moment: how it is brought about, and what the user, the lights and the log made of it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from daemon.failures import FailureKind
from daemon.scenes import Scene
from daemon.settings import Settings
from daemon.standin import Pace, Plan, Tone, TurnRecord, Voice
from daemon.words import Earcon, Outcome
from rig import HELLO, Rig, running_rig, with_keys

SETTINGS = with_keys(
    Settings(),
    vad={"silence_ms": 200},
    trigger={"follow_up_s": 0.0},
    live={"setup_timeout_s": 2.0, "answer_timeout_s": 3.0},
    sound={"volume": 100},
)
"""Short pauses and no follow-up window, so that a turn takes two seconds; the shortest time limits."""

IMPATIENT = {"answer_timeout_s": 1.0, "stall_timeout_s": 1.0, "end_timeout_s": 0.5}
"""Time limits of the dialogue that are shorter than any setting may make them."""

ASKABLE = {"ask_pause_s": 0.0}
"""Each trigger tries a service that refused, however soon."""

WORD = Tone(0.4)
"""A short reply."""

SPEECH = Tone(1.6)
"""A reply that something can happen in."""


class Point(Enum):
    """Where the conversation is when the fault comes; for docs and test names."""

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
    """In words, for the documentation."""
    point: Point
    do: str
    """What the stand-in does, as a plan has it in TOML."""
    warns: FailureKind | str | None = None
    """The one WARNING: a class of failure, or words of it. None: there is none."""
    outcome: Outcome = Outcome.ANSWERED
    tones: tuple[Earcon, ...] = ()
    """Earcons of the first turn, after the one that says that it listens."""
    shows: Scene | None = None
    """A scene that no healthy turn has, and that must be seen."""
    when: str = ""
    """The plan's trigger, if it is not the point's own."""
    nth: str = "1"
    then: str = ""
    """More rules of the plan."""
    voice: Voice = WORD
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    slow: bool = False

    @property
    def plan(self) -> Plan:
        """What the stand-in does wrong."""
        lasts = self.point is Point.CONNECTING
        when, nth = self.when or MOMENTS[self.point], '"every"' if lasts else self.nth
        return Plan.from_toml(f'[[rule]]\nwhen = "{when}"\nnth = {nth}\ndo = {self.do}\n{self.then}')

    @property
    def title(self) -> str:
        """Point and fault, as one line."""
        return f"{self.point.value}: {self.fault}"


@dataclass(slots=True)
class Story:
    """What came of it."""

    outcomes: list[object] = field(default_factory=list)
    """Of the turn with the fault, and of the one after it."""
    earcons: list[list[object]] = field(default_factory=list)
    scenes: list[str] = field(default_factory=list)
    """Up to the end of the turn with the fault and the way back from it."""
    warnings: list[str] = field(default_factory=list)
    answered: list[list[TurnRecord]] = field(default_factory=list)
    """For each turn of the user, the turns at the stand-in that got a reply."""
    fault_s: float = 0.0
    over_s: float = 0.0
    """When the fault ended: for one that lasts, when it was healed."""
    back_s: float | None = None
    """From the end of the fault to the next set-up; None: the connection held."""
    first_reply_ms: object = None
    """From the end of speech to the first audio of the reply."""


class Log(logging.Handler):
    """Collects the daemon's warnings."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the text."""
        self.lines.append(record.getMessage())


async def play(case: Case, policy: Mapping[str, Any] | None = None) -> Story:
    """Live through the case, then have a turn without any fault."""
    story, log = Story(), Log()
    logging.getLogger("daemon").addHandler(log)
    settings = with_keys(SETTINGS, **{table: dict(keys) for table, keys in case.settings.items()})
    try:
        async with running_rig(
            settings, voice=case.voice, plan=case.plan, policy=policy or IMPATIENT, link=ASKABLE,
            pace=Pace(thinking_s=0.05),
        ) as rig:  # fmt: skip
            watch = asyncio.create_task(rig.until(lambda: afflicted(rig), timeout_s=30.0))
            watch.add_done_callback(lambda _: setattr(story, "fault_s", time.monotonic()))
            await (through_outage if case.point is Point.CONNECTING else through_fault)(rig, case, story)
            await watch
            await tell_first(rig, story)
            await second_turn(rig, story)
    finally:
        logging.getLogger("daemon").removeHandler(log)
    story.warnings = log.lines
    return story


def afflicted(rig: Rig) -> bool:
    """Whether the plan has done anything yet."""
    return any(connection.faults for connection in rig.standin.record.connections)


async def through_outage(rig: Rig, case: Case, story: Story) -> None:
    """Nothing works until the user has spoken; then all is well."""
    await rig.until(lambda: rig.daemon.parts.connection.link.failures)
    rig.tap()
    rig.say()
    if case.outcome is Outcome.FAILED:
        await rig.until_turns_over()
    else:
        await rig.until_state("sending")
    rig.follow(Plan())
    story.over_s = time.monotonic()
    await rig.until_turns_over()


async def through_fault(rig: Rig, case: Case, story: Story) -> None:
    """Something happens once, before or in a turn."""
    await rig.until_online()
    if case.point is Point.IDLE:
        await rig.until(lambda: afflicted(rig) and server_and_daemon_agree(rig))
    rig.tap()
    rig.say()
    await rig.until_turns_over()


def server_and_daemon_agree(rig: Rig) -> bool:
    """Whether the daemon has noticed what became of its connection."""
    online = rig.daemon.reporter.link()["state"] == "online"
    return online == any(connection.open for connection in rig.standin.record.connections)


async def tell_first(rig: Rig, story: Story) -> None:
    """Note what the first turn was like."""
    story.over_s = story.over_s or story.fault_s
    rig.follow(Plan())
    record = rig.standin.record
    (turn,) = rig.turns_over()
    story.outcomes.append(turn["outcome"])
    story.first_reply_ms = turn["end_to_first_reply_ms"]
    story.answered.append([turn for turn in record.turns if turn.reply.audio_bytes])
    story.earcons.append(rig.earcons)
    ups = [connection.setup_complete_s for connection in record.connections]
    later = [up_s - story.over_s for up_s in ups if up_s is not None and up_s > story.over_s]
    story.back_s = min(later, default=None)


async def second_turn(rig: Rig, story: Story) -> None:
    """Once more, without a fault."""
    await rig.until(lambda: rig.board.mic.quiet_s > 0.4 and not rig.board.speaker.sounding)
    rig.voice.now = WORD
    before, tones = len(rig.standin.record.turns), len(rig.earcons)
    story.scenes = list(rig.scenes)
    rig.tap()
    rig.say()
    await rig.until_turns_over(2)
    story.outcomes.append(rig.turns_over()[1]["outcome"])
    story.earcons.append(rig.earcons[tones:])
    story.answered.append([turn for turn in rig.standin.record.turns[before:] if turn.reply.audio_bytes])


def heard_all(turn: TurnRecord) -> bool:
    """Whether all that was said reached the server in this turn, sample for sample."""
    return HELLO in turn.pcm
