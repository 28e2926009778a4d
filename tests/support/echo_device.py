"""A device in a scene, in virtual time: speaker, front end and detector, without threads and sound cards.

It does to the front end what the two device threads do: the speaker's side writes 0.18 s ahead and knows
what it holds to 10 ms; the microphone's side reads a chunk every 20 ms, a millisecond or so late.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Protocol

import numpy as np
from echo_room import MIC_HZ, mixed, to_pcm
from synthetic_sound import Sound

from daemon.config.settings import VadSettings
from daemon.hearing.endpointing import Edge, SpeechDetector
from daemon.hearing.frontend.far_end import FarEnd
from daemon.hearing.frontend.front_end import Canceller, Cleaned, FrontEnd
from daemon.hearing.neural import NeuralJudge
from daemon.hearing.own_sound import ECHO_TAIL_S
from daemon.hearing.vad import judge_from
from hw.base import MIC_FORMAT, SPEAKER_FORMAT

CHUNK_S = 0.02
AHEAD_S = 0.18
PERIOD_S = 0.01
LATE_S = 0.001

PAUSE_S = 1.5
"""After each sound nothing is played for so long: the canceller falls asleep."""

NO_SOUND: Sound = np.zeros(0)


class Surroundings(Protocol):
    """`echo_room.Scene` or `hard_rooms.Hard`."""

    @property
    def drift_ppm(self) -> float:
        """The speaker's clock is slow by this, against the microphone's."""
        ...

    def echo(self, far: Sound) -> Sound:
        """What of the speaker's sound (24 kHz) reaches the microphone (16 kHz)."""
        ...

    def noise(self, size: int) -> Sound:
        """The room's and the microphone's own noise, at 16 kHz."""
        ...


class Device:
    """One life: everything that is learnt stays from one sound to the next."""

    def __init__(
        self, scene: Surroundings, canceller: Canceller | None, vad: VadSettings | None = None, seed: int = 1
    ) -> None:
        vad = vad or VadSettings()
        self.scene = scene
        self.far_end = FarEnd()
        self.front_end = FrontEnd(self.far_end, canceller, judge=NeuralJudge())
        self.detector = SpeechDetector(vad, judge_from(vad))
        self.min_speech_ms = vad.barge_in_speech_ms
        self._random = np.random.default_rng(seed)
        self._now_s = 1000.0
        self._floor_dbfs = -60.0
        self._onset_chunks_ago = 0
        self._speech = False
        self.cancels = canceller is not None

    def hear(
        self,
        far: Sound,
        near: Sound = NO_SOUND,
        *,
        cut_on_speech: bool = False,
        lost_at_s: float = inf,
        lost_s: float = 0.0,
        each: Callable[[Cleaned], object] = lambda cleaned: None,
    ) -> Heard:
        """Play `far` (24 kHz, as it leaves the speaker) while `near` (16 kHz, as it arrives) is spoken.

        With `cut_on_speech` the first speech that is noticed silences the speaker, as a barge-in does. The
        microphone loses `lost_s` at `lost_at_s`.
        """
        echo = self.scene.echo(far)
        size = max(len(echo), len(near)) + round(PAUSE_S * MIC_HZ)
        room = mixed(size, (0, near), (0, self.scene.noise(size)))
        mic = to_pcm(mixed(size, (0, echo), (0, room)))
        gone = (round(lost_at_s * MIC_HZ), round(lost_s * MIC_HZ)) if lost_s else (size, 0)
        mic = _without(mic, *gone)
        written, begin_s, out, starts = 0, self._now_s, bytearray(), []
        pcm, cut = to_pcm(far), False
        for at in range(len(mic) // MIC_FORMAT.chunk_bytes):
            lost_so_far_s = lost_s if (at + 1) * CHUNK_S > lost_at_s else 0.0
            self._now_s = begin_s + (at + 1) * CHUNK_S + lost_so_far_s
            while not cut and written * SPEAKER_FORMAT.chunk_bytes < len(pcm):
                if not self._write(pcm, written, begin_s):
                    break
                written += 1
            cleaned = self._clean(mic, at)
            each(cleaned)
            out += cleaned.heard
            if self._hear(cleaned):
                starts.append(Start(at + 1, self._onset_chunks_ago))
                if not cut_on_speech:
                    self.detector.reset()
                    self._speech = False
                elif not cut:
                    cut = True
                    self.far_end.cut(self._now_s)
                    rest = _dying_away(echo, round((at + 1) * CHUNK_S * MIC_HZ))
                    mic = _without(to_pcm(mixed(size, (0, rest), (0, room))), *gone)
        return Heard(tuple(starts), bytes(out), mic)

    def _hear(self, cleaned: Cleaned) -> bool:
        """Whether speech begins with this chunk, as `barge_in = "auto"` has it."""
        sounding = self._now_s < self.far_end.until_s + ECHO_TAIL_S
        heard = self.detector.hear(
            cleaned.heard,
            min_speech_ms=self.min_speech_ms,
            own_sound=sounding and self.cancels and not self.front_end.cancels,
            excess_db=cleaned.excess_db,
        )
        self._floor_dbfs, self._onset_chunks_ago = heard.floor_dbfs, heard.onset_chunks_ago
        self._speech = heard.speech
        return heard.edge is Edge.STARTED

    def _write(self, pcm: bytes, index: int, begin_s: float) -> bool:
        """Give the next piece to the speaker, unless it holds enough."""
        step_s = CHUNK_S * (1 + self.scene.drift_ppm * 1e-6)
        heard_s = begin_s + index * step_s
        if heard_s > self._now_s + AHEAD_S:
            return False
        size = SPEAKER_FORMAT.chunk_bytes
        unsure_s = self._random.uniform(0, PERIOD_S) if index else 0.0
        queued_s = max(CHUNK_S, heard_s + step_s - self._now_s) if index else CHUNK_S
        piece = pcm[index * size : (index + 1) * size]
        self.far_end.played(piece, heard_s + step_s + unsure_s, queued_s)
        return True

    def _clean(self, mic: bytes, at: int) -> Cleaned:
        size = MIC_FORMAT.chunk_bytes
        late_s = self._random.exponential(LATE_S)
        chunk = mic[at * size : (at + 1) * size]
        return self.front_end.clean(chunk, self._now_s + late_s, self._floor_dbfs, speech=self._speech)


def _dying_away(sound: Sound, at: int) -> Sound:
    """The sound until `at`, and then its end by 60 dB in 0.4 s, as a room has it."""
    rest = sound.copy()
    rest[at:] *= 10 ** (-3 * np.arange(len(sound) - at) / MIC_HZ / 0.4)
    return rest


def _without(pcm: bytes, at: int, count: int) -> bytes:
    """The s16 samples without `count` of them."""
    return pcm[: 2 * at] + pcm[2 * (at + count) :]


@dataclass(frozen=True, slots=True)
class Start:
    """Speech was noticed at the end of chunk number `chunk` (from 1), and had begun so many chunks before."""

    chunk: int
    onset_chunks_ago: int

    @property
    def noticed_s(self) -> float:
        """When it was noticed."""
        return self.chunk * CHUNK_S

    @property
    def onset_s(self) -> float:
        """When it began, by the detector's account."""
        return (self.chunk - self.onset_chunks_ago) * CHUNK_S


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of it: the speech that was noticed, the cleaned signal, and the microphone's."""

    starts: tuple[Start, ...]
    cleaned: bytes
    mic: bytes


def said_at(at_s: float, speech: Sound) -> Sound:
    """Speech (16 kHz) that begins at a moment."""
    return np.concatenate([np.zeros(round(at_s * MIC_HZ)), speech])
