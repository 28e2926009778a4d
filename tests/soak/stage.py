"""The daemon on a board that lives ten times faster, a server that answers with stamps, and the user."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rig import Rig, running_rig, with_keys

from daemon.conductor import reply_gate
from daemon.config.settings import Settings
from daemon.session.gemini import wire
from daemon.standin import server as standin_server
from daemon.standin.plan import Plan
from daemon.standin.record import ConnectionRecord
from daemon.standin.world import Pace
from daemon.words import Phase
from hw.base import MIC_FORMAT
from soak.stamps import read_stamps, reply, utterance
from soak.steps import CONNECTING, DOWN, NOW, Step, rule

SPEED = 10.0
"""How much faster microphone and speaker live than the network."""

HOLD_S = 0.03
QUIET_S = 0.3
"""Of the microphone's own time, before a step begins: more than the silence that ends an utterance."""

LEFT_OPEN_S = 15.0
"""A step that has not come to rest after this has left something open: no time limit of the daemon's is as
long here."""

HURRIED = with_keys(
    Settings(),
    vad={
        "engine": "webrtc",
        "silence_ms": 200,
        "silence_max_ms": 0,
        "max_utterance_s": 100.0,
        "preroll_ms": 2000,
    },
    button={"hold_ms": round(HOLD_S * 1000), "double_ms": 40},
    trigger={"follow_up_s": 0.0},
    live={"setup_timeout_s": 1.0, "fallback": "off"},
    sound={"volume": 100, "spoken": False},
)
"""Full volume, so that samples compare; no spoken messages, which last for seconds.

What is said are made-up sounds, which the neural judge takes for no voice: so the cheap one hears them. The
slow way is off, for what is checked are sessions: where their set-ups fail three times it would answer.

The longest utterance decides how much the uplink ring holds: here ten seconds of real time, more than an
utterance may have to wait. The pre-roll covers 0.2 s between a press and the event loop's taking note of it.
"""

POLICY: dict[str, Any] = {
    "no_speech_s": 0.5,
    "unusual_s": 0.4,
    "least_unusual_s": 0.4,
    "answer_timeout_s": 1.0,
    "stall_timeout_s": 0.5,
    "end_timeout_s": 0.2,
    "hold_utterance_s": 6.0,
}
LINK: dict[str, Any] = {
    "idle_close_s": 0.6,
    "max_age_s": 5.0,
    "unannounced_left_s": 3.0,
    "leave_margin_s": 1.0,
    "first_back_off_s": 0.02,
    "first_pause_s": 0.02,
    "longest_back_off_s": 0.2,
    "longest_busy_back_off_s": 0.1,
    "slow_back_off_s": 0.1,
    "longest_slow_back_off_s": 0.2,
    "ask_pause_s": 0.0,
    "proven_after_s": 1.0,
}
DOZE_S = 0.7
"""A little more than `idle_close_s`."""

BEAT_S = 0.02
"""Shorter than what the light promise allows the wire."""

PACE = Pace(thinking_s=0.02, message_s=0.1, speed=100.0, playout=0.05)

_LASTING = (
    "stop_", "half_open", "never_answer", "go_away", "leaked_key", "quota", 'what = "turn_complete"',
    'what = "interrupted"',
)  # fmt: skip
"""Words of the faults that make a connection useless without ending it, or end it a little later; or that
leave the server a turn behind: only this user asks again within the milliseconds until its answer comes."""


class StampedVoice:
    """Answers each utterance with its own stamps, and another attempt each time that it hears it."""

    def __init__(self) -> None:
        self.chunks = 20
        self.said: dict[int, bytes] = {}
        """What was said in this step, by number."""
        self.whole: dict[tuple[int, int], bool] = {}
        """For each answer (number, attempt): whether all of what was said had been heard."""
        self._attempts: dict[int, int] = {}

    def begin(self, chunks: int) -> None:
        """A new step."""
        self.chunks = chunks
        for notes in (self.said, self.whole, self._attempts):
            notes.clear()

    def reply(self, heard: bytes, text: str | None) -> bytes:
        """The newest utterance in it is the one that is answered."""
        stamps = read_stamps(heard)
        if not stamps and not text:
            return b""
        number = stamps[-1].said if stamps else int((text or "").split()[-1])
        attempt = self._attempts[number] = self._attempts.get(number, 0) + 1
        self.whole[number, attempt] = self.said.get(number, b"") in heard
        return reply(number, attempt, self.chunks)


@dataclass(slots=True)
class Scene:
    """What came of one step."""

    step: Step
    said: dict[int, bytes]
    whole: dict[tuple[int, int], bool]
    outcomes: list[object]
    heard: bytes
    connections: list[ConnectionRecord]
    complaints: list[str] = field(default_factory=list)
    """What is wrong by itself: a promise that was broken, a step without an end."""


class Heartbeat:
    """Beats in the event loop, and so notices when it stands still: daemon and stand-in share one."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        """Between two beats, since the last `forget`."""

    def forget(self) -> None:
        """A new step."""
        self.longest_s = 0.0

    async def run(self) -> None:
        """Beat for ever."""
        beat_s = time.monotonic()
        while True:
            await asyncio.sleep(BEAT_S)
            before_s, beat_s = beat_s, time.monotonic()
            self.longest_s = max(self.longest_s, beat_s - before_s - BEAT_S)


class Stage:
    """Plays steps, one after the other."""

    def __init__(self, rig: Rig, voice: StampedVoice, heartbeat: Heartbeat) -> None:
        self.rig = rig
        self.voice = voice
        self._heartbeat = heartbeat

    # --- one step

    async def play(self, step: Step, act: Callable[[Stage, Step], Awaitable[None]]) -> Scene:
        """Do what the step says, wait until all is at rest, and tell what happened."""
        self._forget()
        self._heartbeat.forget()
        self.voice.begin(step.reply_chunks)
        complaints = []
        try:
            await self._begin_fault(step)
            await act(self, step)
            await self.rest()
        except TimeoutError as error:
            complaints.append(f"left open in {self.rig.conure.controller.state}: {error}")
        await self._end_fault(step)
        try:
            self.rig.assert_light_promise(self._heartbeat.longest_s)
        except AssertionError as error:
            complaints.append(f"light promise: {str(error)[:200]}")
        outcomes = [note["outcome"] for note in self.rig.turns_over()]
        return Scene(
            step, dict(self.voice.said), dict(self.voice.whole), outcomes,
            self.rig.board.speaker.heard(), list(self.rig.standin.record.connections), complaints,
        )  # fmt: skip

    def _forget(self) -> None:
        """What earlier steps have left in the tests' own notebooks."""
        rig = self.rig
        rig.notes.clear()
        rig.scenes.clear()
        rig.board.speaker.forget()
        rig.board.leds.forget()
        rig.standin.record.forget()

    async def _begin_fault(self, step: Step) -> None:
        rig = self.rig
        rig.follow(step.plan)
        if step.when in CONNECTING or step.do == DOWN:
            rig.standin.offline = step.do == DOWN
            rig.standin.abort()
            await rig.until(lambda: rig.conure.parts.connection.report()["state"] != "online")
            if step.do == DOWN:
                away_s = step.random().uniform(0.05, 0.5)
                asyncio.get_running_loop().call_later(away_s, self._back)
        elif step.when == NOW:
            for action in rule("activity_end", step.do).rules[0].do:
                await rig.standin.inject(action)
            await asyncio.sleep(step.random().choice((0.0, 0.005, 0.05)))

    async def _end_fault(self, step: Step) -> None:
        """Each step begins with a server that is well, so that its own fault is all that is wrong."""
        rig = self.rig
        self._back()
        rig.follow(Plan())
        if step.when in CONNECTING:  # a try that is under way has been refused already
            await rig.until(lambda: rig.conure.parts.connection.report()["state"] != "connecting")
        if any(word in step.do for word in _LASTING):
            rig.standin.poison_handles()
            rig.standin.abort()
            await rig.until(lambda: rig.conure.parts.connection.report()["state"] != "online")

    def _back(self) -> None:
        self.rig.standin.offline = False

    async def rest(self) -> None:
        """Nothing is under way, said or heard, and all that was has been noted."""
        await self.rig.until(self._at_rest, LEFT_OPEN_S)
        await self.rig.noted()

    def _at_rest(self) -> bool:
        rig = self.rig
        state = rig.conure.controller.state
        flushed = not rig.conure.parts.playback._flush  # else its thread may be writing what was cut
        quiet = rig.board.mic.quiet_s > QUIET_S and flushed and not rig.board.speaker.sounding
        return state.phase is Phase.IDLE and state.mic.can_hear and quiet and not state.mic.voice_active

    # --- what a user does

    def say(self, step: Step, second: int = 0) -> Callable[[], bool]:
        """Speak; returns what tells whether all of it has been said."""
        number = self.number(step, second)
        pcm = self.voice.said[number] = utterance(number, step.chunks)
        begun_s = self.rig.board.mic.said_s
        self.rig.say(pcm)
        return lambda: MIC_FORMAT.bytes(self.rig.board.mic.said_s - begun_s) >= len(pcm)

    @staticmethod
    def number(step: Step, second: int = 0) -> int:
        """Of the step's first or second utterance."""
        return (2 * step.number + second) % 2**16

    def ended(self, count: int = 1) -> bool:
        """Whether so many turns of this step have ended."""
        return len(self.rig.turns_over()) >= count

    async def hold(self, step: Step, second: int = 0) -> None:
        """Ask, with the button held."""
        pressed_s = time.monotonic()
        self.rig.press()
        said = self.say(step, second)
        await self.rig.until(lambda: said() and time.monotonic() > pressed_s + HOLD_S + 0.01)
        self.rig.release()

    async def some_moment(self, dice: random.Random) -> None:
        """Any time of a turn that has begun: by the clock, or the first instant of a phase."""
        phase = dice.choice((None, Phase.SENDING, Phase.THINKING, Phase.SPEAKING))
        if phase is None:
            await asyncio.sleep(dice.uniform(0.0, 0.3))
            return
        await self.rig.until(lambda: self.rig.reached(phase.value) or self.ended())

    async def double(self) -> None:
        """Press twice."""
        await self.pause_between_gestures()
        self.rig.tap()
        self.rig.tap()

    async def pause_between_gestures(self) -> None:
        """A press that comes sooner belongs to the one before."""
        await asyncio.sleep(HURRIED.button.double_ms / 1000 + 0.01)

    async def microphone(self, *, wanted: bool) -> None:
        """Wait until it is open, or closed."""
        await self.rig.until(lambda: self.rig.board.mic.is_open is wanted)

    async def speaking(self) -> bool:
        """Wait for a reply to sound; False where there is none."""
        await self.rig.until(lambda: self._speaks() or self.ended())
        return not self.ended()

    def _speaks(self) -> bool:
        return self.rig.conure.controller.state.phase is Phase.SPEAKING and self.rig.board.speaker.sounding


@contextlib.contextmanager
def hurried_limits() -> Iterator[None]:
    """Time limits that no setting and no policy reaches, as much shorter as the rest."""
    limits: list[tuple[Any, str, float]] = [
        (reply_gate, "OLD_END_TIMEOUT_S", 0.3),
        (reply_gate, "UNHEARD_END_TIMEOUT_S", 0.1),
        (standin_server, "CLOSE_TIMEOUT_S", 0.2),
    ]
    before = [(module, name, getattr(module, name)) for module, name, _ in limits]
    farewell_s = wire.TRANSPORT["close_timeout"]
    wire.TRANSPORT["close_timeout"] = 0.2
    try:
        for module, name, value in limits:
            setattr(module, name, value)
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)
        wire.TRANSPORT["close_timeout"] = farewell_s


@contextlib.asynccontextmanager
async def open_stage() -> AsyncIterator[Stage]:
    """A running daemon, and its user."""
    voice = StampedVoice()
    with hurried_limits():
        async with running_rig(HURRIED, voice=voice, pace=PACE, policy=POLICY, link=LINK, speed=SPEED) as rig:
            await rig.until_online()
            heartbeat = Heartbeat()
            beating = asyncio.create_task(heartbeat.run())
            try:
                yield Stage(rig, voice, heartbeat)
            finally:
                beating.cancel()
