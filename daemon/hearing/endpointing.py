"""When speech starts and when it has ended: hysteresis over a moving noise floor.

Five sieves, each for what the others let through. *Level*: louder than the noise floor, so that a fan is
silence once the floor has followed it. *webrtcvad*: shaped like a voice; asked only for loud chunks.
*Duration*: so many chunks within a short window, so that a click is nothing. *Pitch*: most of them
periodic as vowels are, so that a slammed door or a fan being switched on, which webrtcvad takes for voice,
is nothing. *The neural judge* (`judging.Cascade`), so that music, animals and dishes are nothing: it must
recognise a start, and what it no longer recognises does not hold an utterance open. Only a start has to pass
duration and pitch, and of pitch one that a press has announced is excused.

Pure: the time is counted in chunks. One detector for one stream, one thread.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from math import inf

from daemon.config.settings import VadSettings
from daemon.hearing.features import level_dbfs, periodicity
from daemon.hearing.foreign_sound import ForeignSound
from daemon.hearing.judging import SPEECH_PROBABILITY, Cheap, IsVoiced, Judge
from daemon.hearing.turn_end import TurnEnd
from hw.base import CHUNK_MS

WINDOW_RATIO = 2
"""The chunks of speech that make a start may be spread over this many times their own duration: speech
has gaps of 20 to 60 ms at its stops (p, t, k), and in noise only its vowels stand out."""

STRONG_SHARE = 1 / 2
"""This share of them must exceed the full threshold and have a pitch."""

VOICE_PERIODICITY = 0.50
"""`periodicity` from which a chunk, together with the one before, has a pitch."""

RECOGNISED_CHUNKS, DOUBTFUL_CHUNKS = 100 // CHUNK_MS, 180 // CHUNK_MS
"""So much of a start the neural judge must recognise, where there is one; the second in a busy room
(`foreign_sound`)."""

GOES_ON_PROBABILITY = 0.35
"""From which speech goes on, as the network's authors have it."""

DOUBTED_CHUNKS = 300 // CHUNK_MS
"""Speech goes on for so long without the neural judge if webrtcvad says so: it loses a voice at times. Music
and dishes hold an utterance open no longer than that."""

BREATH_CHUNKS = 240 // CHUNK_MS
"""The neural judge does not know whispers. After a press so much that webrtcvad takes for voice starts
speech too, unless the room is busy."""

RELEASE_RATIO = 0.5
"""Speech goes on while it exceeds the floor by this share of `threshold_db`: the end of a word is softer
than its beginning."""

ECHO_EXCESS_DB, VOICE_EXCESS_DB = 0.3, 1.8
"""What exceeds the rest of an echo by less than the first, as a mean over all bands, may be echo and is no
speech; by more than the second, it may be the start of speech (measured: docs/inside/echo.md)."""

LOWEST_FLOOR_DBFS = -70.0
"""A room is never quieter than this in a microphone; less is a digital silence, against which the hiss
that follows it would stand out as a signal."""

_FIRST_FLOOR_DBFS = -50.0
"""Until the room is known it is taken for no louder than an office, lest speech that is under way when the
microphone opens be taken for its noise."""

_SMOOTHING = 0.2
"""Weight of the newest chunk in the smoothed level: a time constant of 5 chunks, 100 ms."""
_SPAN_CHUNKS = 500 // CHUNK_MS
_SPANS = 10
"""The floor is the least smoothed level of the last 10 spans of 500 ms: longer than a sustained vowel or
a sentence without a pause, so speech does not raise it, while it follows a fan within 5.5 s. (Minimum
statistics: R. Martin, IEEE Trans. Speech and Audio Processing 9(5), 2001.)"""

_HISTORY_MASK = (1 << 128) - 1
"""More chunks than the longest window: twice the 1000 ms to which `min_speech_ms` is limited."""

_STIRRED_MASK = (1 << 500 // CHUNK_MS) - 1
"""After half a second without speech the room is at rest again."""

RESUME_CHUNKS = 60 // CHUNK_MS
"""So much speech after a pause is its continuation: a voice is expected, and a mistake only costs the answer
that was made ready, while each chunk that is waited for delays what the user goes on to say."""

_RESUME_MASK = (1 << WINDOW_RATIO * RESUME_CHUNKS) - 1

_RUN_GAP_MASK = (1 << 200 // CHUNK_MS) - 1
"""Speech that is 200 ms apart is one run: the first word may have been too soft to start it."""


class Edge(Enum):
    """What changed with this chunk."""

    STARTED = "started"
    PAUSED = "paused"
    """The silence has lasted for `eager_ms`, or for as much longer as the end is waited for."""
    RESUMED = "resumed"
    """After PAUSED the speech has gone on."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Heard:
    """What the detector makes of one chunk."""

    level_dbfs: float
    floor_dbfs: float
    speech: bool
    """Somebody is speaking, or has stopped less than `silence_ms` ago."""
    edge: Edge | None
    onset_chunks_ago: int
    """With STARTED: how many chunks ago the speech began (1: with this one). Else 0."""


class NoiseFloor:
    """The level of a room in which nobody speaks: falls at once, rises after some seconds."""

    def __init__(self) -> None:
        self.dbfs = _FIRST_FLOOR_DBFS
        self._smoothed = _FIRST_FLOOR_DBFS
        self._span_least = _FIRST_FLOOR_DBFS
        self._span_left = _SPAN_CHUNKS
        self._older: deque[float] = deque(maxlen=_SPANS)
        self._older_least = inf

    def learn(self, level: float) -> None:
        """Take the level in dBFS of the next chunk of the stream."""
        self._smoothed += _SMOOTHING * (level - self._smoothed)
        self._span_least = min(self._span_least, self._smoothed)
        self.dbfs = max(LOWEST_FLOOR_DBFS, min(self._older_least, self._span_least))
        self._span_left -= 1
        if not self._span_left:
            self._begin_span()

    def _begin_span(self) -> None:
        self._older.append(self._span_least)
        self._older_least = min(self._older)
        self._span_least, self._span_left = inf, _SPAN_CHUNKS


class SpeechDetector:
    """Finds the start and the end of speech in a stream of 20 ms chunks of `hw.base.MIC_FORMAT`."""

    def __init__(self, settings: VadSettings, judge: Judge | IsVoiced) -> None:
        """`judge` hears the same chunks (`vad.judge_from`); a function of one chunk will do."""
        self._judge = Cheap(judge) if callable(judge) else judge
        self._judge_is_cheap = isinstance(self._judge, Cheap)
        self._threshold_db = settings.threshold_db
        self._release_db = settings.threshold_db * RELEASE_RATIO
        self._turn_end = TurnEnd(settings)
        self._eager_ms = settings.eager_ms
        self._usual_ms = settings.silence_ms
        self._floor = NoiseFloor()
        self._excess_db = inf
        self.foreign = ForeignSound()
        """What was passed over of late."""
        self.reset()

    def reset(self) -> None:
        """Forget what was being said, not the noise floor: the next speech is a start of its own."""
        self._speech = self._paused = False
        self._quiet_chunks = 0
        # The last chunks as bits, the newest lowest.
        self._speech_bits = 0
        self._strong_bits = 0
        self._recognised_bits = 0
        self._doubted_chunks = 0
        self._recognised = False
        """Whether the neural judge has recognised a voice in this utterance."""
        self._doubted_voice = False
        """Whether the newest chunk is a voice to the cheap judge only, where there is another."""
        self._chunk_before = b""

    @property
    def stirred(self) -> bool:
        """Whether of late something was heard that may become speech."""
        return bool(self._speech_bits & _STIRRED_MASK)

    @property
    def voice(self) -> bool:
        """Whether the newest chunk is speech by itself."""
        return bool(self._speech_bits & 1)

    def hear(
        self,
        chunk: bytes,
        *,
        min_speech_ms: int,
        own_sound: bool = False,
        expected: bool = False,
        excess_db: float = inf,
    ) -> Heard:
        """Take the next chunk and tell what it means.

        `min_speech_ms` of speech make a start. `own_sound`: the device itself is sounding and the microphone
        may hear it; such a chunk is neither speech nor silence and does not train the floor. `expected`: the
        user has pressed, so a whisper is speech too and need not have a pitch. `excess_db`: the device is
        sounding, its echo was cancelled, and the chunk exceeds what may be left of it by so much.
        """
        level = level_dbfs(chunk)
        self._excess_db = excess_db
        if own_sound:
            self._judge.hear(chunk, loud=False)
            self._remember(speech=False, strong=False)
            return Heard(
                level_dbfs=level,
                floor_dbfs=self._floor.dbfs,
                speech=self._speech,
                edge=None,
                onset_chunks_ago=0,
            )
        self._floor.learn(level)
        if self._speech:
            edge = self._hear_end(chunk, level)
        else:
            edge = self._hear_start(chunk, level, _chunks(min_speech_ms), expected)
        onset = _run_chunks(self._speech_bits) if edge is Edge.STARTED else 0
        return Heard(
            level_dbfs=level,
            floor_dbfs=self._floor.dbfs,
            speech=self._speech,
            edge=edge,
            onset_chunks_ago=onset,
        )

    def _hear_start(self, chunk: bytes, level: float, needed: int, expected: bool) -> Edge | None:
        speech = self._is_speech(chunk, level)
        if not expected:  # what a user who has pressed whispers is not foreign
            self.foreign.hear(self._doubted_voice)
        stands_out = self._excess_db > VOICE_EXCESS_DB and self._exceeds(level, self._threshold_db)
        strong = speech and stands_out and (expected or self._has_pitch(chunk))
        self._chunk_before = chunk
        self._remember(speech, strong)
        if not speech or not self._has_started(needed, expected):
            return None
        self._speech, self._quiet_chunks = True, 0
        self._turn_end.begin(_run_chunks(self._speech_bits))
        return Edge.STARTED

    def _hear_end(self, chunk: bytes, level: float) -> Edge | None:
        speech = self._is_speech(chunk, level)
        self.foreign.hear(self._doubted_voice and self._recognised)  # else it is a whisper
        self._remember(speech, strong=False)
        # One chunk alone is a click, and does not put off the end.
        if speech and self._speech_bits & 0b110:
            self._quiet_chunks = 0
            self._turn_end.hear(chunk, quiet_chunks=0)
            return self._hear_resumption()
        self._quiet_chunks += 1
        self._turn_end.hear(chunk, quiet_chunks=self._quiet_chunks)
        if self._quiet_chunks < _chunks(self._turn_end.silence_ms):
            return self._hear_pause(self._turn_end.silence_ms - self._usual_ms)
        self.reset()
        return Edge.ENDED

    def _hear_pause(self, longer_ms: int) -> Edge | None:
        """Where more is expected it comes later too: an answer to each item of a list is none."""
        if self._paused or not self._eager_ms or self._quiet_chunks != _chunks(self._eager_ms + longer_ms):
            return None
        self._paused = True
        return Edge.PAUSED

    def _hear_resumption(self) -> Edge | None:
        """Who has just spoken is expected to go on: softly, without a pitch, and with gaps."""
        window = self._speech_bits & _RESUME_MASK
        if not self._paused or window.bit_count() < RESUME_CHUNKS:
            return None
        self._paused = False
        return Edge.RESUMED

    def _is_speech(self, chunk: bytes, level: float) -> bool:
        loud = self._exceeds(level, self._release_db)
        voiced, probability = self._judge.hear(chunk, loud=loud)
        if probability is None:
            return voiced
        recognised = loud and probability >= (GOES_ON_PROBABILITY if self._speech else SPEECH_PROBABILITY)
        self._recognised_bits = (self._recognised_bits << 1 | recognised) & _HISTORY_MASK
        self._doubted_chunks = 0 if recognised else self._doubted_chunks + 1
        self._doubted_voice = voiced and not recognised
        return recognised or (voiced and self._may_be_voice())

    def _may_be_voice(self) -> bool:
        """Whether what webrtcvad takes for voice may be one although the network does not say so."""
        return not self._speech or not self._recognised or self._doubted_chunks < DOUBTED_CHUNKS

    def _has_pitch(self, chunk: bytes) -> bool:
        return periodicity(self._chunk_before + chunk) >= VOICE_PERIODICITY

    def _exceeds(self, level: float, margin_db: float) -> bool:
        return self._excess_db > ECHO_EXCESS_DB and level > self._floor.dbfs + margin_db

    def _remember(self, speech: bool, strong: bool) -> None:
        self._speech_bits = (self._speech_bits << 1 | speech) & _HISTORY_MASK
        self._strong_bits = (self._strong_bits << 1 | strong) & _HISTORY_MASK

    def _has_started(self, needed: int, expected: bool) -> bool:
        window = (1 << needed * WINDOW_RATIO) - 1
        enough_speech = (self._speech_bits & window).bit_count() >= needed
        if not enough_speech or (self._strong_bits & window).bit_count() < needed * STRONG_SHARE:
            return False
        self._recognised = self._is_recognised()
        return self._recognised or self._judge_is_cheap or (expected and self._breathes())

    def _is_recognised(self) -> bool:
        enough = DOUBTFUL_CHUNKS if self.foreign.busy else RECOGNISED_CHUNKS
        window = (1 << enough * WINDOW_RATIO) - 1
        return (self._recognised_bits & window).bit_count() >= enough

    def _breathes(self) -> bool:
        window = (1 << BREATH_CHUNKS * WINDOW_RATIO) - 1
        return not self.foreign.busy and (self._strong_bits & window).bit_count() >= BREATH_CHUNKS


def _chunks(duration_ms: int) -> int:
    return max(1, -(-duration_ms // CHUNK_MS))


def _run_chunks(bits: int) -> int:
    """How many chunks back the newest run of speech reaches."""
    run = 0
    while gap := bits >> run & _RUN_GAP_MASK:
        run += gap.bit_length()
    return run
