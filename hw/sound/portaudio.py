"""Microphone and speaker through PyAudio: ALSA cards, and PulseAudio or PipeWire behind ALSA.

Blocking streams, each on a `Worker` of its own; `hw.sound.library` owns PortAudio itself. Measured over a
private PulseAudio 16.1 with null sinks and a 5 ms recorder on the monitor, PortAudio 19.6, PyAudio 0.2.14, 2
cores x86:

| playback stream | holds | first write → heard p50 / p90 | 100 ms without a write | flush → silence |
|---|---|---|---|---|
| `frames_per_buffer` 20 ms, as PyAudio opens it | 60 ms | 0 / 0 ms | a gap of 43 ms | 0.4 ms |
| `frames_per_buffer` 200 ms | 600 ms | waits until 200 ms are written | no gap | 0.5 ms |
| **10 ms periods, 200 ms deep** (`hw.sound.depth`) | 210 ms | 0.5 / 5 ms | no gap | 0.4 ms |
| 20 ms periods, 200 ms deep | 220 ms | 0.5 / 5 ms, but nothing below 20 ms starts | no gap | 0.4 ms |
| callback stream | | 30 ms more: it hands over silence before the first sample | | |

*Flush*: with ALSA `stop_stream` discards what is queued (pa_linux_alsa.c, AlsaStop: snd_pcm_drop, in every
version until now, whatever Pa_StopStream promises) and takes 0.4 ms with the start after it; close and
reopen takes 1.7 ms, and longer on real hardware. *Idle*: an open stream costs 0.005 s of CPU a minute,
whether it ran dry or was stopped. *Ready*: the first write after running dry recovers the stream, in several
round trips to the sound server and with a line on standard error: 0.6 ms, or up to 400 ms beside a busy
program. So the stream is made ready again once a sound is over; a write then takes 0.3 ms, or up to 3 ms.
*Playing*: 0.26 s of CPU a minute. *Underruns* are told from the clock, since PyAudio closes a stream when it
is asked to raise for one. `get_write_available` is right to one period. *Capture*: 0.2 s a minute, blocking,
polling and callbacks alike. *Waiting*: when a card is pulled while PortAudio waits inside a read or a write,
it tries to recover for ever, with all of a processor and 80,000 lines a second on standard error (PortAudio
issue 1037, 19.6 and 19.7); asked how much there is, it tells of the failure. So for a card, whatever plug-ins
are before it, the waiting is done here. With a sound server it is the other way round: a read fails when the
server is killed, and `get_read_available` hangs for ever.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from hw.base import MIC_FORMAT, SPEAKER_FORMAT, DeviceError, MicError, PcmFormat, SpeakerError
from hw.sound.cards import CAPTURE, PLAYBACK, card_number
from hw.sound.library import ERRORS, LIBRARY, UNAVAILABLE, Opened, error_text
from hw.sound.negotiate import MIC_OPTIONS, SPEAKER_OPTIONS, Form, StreamOptions
from hw.sound.pace import DevicePace
from hw.sound.resample import CaptureConverter, PlaybackConverter
from hw.sound.worker import Stalled, Worker

OPEN_TIMEOUT_S = 3.0
"""Listing the devices takes half a second on a small board, opening a Bluetooth speaker one or two; with a
sound server that hangs it takes for ever."""

IO_TIMEOUT_S = 0.9
"""A read or a write that takes longer has stalled (`hw.base`: it fails within a second)."""

WAIT_LIMIT_S = 0.8
"""A device that moves nothing for so long has stalled. Less than IO_TIMEOUT_S: its own thread knows first."""

POLL_S = 0.001
"""The least pause between two questions. Periods come when they come: a chunk is late by half of it."""

CLOSE_TIMEOUT_S = 0.5
"""Closing takes a millisecond; a close that hangs is left to its thread."""

LEND_TIMEOUT_S = 0.5
"""For how long the other device waits for a stream to be lent: its thread may be inside a read of 20 ms."""

LENT_TIMEOUT_S = 5.0
"""A stream is opened again after this at the latest, whatever became of the one who asked for it."""

BREAK_S = 0.3
"""A write so soon after the device ran dry continues a sound that broke; a later one is a new sound.

By then also what lay behind ALSA's queue has been heard, and the stream can be made ready for the next.
"""

CHECK_S = 1.0
"""How often a card that plays nothing is asked whether it is still there."""

TAIL_S = 0.03
"""What a resampler holds back is played when no more came until so long before the device runs dry, or until
half of what it holds has been played: a write takes up to 3 ms on a busy machine."""


class _Stream:
    """A PyAudio stream on its own worker: a call that fails or hangs becomes the kind's error."""

    def __init__(
        self,
        kind: str,
        wanted: str,
        options: StreamOptions,
        *,
        set_up: Callable[[Opened], None],
        may_lend: Callable[[], bool],
    ) -> None:
        """`set_up` is called on the worker whenever the stream was opened; `may_lend` says there whether it
        can be spared for a moment. Raises the kind's error."""
        self._kind = kind
        self._wanted = wanted
        self._options = options
        self._set_up = set_up
        self._may_lend = may_lend
        self._opened: Opened | None = None
        self._fault: DeviceError | None = None
        self._worker = Worker(f"portaudio {kind}")
        try:
            self.call(self._open, OPEN_TIMEOUT_S)
        except DeviceError:
            self.close()
            raise

    def call(self, function: Callable[[], Any], timeout_s: float = IO_TIMEOUT_S) -> Any:
        """What `function` returns on the worker, which alone may use the stream. Raises the kind's error."""
        error_type = ERRORS[self._kind]
        try:
            return self._worker.call(function, timeout_s)
        except Stalled:
            words = f"does not answer for {timeout_s} s: the device or its sound server hangs"
            raise error_type(self._wanted, words) from None
        except OSError as error:
            words = f"stopped working: {error_text(error)}; was it unplugged, or its sound server stopped?"
            raise error_type(self._wanted, words) from error
        except ImportError as error:
            words = f"has not our rate, and cannot be resampled: {error}"
            raise error_type(self._wanted, words, permanent=True) from error

    def when_idle(self, function: Callable[[], object], delay_s: float) -> None:
        """Inside `call`: what to do when no other call comes for so long."""
        self._worker.when_idle(function, delay_s)

    @property
    def stream(self) -> Any:
        """PyAudio's stream; only inside `call`. Raises DeviceError if it was lent and did not come back."""
        if self._opened is None:
            raise self._fault or ERRORS[self._kind](self._wanted, "is closed")
        return self._opened.stream

    @property
    def hangs(self) -> bool:
        """Whether the stream is stuck in a call that does not return."""
        return self._worker.stalled

    def lend(self, go_on: threading.Event) -> bool:
        """As `hw.sound.library.Lender` has it."""
        answer: SimpleQueue[bool] = SimpleQueue()
        self._worker.aside(lambda: self._lend(answer, go_on))
        try:
            return answer.get(timeout=LEND_TIMEOUT_S)
        except Empty:
            return False

    def close(self) -> None:
        """Close it, if it was opened; or leave that to the thread that hangs."""
        self._worker.finish(self._close, CLOSE_TIMEOUT_S)

    def _lend(self, answer: SimpleQueue[bool], go_on: threading.Event) -> None:
        """Asked too late, there is nothing to do: `go_on` is set."""
        if go_on.is_set() or self._opened is None or not self._may_lend():
            answer.put(False)
            return
        self._close()
        answer.put(True)
        go_on.wait(LENT_TIMEOUT_S)
        try:
            self._open()
        except DeviceError as error:
            self._fault = error

    def _open(self) -> None:
        self._opened = LIBRARY.open_stream(self, self._kind, self._wanted, self._options)
        self._set_up(self._opened)

    def _close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            LIBRARY.close_stream(self, opened)


def _about(opened: Opened, own: PcmFormat) -> str:
    resampled = "" if opened.form.rate_hz == own.rate_hz else ", resampled"
    return f"{opened.name}: {opened.form}{resampled}"


def _is_own(form: Form, own: PcmFormat) -> bool:
    return form == Form(own.rate_hz, own.channels)


class PortAudioMic:
    """A `Mic`: 16 kHz mono from the device that `wanted` names (`hw.sound.cards.choose`)."""

    def __init__(
        self,
        wanted: str,
        clock: Callable[[], float] = time.monotonic,
        options: StreamOptions = MIC_OPTIONS,
    ) -> None:
        """Open it; raises MicError."""
        self._wanted = wanted
        self._clock = clock
        self._pace = DevicePace()
        self._options = options
        self._converter: CaptureConverter | None = None
        self._rate_hz = MIC_FORMAT.rate_hz
        self._served = True
        self._ready = bytearray()
        self._next = b""
        """The chunk after one that was read patiently."""
        self._opens = 0
        self.about = ""
        self.overruns = 0
        self._stream = _Stream(CAPTURE, wanted, options, set_up=self._set_up, may_lend=lambda: True)
        self._read_s = clock()

    @property
    def held_s(self) -> float:
        """How late a sample is for having been resampled, in seconds; 0 where it is not."""
        return 0.0 if self._converter is None else self._converter.held_s

    def read(self, *, patient: bool = False) -> bytes:
        """One chunk. Raises MicError.

        Patiently two are fetched at once: that saves 0.1 to 0.2 s of CPU a minute.
        """
        if self._next:
            chunk, self._next = self._next, b""
            return chunk
        pcm = self._read_in_time(MIC_FORMAT.chunk_frames * (1 + patient))
        self._next = pcm[MIC_FORMAT.chunk_bytes :]
        return pcm[: MIC_FORMAT.chunk_bytes]

    def close(self) -> None:
        """Give the device back."""
        self._stream.close()
        self._converter = None

    def _read_in_time(self, own_frames: int) -> bytes:
        """So many frames, from a device that runs in real time. Raises MicError."""
        before_s, asked_s = self._read_s, self._clock()
        # PyAudio closes a stream whose overflow it reports, and PulseAudio reports none.
        self.overruns += asked_s - before_s > self._options.depth_s
        pcm: bytes = self._stream.call(partial(self._read, own_frames))
        self._read_s = self._clock()
        sound_s = MIC_FORMAT.seconds(len(pcm))
        if fault := self._pace.note(sound_s, self._read_s - before_s, self._read_s - asked_s):
            raise MicError(self._wanted, fault)
        return pcm

    def _set_up(self, opened: Opened) -> None:
        own = _is_own(opened.form, MIC_FORMAT)
        self._pace = DevicePace()
        self._converter = None if own else CaptureConverter(opened.form, self._options.channel)
        self._rate_hz = opened.form.rate_hz
        self._served = opened.served
        self._ready.clear()
        self.about = _about(opened, MIC_FORMAT)
        self.overruns += bool(self._opens)  # it was lent, and samples were lost meanwhile
        self._opens += 1

    def _read(self, own_frames: int) -> bytes:
        """So many frames of `MIC_FORMAT`."""
        stream, converter = self._stream.stream, self._converter
        if converter is None:
            return self._take(stream, own_frames)
        wanted_bytes = own_frames * MIC_FORMAT.frame_bytes
        while (missing_bytes := wanted_bytes - len(self._ready)) > 0:
            frames = converter.frames_for(missing_bytes)
            self._ready += converter.convert(self._take(stream, frames))
        pcm = bytes(self._ready[:wanted_bytes])
        del self._ready[:wanted_bytes]
        return pcm

    def _take(self, stream: Any, frames: int) -> bytes:
        if not self._served:
            _wait_for(lambda: _waiting_frames(stream), frames, self._rate_hz)
        pcm: bytes = stream.read(frames, exception_on_overflow=False)
        return pcm


class PortAudioSpeaker:
    """A `Speaker`: 24 kHz mono to the device that `wanted` names (`hw.sound.cards.choose`)."""

    def __init__(
        self,
        wanted: str,
        clock: Callable[[], float] = time.monotonic,
        options: StreamOptions = SPEAKER_OPTIONS,
    ) -> None:
        """Open it; raises SpeakerError."""
        self._clock = clock
        self._period_bytes = options.period_frames(SPEAKER_FORMAT.rate_hz) * SPEAKER_FORMAT.frame_bytes
        self._wanted = wanted
        self._converter: PlaybackConverter | None = None
        self._rate_hz = SPEAKER_FORMAT.rate_hz
        self._frame_bytes = SPEAKER_FORMAT.frame_bytes
        self._served = True
        self._size_frames = 0
        self._gone: SpeakerError | None = None
        self._ended = False
        """Whether the rest of a sound has been played, because no more came in time."""
        self._dry_s: float | None = None
        """When what was written will have been played; None: nothing was written since opening or a flush."""
        self.about = ""
        self.card: int | None = None
        """The number of the card that it plays on; None for what is no card."""
        self.underruns = 0
        self._stream = _Stream(
            PLAYBACK, wanted, options, set_up=self._set_up, may_lend=lambda: (self._idle_s() or 0.0) >= 0
        )

    def write(self, pcm: bytes) -> None:
        """Queue a chunk. Raises SpeakerError."""
        idle_s = self._idle_s()
        self.underruns += not self._ended and idle_s is not None and 0 < idle_s < BREAK_S
        # Less than a period would lie there and wait for more.
        padded = pcm if idle_s is not None and idle_s <= 0 else pcm.ljust(self._period_bytes, b"\0")
        left_s = self._stream.call(lambda: self._write(padded))
        self._dry_s = self._clock() + left_s

    def queued_s(self) -> float:
        """What is still to be heard, in a resampler too; the latency behind ALSA's queue (some milliseconds)
        is not known. Raises SpeakerError if the device went away while nothing was written."""
        if self._gone is not None:
            raise self._gone
        idle_s = self._idle_s()
        return 0.0 if idle_s is None else max(0.0, -idle_s)

    def flush(self) -> None:
        """Silence. Raises SpeakerError."""
        self._dry_s = None
        self._stream.call(self._restart)

    def close(self) -> None:
        """Give the device back."""
        self._stream.close()
        self._converter = None

    def _set_up(self, opened: Opened) -> None:
        self._converter = None if _is_own(opened.form, SPEAKER_FORMAT) else PlaybackConverter(opened.form)
        self._rate_hz = opened.form.rate_hz
        self._frame_bytes = 2 * opened.form.channels
        self._served = opened.served
        self._size_frames = _free_frames(opened.stream)
        self.card = card_number(opened.name)
        self.about = _about(opened, SPEAKER_FORMAT)

    def _idle_s(self) -> float | None:
        """For how long the device has been dry; below 0 while it plays; None if it never played."""
        return None if self._dry_s is None else self._clock() - self._dry_s

    def _write(self, pcm: bytes) -> float:
        """Write, and say for how many seconds there is something to be heard."""
        stream, converter = self._stream.stream, self._converter
        self.underruns += self._ended  # it went on, with silence in between
        self._ended = False
        given = pcm if converter is None else converter.convert(pcm)
        self._put(stream, given)
        left_s = self._left_s(stream)
        if converter is None or converter.held_s <= 0:
            self._stream.when_idle(self._make_ready, left_s + BREAK_S)
            return left_s
        self._stream.when_idle(self._play_rest, max(left_s - TAIL_S, left_s / 2))
        return left_s + converter.held_s

    def _write_rest(self) -> None:
        assert self._converter is not None
        stream = self._stream.stream
        self._put(stream, self._converter.rest())
        self._ended = True
        self._stream.when_idle(self._make_ready, self._left_s(stream) + BREAK_S)

    def _put(self, stream: Any, pcm: bytes) -> None:
        """Write in the device's form what is not empty, when there is room for it."""
        if not pcm:
            return
        if not self._served:
            _wait_for(lambda: _free_frames(stream), len(pcm) // self._frame_bytes, self._rate_hz)
        stream.write(pcm)

    def _left_s(self, stream: Any) -> float:
        """For how many seconds the device has something to play."""
        return (self._size_frames - _free_frames(stream)) / self._rate_hz

    def _restart(self) -> None:
        if self._converter is not None:
            self._converter.reset()
        self._ended = False
        stream = self._stream.stream
        stream.stop_stream()
        stream.start_stream()
        if not self._served:
            self._stream.when_idle(self._check, CHECK_S)

    # --- what the worker does while nobody calls: who calls next, or asks, learns of a failure

    def _play_rest(self) -> None:
        """No more came: the sound ends with what the resampler holds back."""
        self._unasked(self._write_rest)

    def _make_ready(self) -> None:
        """A sound is over: the next is to begin at once."""
        self._unasked(self._restart)

    def _check(self) -> None:
        """Nobody has played anything for a while: is the device still there?"""
        self._unasked(self._ask)

    def _unasked(self, function: Callable[[], None]) -> None:
        try:
            function()
        except (OSError, SpeakerError) as error:
            self._gone = SpeakerError(self._wanted, f"went away: {error}")

    def _ask(self) -> None:
        _free_frames(self._stream.stream)
        self._stream.when_idle(self._check, CHECK_S)


def _wait_for(ask: Callable[[], int], frames: int, rate_hz: int) -> None:
    """Wait until there are so many frames. Raises OSError."""
    give_up_s = time.monotonic() + WAIT_LIMIT_S
    while (missing_frames := frames - ask()) > 0:
        if time.monotonic() > give_up_s:
            raise OSError(UNAVAILABLE, "it moves no samples")
        time.sleep(max(POLL_S, missing_frames / rate_hz))


def _waiting_frames(stream: Any) -> int:
    """What can be read without waiting. Raises OSError."""
    return _counted(int(stream.get_read_available()))


def _free_frames(stream: Any) -> int:
    """What can be written without waiting. Raises OSError."""
    return _counted(int(stream.get_write_available()))


def _counted(frames: int) -> int:
    """PyAudio gives PortAudio's error code as if it were a number of frames."""
    if frames < 0:
        raise OSError(frames, "PortAudio cannot tell how much the device holds")
    return frames
