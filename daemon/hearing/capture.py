"""The capture thread: microphone to uplink ring, and what a voice on the way means.

The thread touches its device, its ring, its stop event and `post`. The event loop tells it how to listen by
one value, `Ears`, which Python writes and reads whole.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from daemon.events import (
    MicBack,
    MicLost,
    MicSilent,
    SpeechEnded,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    TalkPressed,
    Trigger,
)
from daemon.hearing.ears import Ears
from daemon.hearing.endpointing import Edge, SpeechDetector
from daemon.hearing.frontend.front_end import EchoState, FrontEnd
from daemon.hearing.self_interruption import SelfInterruption
from daemon.hearing.silence import REMEDY, SilenceWatch
from daemon.hearing.wake import WakeWords
from daemon.runtime.patience import Attendant
from daemon.runtime.ring import HistoryRing
from hw.base import CHUNK_MS, MIC_FORMAT, Mic

MUTED_TICK_S = 0.5
"""How often the muted thread shows the watchdog that it lives."""

SpeechEvent = SpeechStarted | SpeechPaused | SpeechResumed | SpeechEnded
CaptureEvent = SpeechEvent | TalkPressed | MicLost | MicBack | MicSilent

WAKE_WORD_CHUNKS = 1000 // CHUNK_MS
"""A wake word lasts less than 1 s: so far back its loudness is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """What is made of the sound. Each is called on the capture thread."""

    detector: SpeechDetector
    own_sound: Callable[[], bool]
    """Whether the microphone may hear the device itself now."""
    front_end: FrontEnd = field(default_factory=FrontEnd)
    """The default takes the signal as it is."""
    wake_words: WakeWords | None = None


class Capture:
    """Everything that the capture thread does, and the switches by which the event loop steers it."""

    def __init__(
        self,
        mic: Attendant[Mic],
        ring: HistoryRing,
        listening: Listening,
        *,
        post: Callable[[CaptureEvent], None],
        wake_uplink: Callable[[], None],
        ears: Ears | None = None,
        silent_after_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`post` and `wake_uplink` are called on the capture thread and must be thread-safe.

        `ears` are those that it begins with. A microphone that gives only zeros for `silent_after_s` is told
        (0: never).
        """
        self.mic = mic
        """How the microphone is; its progress grows with each chunk, and while it is closed by mute."""
        self._ring = ring
        self._detector = listening.detector
        self._post = post
        self._wake_uplink = wake_uplink
        self._own_sound = listening.own_sound
        self._clock = clock
        self.front_end = listening.front_end
        self._wake_words = listening.wake_words
        self._loudness_db: deque[float] = deque(maxlen=WAKE_WORD_CHUNKS)
        self._self_interruption = SelfInterruption()
        self._speech = False
        self.silence = SilenceWatch(silent_after_s)
        self._wanted = threading.Event()
        self._wanted.set()
        self._ears = ears or Ears()
        self._forgotten = self._ears.forgotten
        self.overruns = 0
        self.level_dbfs = -96.0
        self.floor_dbfs = -96.0

    # --- event loop

    def set_wanted(self, wanted: bool) -> None:
        """Open the capture stream, or close it (mute); takes effect within two chunks."""
        if wanted:
            self._wanted.set()
        else:
            self._wanted.clear()

    def tune(self, ears: Ears) -> None:
        """Listen like this from the next chunk on."""
        self._ears = ears

    def report(self) -> dict[str, Any]:
        """The microphone, for `conure status`."""
        return {
            "open": self.mic.opened,
            "device": self.mic.about or None,
            "problem": self._problem(),
            "level_dbfs": round(self.level_dbfs, 1),
            "floor_dbfs": round(self.floor_dbfs, 1),
            "music": self._detector.foreign.music,
        }

    def _problem(self) -> str | None:
        if self.mic.error is not None:
            return str(self.mic.error)
        silent = f"nothing but zeros for {self.silence.silent_s:.0f} s: {REMEDY}"
        return silent if self.silence.told and self.mic.opened else None

    def counters(self) -> dict[str, int]:
        """What was lost of what could be heard."""
        return {
            "mic_overruns": self.overruns,
            "mic_losses": self.mic.losses,
            "mic_silences": self.silence.silences,
            "music_ignored": self._detector.foreign.musics,
            **self.front_end.counters(),
        }

    # --- capture thread

    def run(self, stop: threading.Event) -> None:
        """The thread's body. Raises MicError when the microphone stays lost."""
        self.mic.run(self._serve, stop, lost=lambda: self._post(MicLost()), wanted=self._is_wanted)

    def _is_wanted(self) -> bool:
        if self._wanted.wait(MUTED_TICK_S):
            return True
        self._ring.clear()  # what a microphone that failed left there
        self.mic.note_waiting()
        return False

    def _serve(self, mic: Mic, stop: threading.Event) -> None:
        """Read until muted or stopped.

        Mute forgets what the ring holds. A failure does not: what was said before it is still sent.
        """
        before = self.overruns
        try:
            while self._wanted.is_set() and not stop.is_set():
                self._take(mic.read(patient=self._at_rest()))
                self.overruns = before + mic.overruns
                if self.mic.note_works():
                    self._post(MicBack())
            self._ring.clear()
        finally:
            self._detector.reset()
            self.front_end.restart()

    def _at_rest(self) -> bool:
        """Whether nobody waits for the next chunk: nothing is sent, said, or played."""
        waiting = self._ears.hungry or self._ears.expected or self._speech or self._detector.stirred
        return not waiting and self.front_end.echo is not EchoState.CANCELLING

    def _take(self, chunk: bytes) -> None:
        ears = self._ears
        if self.silence.hear(chunk, expected=ears.expected):
            self._post(MicSilent(self.silence.heard_ever))
        cleaned = self.front_end.clean(chunk, self._clock(), self.floor_dbfs, speech=self._speech)
        self._ring.write(cleaned.sent)
        self.mic.note_step()
        if ears.forgotten != self._forgotten:
            self._forgotten = ears.forgotten
            self._detector.reset()
        heard = self._detector.hear(
            cleaned.heard,
            min_speech_ms=ears.min_speech_ms,
            own_sound=self._own_sound(),
            expected=ears.expected,
            excess_db=cleaned.excess_db,
        )
        self.level_dbfs, self.floor_dbfs, self._speech = heard.level_dbfs, heard.floor_dbfs, heard.speech
        over_reply = heard.edge is Edge.STARTED and isfinite(cleaned.excess_db)
        if self._self_interruption.hear(started=over_reply, voice=self._detector.voice):
            self.front_end.distrust()
        if heard.edge is not None:
            self._post(self._speech_event(heard.edge, heard.onset_chunks_ago))
        if self._wake_words is not None:
            self._loudness_db.append(heard.level_dbfs - heard.floor_dbfs)
            if self._wake_words.hear(cleaned.heard) is not None:
                self._hear_wake_word(speech=heard.speech)
        if ears.hungry:
            self._wake_uplink()

    def _hear_wake_word(self, *, speech: bool) -> None:
        """The word itself is no speech: whoever goes on begins anew, and whoever waits is waited for."""
        if speech:
            self._detector.reset()
            self._post(SpeechEnded())
        score_db = max(self._loudness_db, default=0.0)
        self._post(TalkPressed(Trigger.WAKE_WORD, heard_at_byte=self._ring.head, score_db=score_db))

    def _speech_event(self, edge: Edge, onset_chunks_ago: int) -> SpeechEvent:
        match edge:
            case Edge.STARTED:
                return SpeechStarted(self._ring.head - onset_chunks_ago * MIC_FORMAT.chunk_bytes)
            case Edge.PAUSED:
                return SpeechPaused()
            case Edge.RESUMED:
                return SpeechResumed()
            case Edge.ENDED:
                return SpeechEnded()
