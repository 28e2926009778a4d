"""The microphone's front end: from what was captured to what the detectors hear and what is sent.

The echo canceller works only while the speaker sounds and shortly after; the rest of the time it sleeps, and
the signal passes unchanged, so that waiting costs nothing. Its output is 8 ms late, so at both changes one
chunk is faded over: once those 8 ms are heard twice, once they are left out, without a click.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from math import inf
from typing import Protocol

import numpy as np

from daemon.hearing.endpointing import VOICE_EXCESS_DB
from daemon.hearing.features import level_dbfs
from daemon.hearing.frontend.bands import Bands
from daemon.hearing.frontend.coupling import QUIET_DB, Coupling
from daemon.hearing.frontend.far_end import FarEnd, Pcm
from daemon.hearing.frontend.guard import QUIET_DBFS, Guard
from daemon.hearing.frontend.known_path import NOTHING_KNOWN, KnownPath
from daemon.hearing.frontend.likeness import Likeness
from daemon.hearing.frontend.linear import CLIPPED
from daemon.hearing.frontend.pace import SampleClock
from daemon.hearing.frontend.residue import Residue
from daemon.hearing.frontend.witness import Witness
from daemon.hearing.judging import Network
from hw.base import MIC_FORMAT

TAIL_S = 1.0
"""So long after the last sound from the speaker the canceller works on: an echo may be 0.3 s late, the room
rings 0.3 s, and the guard wants to hear a quiet speaker for a while."""

LATE_S = 0.35
"""So late an echo may be; after it the canceller stops as soon as the room is quiet again."""

OVER_CHUNKS = 5
"""For 0.1 s the room must have been quiet."""

SOUNDING_DBFS = -50.0
"""Only a chunk whose reference is louder teaches what is left of an echo: in its pauses it is the user's
voice."""

MAX_ALARMS = 3
"""After so many alarms of the guard the canceller is off until Conure is started again."""

DISTRUSTED = "the device interrupted itself; the next reply can be interrupted with the button only"

GATED = "the echo canceller silenced the room; it is off until Conure is started again"

BELIEVED_DB = 2.0
"""So much a chunk counts as exceeding the rest of the echo at least, if it sounds like somebody."""

_FADE = np.linspace(0.0, 1.0, MIC_FORMAT.chunk_frames, dtype=np.float32)


class EchoState(Enum):
    """What is done about the echo: the words of `conure status`."""

    ASLEEP = "asleep"
    CANCELLING = "cancelling"
    NOT_HEARD = "not_heard"
    """The speaker sounds, and the microphone does not hear it: nothing is taken away."""
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
    excess_db: float
    """By how much it exceeds what may be left of the echo, as a mean over all bands; infinite while there
    is none."""


class Canceller(Protocol):
    """`two_stages.TwoStages`, or a test's."""

    def begin(self) -> None:
        """A sound begins after a pause."""
        ...

    def process(self, near: Pcm, far: Pcm) -> Pcm:
        """A chunk without the echo."""
        ...

    @property
    def slope(self) -> float:
        """How much faster than the clocks say the reference has to be read, so that the echo path rests."""
        ...

    def doubt_path(self) -> None:
        """The echo path has changed."""
        ...

    @property
    def explains(self) -> bool:
        """Whether there is an echo: it can tell what is heard from what is played."""
        ...

    def watch(self, near: Pcm, far: Pcm) -> None:
        """Look for an echo in a chunk, and take nothing away."""
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
        judge: Network | None = None,
        problem: str | None = None,
        known: KnownPath = NOTHING_KNOWN,
    ) -> None:
        """Without `far_end` and `canceller` no echo is cancelled; without `polish` nothing else is done.

        `judge` hears whether what is left of an echo sounds like somebody; without it levels decide.
        `problem` says why there is less than was asked for; `known` is what was measured of the echo before.
        """
        self.far_end = far_end
        """Told by the playback thread what it plays; None where nobody needs to know."""
        self._canceller = canceller
        self._problem = problem
        self._polish = polish
        self._pace = SampleClock()
        self._bands = Bands(3)
        self._residue = Residue(known.hope_db)
        self._likeness = Likeness()
        self._witness = None if judge is None else Witness(judge)
        self._alike_before = False
        self._coupling = Coupling(expected=known.heard)
        self._quiet_chunks = 0
        self._over_s = -np.inf
        """The end of the sound whose echo is over."""
        self._guard = Guard()
        self._speech = False
        self._last = np.zeros(MIC_FORMAT.chunk_frames, np.int16)
        self.echo = EchoState.ASLEEP
        self.changes = 0
        """Chunks that were as loud as a voice and yet an echo, by a path that had changed."""
        self.self_interruptions = 0
        """How often the device took its own echo for a voice, and noticed."""
        self._distrusted = False
        self._whole_sound = True
        """Whether the sound that is heard began after the device was distrusted."""
        self.alarms = 0
        """How often the canceller was found to gate the room to silence."""

    @property
    def cancels(self) -> bool:
        """Whether the microphone's signal is free of the speaker's, whenever that sounds."""
        trusted = self.echo not in (EchoState.BYPASSED, EchoState.GIVEN_UP) and not self._distrusted
        return self._canceller is not None and trusted

    def distrust(self) -> None:
        """The device has interrupted itself: half duplex until a whole sound is over, and more is
        demanded."""
        self.self_interruptions += 1
        self._distrusted = True
        self._whole_sound = self.echo is EchoState.ASLEEP
        self._residue.demand_more()

    def report(self) -> dict[str, str | float | None]:
        """What `conure status` shows. Any thread."""
        return {
            "echo": self.echo.value if self._canceller is not None else "not_cancelled",
            "depth_db": round(self._residue.depth_db, 1) if self._canceller is not None else None,
            "problem": self._trouble(),
        }

    def _trouble(self) -> str | None:
        if self.echo is EchoState.GIVEN_UP:
            return GATED
        return DISTRUSTED if self._distrusted else self._problem

    def counters(self) -> dict[str, int]:
        """What is counted. Any thread."""
        far_end = self.far_end
        return {
            "echo_alarms": self.alarms,
            "echo_path_changes": self.changes,
            "echo_self_interruptions": self.self_interruptions,
            "echo_reference_missed": far_end.missed if far_end else 0,
            "echo_reference_leaps": far_end.leaps if far_end else 0,
        }

    def restart(self) -> None:
        """The microphone was opened anew."""
        self._pace.restart()
        self._fall_asleep(self.far_end)

    def clean(self, chunk: bytes, now_s: float, floor_dbfs: float, *, speech: bool = False) -> Cleaned:
        """Take the chunk that was read at `now_s`; `floor_dbfs` is the room's noise floor.

        `speech`: somebody is speaking; the canceller then does not fall asleep, lest a word be faded over.
        Costs some 0.3 ms of CPU while the speaker sounds (x86), else a microsecond or two.
        """
        at_s = self._pace.chunk(now_s)
        self._speech = speech
        excess_db = inf
        if self._canceller is not None and self.far_end is not None:
            chunk, excess_db = self._without_echo(chunk, at_s, floor_dbfs, self.far_end, self._canceller)
        sent = chunk if self._polish is None else self._polish(chunk)
        return Cleaned(chunk, sent, excess_db)

    def _without_echo(
        self, chunk: bytes, at_s: float, floor_dbfs: float, far_end: FarEnd, canceller: Canceller
    ) -> tuple[bytes, float]:
        near = np.frombuffer(chunk, np.int16)
        if self._is_off(at_s, far_end):
            self._last = near
            return chunk, inf
        leaps, far = far_end.leaps, far_end.read(at_s)
        far_dbfs, mic_dbfs = level_dbfs(far.tobytes()), level_dbfs(chunk)
        self._coupling.judge(far_dbfs, mic_dbfs, floor_dbfs, explained=canceller.explains)
        if self._coupling.heard is False and self.echo is not EchoState.CANCELLING:
            canceller.watch(near, far)
            self._last, self.echo = near, EchoState.NOT_HEARD
            return chunk, inf
        waking = self.echo is not EchoState.CANCELLING
        if waking or far_end.leaps > leaps:
            self._begin(near, canceller)
        left = canceller.process(near, far)
        far_end.steer(canceller.slope)
        self._watch_canceller(far_dbfs, mic_dbfs, left, floor_dbfs, canceller)
        excess_db = self._judge(near, far, left, floor_dbfs, teaches=far_dbfs > SOUNDING_DBFS)
        excess_db = self._heard_out(left, excess_db, canceller)
        if waking:
            left = _faded(near, left)
        elif self._stops(at_s, mic_dbfs, floor_dbfs, far_end):
            left = _faded(left, near)
        self._last = near
        return left.tobytes(), excess_db

    def _is_off(self, at_s: float, far_end: FarEnd) -> bool:
        """Whether the chunk passes unseen: nothing sounds, its tail is over, or the guard says so."""
        sounding = at_s < far_end.until_s + TAIL_S
        if not sounding and self.echo is EchoState.BYPASSED:
            self.echo = EchoState.ASLEEP
        if not sounding and self.echo is EchoState.NOT_HEARD:
            self._fall_asleep(far_end)
        if self.echo in (EchoState.BYPASSED, EchoState.GIVEN_UP):
            return True
        return self.echo is EchoState.ASLEEP and (not sounding or far_end.until_s <= self._over_s)

    def _begin(self, near: Pcm, canceller: Canceller) -> None:
        canceller.begin()
        canceller.process(self._last, np.zeros_like(near))  # its output is late, and begins with this
        self.echo = EchoState.CANCELLING
        self._residue.begin()
        if self._witness is not None:
            self._witness.begin()
        self._quiet_chunks = 0

    def _watch_canceller(
        self, far_dbfs: float, mic_dbfs: float, left: Pcm, floor_dbfs: float, canceller: Canceller
    ) -> None:
        # The guard judges in the pauses of the speaker only: for the rest any level will do.
        left_dbfs = level_dbfs(left.tobytes()) if far_dbfs < QUIET_DBFS else mic_dbfs
        if self._guard.gates(far_dbfs, mic_dbfs, left_dbfs, floor_dbfs):
            self.alarms += 1
            canceller.reset()
            self.echo = EchoState.GIVEN_UP if self.alarms >= MAX_ALARMS else EchoState.BYPASSED

    def _judge(self, near: Pcm, far: Pcm, left: Pcm, floor_dbfs: float, *, teaches: bool) -> float:
        """By how much the chunk exceeds what may be left of the echo."""
        self._likeness.hear(far, left)
        if max(int(near.max()), -int(near.min())) >= CLIPPED * 32_768:
            self._residue.clipped()
        powers = self._bands.powers(far, near, left)
        return self._residue.excess_db(powers, floor_dbfs, teaches=teaches and not self._speech)

    def _heard_out(self, left: Pcm, excess_db: float, canceller: Canceller) -> float:
        """The excess, once it was asked whether it sounds like somebody, and whether like what is played."""
        voice = None if self._witness is None else self._witness.hears_voice(left.tobytes(), excess_db)
        if self._speech:
            return excess_db
        if (voice or excess_db > VOICE_EXCESS_DB) and self._is_echo(canceller):
            return 0.0
        if voice is False:
            return min(excess_db, VOICE_EXCESS_DB)
        return max(excess_db, BELIEVED_DB) if voice and not self._residue.settling else excess_db

    def _is_echo(self, canceller: Canceller) -> bool:
        """Whether what is left is a copy of what is played; twice in a row, and its path has changed."""
        alike = self._likeness.alike()
        if alike and self._alike_before:
            canceller.doubt_path()
            self._residue.begin()
        self._alike_before = alike
        self.changes += alike
        return alike

    def _stops(self, at_s: float, mic_dbfs: float, floor_dbfs: float, far_end: FarEnd) -> bool:
        """Whether this chunk is the last that is cancelled."""
        if self._is_over(at_s, mic_dbfs, floor_dbfs, far_end):
            self._fall_asleep(far_end)
        elif self._coupling.heard is False and not self._speech:
            self.echo = EchoState.NOT_HEARD
        return self.echo is not EchoState.CANCELLING

    def _is_over(self, at_s: float, mic_dbfs: float, floor_dbfs: float, far_end: FarEnd) -> bool:
        """Whether the sound and its tail are over, and nobody is in the middle of a word."""
        self._quiet_chunks = self._quiet_chunks + 1 if mic_dbfs < floor_dbfs + QUIET_DB else 0
        rung_out = at_s > far_end.until_s + LATE_S and self._quiet_chunks >= OVER_CHUNKS
        return not self._speech and (rung_out or at_s >= far_end.until_s + TAIL_S)

    def _fall_asleep(self, far_end: FarEnd | None) -> None:
        if far_end is not None:
            far_end.forget_place()
            self._over_s = far_end.until_s
        if self.echo in (EchoState.CANCELLING, EchoState.NOT_HEARD):
            self.echo = EchoState.ASLEEP
            self._sound_is_over()

    def _sound_is_over(self) -> None:
        """A sound in half duplex proves nothing; one that could have been interrupted does."""
        if not self._distrusted:
            self._residue.demand_less()
        self._distrusted = self._distrusted and not self._whole_sound
        self._whole_sound = True


def _faded(before: Pcm, after: Pcm) -> Pcm:
    """From one signal to the other within a chunk."""
    faded: Pcm = np.rint(before + _FADE * (after.astype(np.float32) - before)).astype(np.int16)
    return faded
