"""The whole daemon on the simulated board, with the real SDK and the stand-in, for scenario tests.

Nothing here reads the daemon's own state to decide whether a promise holds: what left the device is taken
from the stand-in's record, what was heard from the simulated speaker, what was shown from the lights'
history.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
import time
import wave
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.config.settings import Settings
from daemon.lights.ladder import Conditions
from daemon.lights.lamp import Lamp
from daemon.run import lifecycle
from daemon.run.assembly import Conure, build
from daemon.run.choices import Choices, Decider, decide
from daemon.run.dial import STAND_IN_KEY, load_client
from daemon.runtime.feed import Note
from daemon.standin.plan import Plan
from daemon.standin.server import StandIn
from daemon.standin.voices import Echo, Voice
from daemon.standin.world import Pace
from hw.base import MIC_FORMAT, SPEAKER_FORMAT
from hw.simulated.board import SENTENCE_WAV, SimulatedBoard

WIRE_TOLERANCE_S = 0.1
"""Between the daemon's last word to its socket and the stand-in's note of its arrival: loopback, a busy
machine, and both in one event loop."""


def wav_samples(path: Path = SENTENCE_WAV) -> bytes:
    """The PCM of a WAV file."""
    with wave.open(str(path), "rb") as wav:
        return bytes(wav.readframes(wav.getnframes()))


SENTENCE = wav_samples()
"""Some three seconds, with pauses."""

HELLO = SENTENCE[: 36 * MIC_FORMAT.chunk_bytes]
"""Its first two words, 0.72 s: enough to be a turn, and short, since the tests take place in real time."""


class ChangingVoice:
    """A voice of the stand-in that can be replaced between turns."""

    def __init__(self, voice: Voice) -> None:
        self.now = voice

    def reply(self, heard: bytes, text: str | None) -> Any:
        """As the present voice answers."""
        return self.now.reply(heard, text)


class WatchedLamp(Lamp):
    """Lights that remember every scene they were told to show, in order."""

    def __init__(self, board: SimulatedBoard) -> None:
        self.scenes: list[str] = []
        super().__init__(board.open_leds(), time.monotonic)

    def refresh(self, conditions: Conditions) -> None:
        """Show, and remember what."""
        super().refresh(conditions)
        if not self.scenes or self.scenes[-1] != self.scene.name:
            self.scenes.append(self.scene.name)


@dataclass(slots=True)
class Rig:
    """A running daemon and everything around it."""

    conure: Conure
    board: SimulatedBoard
    standin: StandIn
    voice: ChangingVoice
    notes: list[Note] = field(default_factory=list)
    scenes: list[str] = field(default_factory=list)
    """Every scene that the lights were told to show, in order."""
    told: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there is another note."""

    # --- what a user does

    def press(self) -> None:
        """The button goes down."""
        self.board.button.press()

    def release(self) -> None:
        """The button comes up."""
        self.board.button.release()

    def tap(self) -> None:
        """A short press."""
        self.press()
        self.release()

    def say(self, pcm: bytes = HELLO) -> None:
        """The room says something, after what is still being said."""
        self.board.mic.say(pcm)

    async def ask_aloud(self) -> None:
        """A question after a tap, as soon as there is a session."""
        await self.until_online()
        self.say()
        self.tap()

    async def command(self, name: str, **args: Any) -> Any:
        """As `conure NAME` does."""
        return await self.conure.commands.handle(name, args)

    # --- what the service does

    def follow(self, plan: Plan) -> None:
        """From now on the stand-in does this wrong, and nothing else."""
        self.standin.follow(plan)

    # --- waiting for what happens

    async def until(self, what: Callable[[], object], timeout_s: float = 15.0) -> None:
        """Wait until something is so, looking whenever anything is told, and each few milliseconds."""
        try:
            async with asyncio.timeout(timeout_s):
                while not what():
                    self.told.clear()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self.told.wait(), 0.005)
        except TimeoutError:
            raise TimeoutError(
                f"not within {timeout_s} s; notes: {self.notes[-8:]}; record: {self.standin.record.summary()}"
            ) from None

    async def noted(self) -> None:
        """Wait until all that has been told so far stands in the notes."""
        self.conure.parts.feed.tell("noted", upto=(mark := object()))
        await self.until(lambda: any(note.get("upto") is mark for note in self.notes))

    def reached(self, state: str, count: int = 1) -> bool:
        """Whether this state has been entered so often."""
        return sum(note.get("state") == state for note in self.notes) >= count

    async def until_state(self, state: str, count: int = 1, timeout_s: float = 15.0) -> None:
        """Wait until a state has been entered `count` times since the start."""
        await self.until(lambda: self.reached(state, count), timeout_s)

    async def until_turns_over(self, count: int = 1, timeout_s: float = 30.0) -> None:
        """Wait until so many turns have ended."""
        await self.until(lambda: len(self.turns_over()) >= count, timeout_s)

    async def until_online(self) -> None:
        """Wait until the session is set up."""
        await self.until(lambda: self.conure.parts.connection.report()["state"] == "online")

    def turns_over(self) -> list[Note]:
        """The ledger's lines so far."""
        return [note for note in self.notes if note["event"] == "turn"]

    @property
    def states(self) -> list[object]:
        """Every state that was entered, in order."""
        return [note["state"] for note in self.notes if note["event"] == "state"]

    @property
    def earcons(self) -> list[object]:
        """Every earcon that was asked for, in order."""
        return [note["name"] for note in self.notes if note["event"] == "earcon"]

    # --- what was heard and shown

    def heard(self) -> NDArray[np.int16]:
        """What the speaker has played until now."""
        return np.frombuffer(self.board.speaker.heard(), dtype="<i2")

    def blue_spans(self) -> list[tuple[float, float]]:
        """When the lights said that the microphone is open to the network."""
        spans: list[tuple[float, float]] = []
        since_s: float | None = None
        for at_s, pixels in self.board.leds.history:
            blue = any(pixel.blue for pixel in pixels)
            if blue and since_s is None:
                since_s = at_s
            elif not blue and since_s is not None:
                spans.append((since_s, at_s))
                since_s = None
        if since_s is not None:
            spans.append((since_s, float("inf")))
        return spans

    def assert_light_promise(self, stalled_s: float = 0.0) -> None:
        """Audio reached the server only while blue was lit, and no pixel was blue in only a part.

        `stalled_s`: so long at most the event loop stood still, and with it the stand-in's taking note.
        """
        late_s = WIRE_TOLERANCE_S + stalled_s
        spans = self.blue_spans()
        for connection in self.standin.record.connections:
            for message in connection.audio:
                assert any(since_s <= message.at_s <= until_s + late_s for since_s, until_s in spans), (
                    f"audio arrived at {message.at_s:.3f} while the light was off: {spans}"
                )
        for _, pixels in self.board.leds.history:
            assert len({pixel.blue > 0 for pixel in pixels}) == 1


@contextlib.asynccontextmanager
async def running_rig(
    settings: Settings | None = None,
    *,
    voice: Voice | None = None,
    plan: Plan | None = None,
    pace: Pace | None = None,
    policy: Mapping[str, Any] | None = None,
    link: Mapping[str, Any] | None = None,
    jitter: float | None = None,
    base_url: str = "",
    trust: ssl.SSLContext | None = None,
    board: SimulatedBoard | None = None,
    control: Path | None = None,
    **board_keys: Any,
) -> AsyncIterator[Rig]:
    """A daemon that is READY; checks the light promise at the end.

    `policy` and `link` change fields of the dialogue's and of the link's policy that no setting reaches;
    `jitter` (0 to 1) is that of every back-off. `base_url` and `trust` lead to another server. `control` is
    where its control socket is to be.
    """
    settings = settings or Settings()
    changing = ChangingVoice(voice or Echo())
    standin = StandIn(changing, plan, pace=pace)
    simulated = board or SimulatedBoard(**board_keys)
    async with standin:
        lamp = WatchedLamp(simulated)
        conure = build(
            settings,
            simulated,
            stand_in=True,
            choose=changed(policy or {}, link or {}),
            lamp=lamp,
            chance=random.random if jitter is None else lambda: jitter,
        )
        rig = Rig(conure, simulated, standin, changing, scenes=lamp.scenes)
        watcher = asyncio.create_task(_take_notes(rig))
        dial = partial(
            load_client,
            settings,
            STAND_IN_KEY,
            base_url or standin.base_url,
            trust or standin.client_ssl_context(),
        )
        await asyncio.sleep(0)
        try:
            async with lifecycle.running(conure, dial, control=control):
                yield rig
        finally:
            watcher.cancel()
        rig.assert_light_promise()


def changed(policy: Mapping[str, Any], link: Mapping[str, Any]) -> Decider:
    """Decides as the daemon does, but for these fields."""

    def choose(settings: Settings, *, has_button: bool, echo_free: bool) -> Choices:
        choices = decide(settings, has_button=has_button, echo_free=echo_free)
        return Choices(replace(choices.dialogue, **policy), replace(choices.link, **link))

    return choose


async def _take_notes(rig: Rig) -> None:
    async for note in rig.conure.parts.feed.watch():
        rig.notes.append(note | {"at_s": time.monotonic()})
        rig.told.set()


def with_keys(settings: Settings, **tables: dict[str, Any]) -> Settings:
    """The settings with some keys changed: `with_keys(s, vad={"silence_ms": 300})`."""
    changed = {name: replace(getattr(settings, name), **keys) for name, keys in tables.items()}
    return replace(settings, **changed)


def correlation(heard: NDArray[np.int16], said_16k: bytes) -> float:
    """The best normalised correlation of what was said (16 kHz) with a stretch of what was heard (24 kHz).

    From -1 to 1, over all alignments; by FFT.
    """
    said = np.frombuffer(said_16k, dtype="<i2").astype(np.float64)
    grid = np.arange(0, len(said) - 1, MIC_FORMAT.rate_hz / SPEAKER_FORMAT.rate_hz)
    said = np.interp(grid, np.arange(len(said)), said)
    wide = heard.astype(np.float64)
    if len(wide) < len(said):
        return 0.0
    size = 1 << (len(wide) + len(said)).bit_length()
    product = np.fft.irfft(np.fft.rfft(wide, size) * np.conj(np.fft.rfft(said, size)), size)
    products = product[: len(wide) - len(said) + 1]
    energy = np.concatenate(([0.0], np.cumsum(wide**2)))
    windows = energy[len(said) :] - energy[: -len(said)]
    norms = np.sqrt(np.maximum(windows, 1.0) * np.sum(said**2))
    return float(np.max(products / norms))
