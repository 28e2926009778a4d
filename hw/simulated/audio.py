"""Microphone and speaker of the simulated board: a quiet room, in real time.

Both keep to a clock that may be injected. What a test calls may be called from any thread.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw.base import CHUNK_MS, MIC_FORMAT, SPEAKER_FORMAT, MicError, SpeakerError
from hw.simulated.wav import read_wav, write_wav

Clock = Callable[[], float]

CHUNK_S = CHUNK_MS / 1000
NOISE_PEAK = 10
"""Peak of the room's noise in sample units: some -75 dBFS, a very quiet room."""

HEARD_LIMIT_S = 600.0
"""What the speaker remembers; older samples are forgotten (policy: drop the oldest)."""

DEVICE_DEPTH_S = 0.2
"""How much the simulated device queues: a write beyond it blocks, as a real one does."""

SAY_LIMIT_S = 600.0
"""How much speech may wait to be said; more is refused."""

MIC_DEPTH_S = 0.5
"""For how long nobody need read before samples are lost: as deep as `hw.sound.portaudio` asks for."""

PAUSE_S = 1.5 / SPEAKER_FORMAT.rate_hz
"""Samples that are farther apart than this do not follow one another."""

BREAK_S = 1.0
"""Sound that follows so soon after the speaker ran dry was meant to be continuous."""


class SimulatedMic:
    """A room with one microphone in it. `open` and the stream's calls: capture thread; the rest: any."""

    about = "simulated"

    def __init__(
        self,
        clock: Clock,
        sleep: Callable[[float], None],
        hears: Callable[[float], NDArray[np.float64] | None],
    ) -> None:
        """`hears` gives what there is beside speech and noise in the chunk that began at a moment."""
        self._clock = clock
        self._sleep = sleep
        self._hears = hears
        self._lock = threading.Lock()
        self._speech = bytearray()
        self._said_bytes = 0
        self._quiet_chunks = 0
        self._due_s = 0.0
        self._broken: MicError | None = None
        self._heals = True
        self._noise = np.random.default_rng(1)
        self.overruns = 0
        self.is_open = False

    # --- what a test or a rehearsal does

    def say(self, pcm: bytes | Path) -> None:
        """Speak, after what is still being said: 16 kHz mono s16 samples or a WAV file of them.

        Raises ValueError if more than SAY_LIMIT_S would wait, MicError for a file that cannot be used.
        """
        samples = read_wav(pcm) if isinstance(pcm, Path) else pcm
        with self._lock:
            if len(self._speech) + len(samples) > MIC_FORMAT.bytes(SAY_LIMIT_S):
                raise ValueError(f"more than {SAY_LIMIT_S} s of speech would wait to be said")
            self._speech += samples

    @property
    def said_s(self) -> float:
        """Seconds of speech that the microphone has heard so far."""
        with self._lock:
            return MIC_FORMAT.seconds(self._said_bytes)

    @property
    def quiet_s(self) -> float:
        """For how long nothing has been said."""
        return self._quiet_chunks * CHUNK_S

    def fail(self, *, permanent: bool = False) -> None:
        """Break: reading and opening raise MicError until `heal`."""
        self._broken = MicError("simulated microphone", "was broken on purpose", permanent=permanent)

    def fail_for_good(self) -> None:
        """Break, and stay so whatever `heal` does."""
        self._heals = False
        self.fail()

    def heal(self) -> None:
        """Work again."""
        if self._heals:
            self._broken = None

    # --- the stream

    def open(self) -> SimulatedMic:
        """Begin to deliver."""
        if self._broken is not None:
            raise self._broken
        self._due_s = self._clock() + CHUNK_S
        self.is_open = True
        return self

    def read(self, *, patient: bool = False) -> bytes:
        """One chunk, when its time has come, patiently or not."""
        self._sleep(max(0.0, self._due_s - self._clock()))
        if self._broken is not None:
            raise self._broken
        if self._clock() - self._due_s > MIC_DEPTH_S:  # a real device would have lost what came meanwhile
            self.overruns += 1
            self._due_s = self._clock()
        chunk = self._mix(self._next_speech(), self._due_s - CHUNK_S)
        self._due_s += CHUNK_S
        return chunk

    def close(self) -> None:
        """Stop delivering."""
        self.is_open = False

    def _next_speech(self) -> bytes:
        with self._lock:
            chunk = bytes(self._speech[: MIC_FORMAT.chunk_bytes])
            del self._speech[: MIC_FORMAT.chunk_bytes]
            self._said_bytes += len(chunk)
        self._quiet_chunks = 0 if chunk else self._quiet_chunks + 1
        return chunk

    def _mix(self, speech: bytes, since_s: float) -> bytes:
        """Speech as it is; else the room's noise; with the speaker's sound where it can be heard."""
        if not speech:
            noise = self._noise.integers(-NOISE_PEAK, NOISE_PEAK + 1, MIC_FORMAT.chunk_frames)
            speech = noise.astype("<i2").tobytes()
        speech = speech.ljust(MIC_FORMAT.chunk_bytes, b"\0")
        echo = self._hears(since_s)
        if echo is None:
            return speech
        mixed = np.frombuffer(speech, "<i2") + np.rint(echo)
        return bytes(np.clip(mixed, -32768, 32767).astype("<i2"))


class SimulatedSpeaker:
    """Plays in real time, and keeps what was heard. The stream's calls: playback thread; the rest: any."""

    about = "simulated"

    def __init__(self, clock: Clock, sleep: Callable[[float], None], record_wav: Path | None) -> None:
        self._clock = clock
        self._sleep = sleep
        self._record_wav = record_wav
        self._lock = threading.Lock()
        self._queue: deque[tuple[float, bytes]] = deque()
        self._heard: deque[tuple[float, bytes]] = deque()
        self._heard_bytes = 0
        self._end_s = 0.0
        self._broken: SpeakerError | None = None
        self.breaks = 0
        """How often a sound was continued after the speaker had run dry."""
        self.is_open = False
        self.flushed_s: deque[float] = deque(maxlen=1000)
        """When it was flushed, on the clock; older times are forgotten."""
        self.record_error: OSError | None = None
        """Why the recording could not be written when the speaker was closed."""

    @property
    def underruns(self) -> int:
        """As `Speaker` has it: here, every break."""
        return self.breaks

    # --- what a test does

    def heard(self) -> bytes:
        """Everything that has been audible until now, without the pauses: 24 kHz mono s16."""
        with self._lock:
            self._play_until(self._clock())
            return b"".join(pcm for _, pcm in self._heard)

    @property
    def sounding(self) -> bool:
        """Whether something that is not silence is being heard now."""
        with self._lock:
            self._play_until(self._clock())
            return any(any(pcm) for _, pcm in self._queue)

    def forget(self) -> None:
        """Forget what has been audible until now."""
        with self._lock:
            self._play_until(self._clock())
            self._heard.clear()
            self._heard_bytes = 0

    def history(self) -> list[tuple[float, bytes]]:
        """What has been audible until now, in pieces, each with the time at which it began."""
        with self._lock:
            self._play_until(self._clock())
            return list(self._heard)

    def sound_at(self, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """What was audible at these moments on the clock, which grow, in sample units; 0 in pauses."""
        with self._lock:
            self._play_until(self._clock())
            places, samples = self._heard_since(times_s[0])
        if not len(places):
            return np.zeros(len(times_s))
        before = np.searchsorted(places, times_s, side="right") - 1
        in_pause = (before < 0) | (times_s - places[before] > PAUSE_S)
        return np.where(in_pause, 0.0, np.interp(times_s, places, samples))

    def _heard_since(self, since_s: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Each sample with its time, from a little before a moment on."""
        places, samples = [np.zeros(0)], [np.zeros(0)]
        for at_s, pcm in reversed(self._heard):
            if at_s + SPEAKER_FORMAT.seconds(len(pcm)) < since_s - PAUSE_S:
                break
            piece = np.frombuffer(pcm, "<i2").astype(np.float64)
            places.append(at_s + np.arange(len(piece)) / SPEAKER_FORMAT.rate_hz)
            samples.append(piece)
        return np.concatenate(places[::-1]), np.concatenate(samples[::-1])

    def fail(self) -> None:
        """Break: writing and opening raise SpeakerError until `heal`."""
        self._broken = SpeakerError("simulated speaker", "was broken on purpose")

    def heal(self) -> None:
        """Work again."""
        self._broken = None

    # --- the stream

    def open(self) -> SimulatedSpeaker:
        """Begin to play. Raises SpeakerError, also when the recording could not be written later."""
        if self._broken is not None:
            raise self._broken
        if self._record_wav is not None and not os.access(self._record_wav.parent, os.W_OK):
            raise SpeakerError(str(self._record_wav), "cannot be written: no such folder", permanent=True)
        self.is_open = True
        return self

    def write(self, pcm: bytes) -> None:
        """Queue a chunk; waits while the device is full."""
        if self._broken is not None:
            raise self._broken
        self._sleep(max(0.0, self.queued_s() + SPEAKER_FORMAT.seconds(len(pcm)) - DEVICE_DEPTH_S))
        with self._lock:
            now_s = self._clock()
            self._play_until(now_s)
            begin_s = max(self._end_s, now_s)
            self.breaks += 0 < now_s - self._end_s < BREAK_S and any(pcm) and self._was_sounding()
            self._queue.append((begin_s, pcm))
            self._end_s = begin_s + SPEAKER_FORMAT.seconds(len(pcm))

    def queued_s(self) -> float:
        """What is queued and not heard yet."""
        with self._lock:
            return max(0.0, self._end_s - self._clock())

    def flush(self) -> None:
        """Throw away what is queued."""
        if self._broken is not None:
            raise self._broken
        self.flushed_s.append(self._drop_queue())

    def close(self) -> None:
        """Stop playing; the recording, if one was asked for, is complete, or `record_error` tells why not."""
        self._drop_queue()
        self.is_open = False
        if self._record_wav is not None:
            try:
                write_wav(self._record_wav, self.heard())
            except OSError as error:
                self.record_error = error

    def _drop_queue(self) -> float:
        """Silence; returns when it began."""
        with self._lock:
            now_s = self._clock()
            self._play_until(now_s)
            self._queue.clear()
            self._end_s = min(self._end_s, now_s)
            return now_s

    def _was_sounding(self) -> bool:
        return bool(self._heard) and any(self._heard[-1][1])

    def _play_until(self, now_s: float) -> None:
        """Move what has been heard by now from the queue; of a chunk that is playing, its first part."""
        while self._queue and self._queue[0][0] < now_s:
            begin_s, pcm = self._queue.popleft()
            size = SPEAKER_FORMAT.bytes(now_s - begin_s)
            self._remember(begin_s, pcm[:size])
            if size < len(pcm):
                self._queue.appendleft((begin_s + SPEAKER_FORMAT.seconds(size), pcm[size:]))
                break

    def _remember(self, at_s: float, pcm: bytes) -> None:
        self._heard.append((at_s, pcm))
        self._heard_bytes += len(pcm)
        while self._heard_bytes > SPEAKER_FORMAT.bytes(HEARD_LIMIT_S):
            self._heard_bytes -= len(self._heard.popleft()[1])
