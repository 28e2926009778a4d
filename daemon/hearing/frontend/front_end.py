"""The microphone's front end: from what was captured to what the detectors hear and what is sent.

The echo canceller works only while the speaker sounds and shortly after; the rest of the time it sleeps, and
the signal passes unchanged, so that waiting costs nothing. Its output is 8 ms late, so at both changes one
chunk is faded over: once those 8 ms are heard twice, once they are left out, without a click.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np

from daemon.hearing.features import level_dbfs
from daemon.hearing.frontend.far_end import FarEnd, Pcm
from daemon.hearing.frontend.guard import Guard
from daemon.hearing.frontend.linear import CLIPPED
from daemon.hearing.frontend.pace import Pace
from daemon.hearing.frontend.residue import CLIPPED_CHUNKS, SETTLING_CHUNKS, Residue
from hw.base import MIC_FORMAT

TAIL_S = 1.0
"""So long after the last sound from the speaker the canceller works on: an echo may be 0.3 s late, the room
rings 0.3 s, and the guard wants to hear a quiet speaker for a while."""

MAX_ALARMS = 3
"""After so many alarms of the guard the canceller is off until Conure is started again."""

GATED = "the echo canceller silenced the room; it is off until Conure is started again"

_FADE = np.linspace(0.0, 1.0, MIC_FORMAT.chunk_frames, dtype=np.float32)


class Echo(Enum):
    """What is done about the echo: the words of `conure status`."""

    ASLEEP = "asleep"
    CANCELLING = "cancelling"
    BYPASSED = "bypassed"
    """The guard gave the alarm: until this sound is over."""
    GIVEN_UP = "given_up"
    """The guard gave too many."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A chunk after the front end, 16 kHz mono s16."""

    heard: bytes
    """For voice detection and wake words."""
    sent: bytes
    """For the uplink."""
    residue_dbfs: float | None
    """What a voice must exceed to be no echo; None while there is no echo."""


class Canceller(Protocol):
    """`two_stages.TwoStages`, or a test's."""

    def begin(self) -> None:
        """A sound begins after a pause."""
        ...

    def process(self, near: Pcm, far: Pcm) -> Pcm:
        """A chunk without the echo."""
        ...

    def reset(self) -> None:
        """Forget the echo path."""
        ...


class FrontEnd:
    """Cleans chunk by chunk. `clean` and `restart`: capture thread; the rest: any."""

    def __init__(
        self,
        far_end: FarEnd | None = None,
        canceller: Canceller | None = None,
        polish: Callable[[bytes], bytes] | None = None,
        *,
        problem: str | None = None,
    ) -> None:
        """Without `far_end` and `canceller` no echo is cancelled; without `polish` nothing else is done.

        `problem` says why there is less than was asked for.
        """
        self.far_end = far_end
        """Told by the playback thread what it plays; None where nobody needs to know."""
        self._canceller = canceller
        self._problem = problem
        self._polish = polish
        self._pace = Pace()
        self._residue = Residue()
        self._guard = Guard()
        self._speech = False
        self._last = np.zeros(MIC_FORMAT.chunk_frames, np.int16)
        self.echo = Echo.ASLEEP
        self.alarms = 0
        """How often the canceller was found to gate the room to silence."""

    @property
    def cancels(self) -> bool:
        """Whether the microphone's signal is free of the speaker's, whenever that sounds."""
        return self._canceller is not None and self.echo not in (Echo.BYPASSED, Echo.GIVEN_UP)

    def report(self) -> dict[str, str | float | None]:
        """What `conure status` shows. Any thread."""
        return {
            "echo": self.echo.value if self._canceller is not None else "not_cancelled",
            "depth_db": round(self._residue.depth_db, 1) if self._canceller is not None else None,
            "problem": GATED if self.echo is Echo.GIVEN_UP else self._problem,
        }

    def counters(self) -> dict[str, int]:
        """What is counted. Any thread."""
        far_end = self.far_end
        return {
            "echo_alarms": self.alarms,
            "echo_reference_missed": far_end.missed if far_end else 0,
            "echo_reference_leaps": far_end.leaps if far_end else 0,
        }

    def restart(self) -> None:
        """The microphone was opened anew."""
        self._pace.restart()
        self._fall_asleep()

    def clean(self, chunk: bytes, now_s: float, floor_dbfs: float, *, speech: bool = False) -> Cleaned:
        """Take the chunk that was read at `now_s`; `floor_dbfs` is the room's noise floor.

        `speech`: somebody is speaking; the canceller then does not fall asleep, lest a word be faded over.
        Costs some 0.3 ms of CPU while the speaker sounds (x86), else a microsecond or two.
        """
        at_s = self._pace.chunk(now_s)
        self._speech = speech
        residue_dbfs = None
        if self._canceller is not None and self.far_end is not None:
            chunk, residue_dbfs = self._without_echo(chunk, at_s, floor_dbfs, self.far_end, self._canceller)
        sent = chunk if self._polish is None else self._polish(chunk)
        return Cleaned(chunk, sent, residue_dbfs)

    def _without_echo(
        self, chunk: bytes, at_s: float, floor_dbfs: float, far_end: FarEnd, canceller: Canceller
    ) -> tuple[bytes, float | None]:
        sounding = at_s < far_end.until_s + TAIL_S
        if self.echo is Echo.BYPASSED and not sounding:
            self.echo = Echo.ASLEEP
        if self.echo in (Echo.BYPASSED, Echo.GIVEN_UP):
            return chunk, None
        near = np.frombuffer(chunk, np.int16)
        if not sounding and self.echo is Echo.ASLEEP:
            self._last = near
            return chunk, None
        waking = self.echo is Echo.ASLEEP
        leaps = far_end.leaps
        far = far_end.read(at_s)
        if max(int(near.max()), -int(near.min())) >= CLIPPED * 32_768:
            self._residue.doubt(CLIPPED_CHUNKS)
        if waking or far_end.leaps > leaps:
            canceller.begin()
            canceller.process(self._last, np.zeros_like(near))  # its output is late, and begins with this
            self.echo = Echo.CANCELLING
            self._residue.doubt(SETTLING_CHUNKS)
        left = canceller.process(near, far)
        residue_dbfs = self._judge(chunk, left, far, floor_dbfs, canceller)
        if waking:
            left = _faded(near, left)
        elif not (sounding or self._speech) or not self.cancels:
            left = _faded(left, near)
            self._fall_asleep()
        self._last = near
        return left.tobytes(), residue_dbfs

    def _judge(self, chunk: bytes, left: Pcm, far: Pcm, floor_dbfs: float, canceller: Canceller) -> float:
        far_dbfs, mic_dbfs = level_dbfs(far.tobytes()), level_dbfs(chunk)
        left_dbfs = level_dbfs(left.tobytes())
        if self._guard.gates(far_dbfs, mic_dbfs, left_dbfs, floor_dbfs):
            self.alarms += 1
            canceller.reset()
            self.echo = Echo.GIVEN_UP if self.alarms >= MAX_ALARMS else Echo.BYPASSED
        return self._residue.judge(far_dbfs, mic_dbfs, left_dbfs, floor_dbfs)

    def _fall_asleep(self) -> None:
        if self.far_end is not None:
            self.far_end.forget_place()
        if self.echo is Echo.CANCELLING:
            self.echo = Echo.ASLEEP


def _faded(before: Pcm, after: Pcm) -> Pcm:
    """From one signal to the other within a chunk."""
    faded: Pcm = np.rint(before + _FADE * (after.astype(np.float32) - before)).astype(np.int16)
    return faded
