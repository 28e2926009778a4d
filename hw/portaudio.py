"""Microphone and speaker through PyAudio: ALSA cards, and PulseAudio or PipeWire behind ALSA.

Blocking streams, each on a `Worker` of its own. Measured over a private PulseAudio 16.1 with null sinks and a
5 ms recorder on the monitor, PortAudio 19.6, PyAudio 0.2.14, 2 cores x86:

| playback stream | holds | first write → heard p50 / p90 | 100 ms without a write | flush → silence |
|---|---|---|---|---|
| `frames_per_buffer` 20 ms, as PyAudio opens it | 60 ms | 0 / 0 ms | a gap of 43 ms | 0.4 ms |
| `frames_per_buffer` 200 ms | 600 ms | waits until 200 ms are written | no gap | 0.5 ms |
| **10 ms periods, 200 ms deep** (`hw.depth`) | 210 ms | 0.5 / 5 ms | no gap | 0.4 ms |
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
polling and callbacks alike; `get_read_available` hangs for ever after the server was killed. Opening takes
1 ms, listing the devices 30 to 50 ms.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hw.alsa_names import forget_names
from hw.base import MIC_FORMAT, SPEAKER_FORMAT, DeviceError, MicError, PcmFormat, SpeakerError
from hw.cards import CAPTURE, PLAYBACK, DeviceInfo, card_of, choose, describe, read_cards
from hw.depth import deep_streams
from hw.quiet import quiet_stderr
from hw.worker import Stalled, Worker

if TYPE_CHECKING:
    import pyaudio

OPEN_TIMEOUT_S = 3.0
"""Listing the devices takes half a second on a small board, opening a Bluetooth speaker one or two; with a
sound server that hangs it takes for ever."""

IO_TIMEOUT_S = 0.9
"""A read or a write that takes longer has stalled (`hw.base`: it fails within a second)."""

CLOSE_TIMEOUT_S = 0.5
"""Closing takes a millisecond; a close that hangs is left to its thread."""

MIC_PERIOD_FRAMES = MIC_FORMAT.chunk_frames // 2
"""10 ms. A sound server hands over whole periods, which need not end where a chunk does, so that a chunk
is on average half a period late: 4.5 ms, where with 20 ms it is 10.5 ms and with 5 ms 3 ms. The CPU time is
0.1 s a minute more than with 20 ms, and 0.3 s less than with 5 ms."""

MIC_DEPTH_S = 0.5
"""For how long nobody need read: a depth that is not used costs nothing."""

SPEAKER_PERIOD_FRAMES = SPEAKER_FORMAT.rate_hz // 100
"""10 ms: so much must be written before the device starts, and half a chunk always is."""

SPEAKER_DEPTH_S = 0.2
"""Stalls of 40 to 130 ms happen on small machines; and what is held must be discarded at a barge-in."""

BREAK_S = 0.3
"""A write so soon after the device ran dry continues a sound that broke; a later one is a new sound.

By then also what lay behind ALSA's queue has been heard, and the stream can be made ready for the next.
"""

REFUSED_RATE = -9997
REFUSED_CHANNELS = -9998
UNAVAILABLE = -9985
"""paInvalidSampleRate, paInvalidChannelCount, paDeviceUnavailable (portaudio.h, PaErrorCode)."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One direction: how a stream is opened, and which error tells of its failure."""

    name: str
    format: PcmFormat
    period_frames: int
    depth_s: float
    error: type[DeviceError]

    @property
    def periods(self) -> int:
        """How many periods make the depth, with the one that is being written."""
        return self.format.frames(self.depth_s) // self.period_frames + 1

    def open_arguments(self, index: int) -> dict[str, Any]:
        """What PyAudio's `open` takes."""
        capture = self.name == CAPTURE
        return {
            "rate": self.format.rate_hz,
            "channels": self.format.channels,
            "frames_per_buffer": self.period_frames,
            "input": capture,
            "output": not capture,
            "input_device_index" if capture else "output_device_index": index,
        }


_MIC = _Kind(CAPTURE, MIC_FORMAT, MIC_PERIOD_FRAMES, MIC_DEPTH_S, MicError)
_SPEAKER = _Kind(PLAYBACK, SPEAKER_FORMAT, SPEAKER_PERIOD_FRAMES, SPEAKER_DEPTH_S, SpeakerError)
_KINDS = {kind.name: kind for kind in (_MIC, _SPEAKER)}


class _Library:
    """The one owner of PortAudio in this process. Any thread; calls wait for one another.

    PortAudio lists the devices when it is initialised, and never again; so that a device which was plugged in
    since is found, it is initialised anew whenever no stream is open. A stream that hangs stays open.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._audio: pyaudio.PyAudio | None = None
        self._open_streams = 0

    def list_devices(self) -> list[DeviceInfo]:
        """The devices that PortAudio can open now. Raises DeviceError without PyAudio."""
        with self._lock, quiet_stderr():
            return list(_devices(self._fresh(DeviceError)).values())

    def open_stream(self, kind: _Kind, wanted: str) -> Any:
        """A running stream. Raises the kind's error."""
        with self._lock:
            with quiet_stderr():
                audio = self._fresh(kind.error)
            devices = _devices(audio)
            index = choose(devices, wanted, kind.name)
            if index is None:
                words = describe(devices, kind.name)
                raise kind.error(wanted, f"there is no such {kind.name} device; {words}", absent=True)
            try:
                with quiet_stderr() as chatter:
                    stream = _open(audio, kind, index >> 1)
            except (OSError, ValueError) as error:
                raise open_refusal(kind.name, wanted, error, chatter) from error
            self._open_streams += 1
            return stream

    def close_stream(self, stream: Any) -> None:
        """Close a stream that was opened here; nobody may be inside its read or write."""
        try:
            stream.close()
        finally:
            with self._lock:
                self._open_streams -= 1

    def _fresh(self, error_type: type[DeviceError]) -> pyaudio.PyAudio:
        if self._audio is not None and self._open_streams == 0:
            self._audio.terminate()
            self._audio = None
        if self._audio is None:
            self._audio = _initialise(error_type)
        return self._audio


_LIBRARY = _Library()


def _initialise(error_type: type[DeviceError]) -> pyaudio.PyAudio:
    try:
        import pyaudio
    except ImportError as error:
        raise error_type("PyAudio", f"cannot be loaded: {error}", permanent=True) from error
    # PortAudio opens cards as hw:, which takes only the rates of the hardware; as plughw:, ALSA converts.
    os.environ.setdefault("PA_ALSA_PLUGHW", "1")
    os.environ.setdefault("JACK_NO_START_SERVER", "1")  # only looking for devices must not start one
    forget_names()
    return pyaudio.PyAudio()


def _devices(audio: pyaudio.PyAudio) -> dict[int, DeviceInfo]:
    """What can be opened; the key is twice PortAudio's index, plus one for playback."""
    cards = read_cards()
    found: dict[int, DeviceInfo] = {}
    for index in range(audio.get_device_count()):
        about = audio.get_device_info_by_index(index)
        host = audio.get_host_api_info_by_index(about["hostApi"])
        for playback, kind in enumerate((CAPTURE, PLAYBACK)):
            direction = ("Input", "Output")[playback]
            if about[f"max{direction}Channels"] > 0:
                default = host[f"default{direction}Device"] == index
                name = str(about["name"])
                found[2 * index + playback] = DeviceInfo(name, kind, card_of(name, cards), default)
    return found


def _open(audio: pyaudio.PyAudio, kind: _Kind, index: int) -> Any:
    import pyaudio

    about = audio.get_device_info_by_index(index)
    with deep_streams(pyaudio._portaudio.__file__, about, kind.depth_s, kind.periods):
        return audio.open(format=pyaudio.paInt16, **kind.open_arguments(index))


def open_refusal(kind_name: str, wanted: str, error: Exception, chatter: list[str]) -> DeviceError:
    """Why a device could not be opened, in words that help; `chatter` is what ALSA printed meanwhile."""
    kind = _KINDS[kind_name]
    code = error.errno if isinstance(error, OSError) else None
    if code in (REFUSED_RATE, REFUSED_CHANNELS):
        words = f"does not take {kind.format.rate_hz} Hz mono 16 bit"
        remedy = "let ALSA convert: use the device `default`, or a `plughw` of the card in ~/.asoundrc"
        return kind.error(wanted, f"{words}; {remedy}", permanent=True)
    if code == UNAVAILABLE:
        return kind.error(wanted, "is busy or gone: another program may have it (fuser -v /dev/snd/*)")
    cause = f" ({chatter[-1]})" if chatter else ""
    return kind.error(wanted, f"cannot be opened: {_text(error)}{cause}")


def _text(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def list_devices() -> list[DeviceInfo]:
    """Every capture and playback device that can be named in the configuration. Raises DeviceError."""
    return _LIBRARY.list_devices()


class _Stream:
    """A PyAudio stream on its own worker: a call that fails or hangs becomes the kind's error."""

    def __init__(self, kind: _Kind, wanted: str) -> None:
        self._kind = kind
        self._wanted = wanted
        self._stream: Any = None
        self._worker = Worker(f"portaudio {kind.name}")
        try:
            self.call(self._open, OPEN_TIMEOUT_S)
        except DeviceError:
            self.close()
            raise

    def call(self, function: Callable[[], Any], timeout_s: float = IO_TIMEOUT_S) -> Any:
        """What `function` returns on the worker, which alone may use the stream. Raises the kind's error."""
        try:
            return self._worker.call(function, timeout_s)
        except Stalled:
            words = f"does not answer for {timeout_s} s: the device or its sound server hangs"
            raise self._kind.error(self._wanted, words) from None
        except OSError as error:
            words = f"stopped working: {_text(error)}; was it unplugged, or its sound server stopped?"
            raise self._kind.error(self._wanted, words) from error

    def when_idle(self, function: Callable[[], object], delay_s: float) -> None:
        """Inside `call`: what to do when no other call comes for so long."""
        self._worker.when_idle(function, delay_s)

    @property
    def stream(self) -> Any:
        """PyAudio's stream; only inside `call`."""
        return self._stream

    def close(self) -> None:
        """Close it, if it was opened; or leave that to the thread that hangs."""
        self._worker.finish(self._close, CLOSE_TIMEOUT_S)

    def _open(self) -> None:
        self._stream = _LIBRARY.open_stream(self._kind, self._wanted)

    def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            _LIBRARY.close_stream(stream)


class PortAudioMic:
    """A `Mic`: 16 kHz mono from the device that `wanted` names (`hw.cards.choose`)."""

    def __init__(self, wanted: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Open it; raises MicError."""
        self._clock = clock
        self._stream = _Stream(_MIC, wanted)
        self._read_s = clock()
        self.overruns = 0

    def read(self) -> bytes:
        """One chunk. Raises MicError."""
        # PyAudio closes a stream whose overflow it reports, and PulseAudio reports none.
        self.overruns += self._clock() - self._read_s > MIC_DEPTH_S
        pcm: bytes = self._stream.call(self._read)
        self._read_s = self._clock()
        return pcm

    def close(self) -> None:
        """Give the device back."""
        self._stream.close()

    def _read(self) -> Any:
        return self._stream.stream.read(MIC_FORMAT.chunk_frames, exception_on_overflow=False)


class PortAudioSpeaker:
    """A `Speaker`: 24 kHz mono to the device that `wanted` names (`hw.cards.choose`)."""

    def __init__(self, wanted: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Open it; raises SpeakerError."""
        self._clock = clock
        self._stream = _Stream(_SPEAKER, wanted)
        self._size_frames = self._stream.call(self._available_frames)
        self._dry_s: float | None = None
        """When what was written will have been played; None: nothing was written since opening or a flush."""
        self.underruns = 0

    def write(self, pcm: bytes) -> None:
        """Queue a chunk. Raises SpeakerError."""
        idle_s = self._idle_s()
        self.underruns += idle_s is not None and 0 < idle_s < BREAK_S
        # Less than a period would lie there and wait for more.
        padded = pcm if idle_s is not None and idle_s <= 0 else pcm.ljust(_PERIOD_BYTES, b"\0")
        left_frames = self._stream.call(lambda: self._write(padded))
        self._dry_s = self._clock() + left_frames / SPEAKER_FORMAT.rate_hz

    def queued_s(self) -> float:
        """What is still to be heard; the latency behind ALSA's queue (some milliseconds) is not known."""
        idle_s = self._idle_s()
        return 0.0 if idle_s is None else max(0.0, -idle_s)

    def flush(self) -> None:
        """Silence. Raises SpeakerError."""
        self._dry_s = None
        self._stream.call(self._restart)

    def close(self) -> None:
        """Give the device back."""
        self._stream.close()

    def _idle_s(self) -> float | None:
        """For how long the device has been dry; below 0 while it plays; None if it never played."""
        return None if self._dry_s is None else self._clock() - self._dry_s

    def _write(self, pcm: bytes) -> int:
        """Write, and say how many frames the device then holds."""
        self._stream.stream.write(pcm)
        left_frames = int(self._size_frames) - self._available_frames()
        self._stream.when_idle(self._restart, left_frames / SPEAKER_FORMAT.rate_hz + BREAK_S)
        return left_frames

    def _available_frames(self) -> int:
        free = int(self._stream.stream.get_write_available())
        if free < 0:  # PyAudio gives PortAudio's error code as if it were a number of frames
            raise OSError(free, "PortAudio cannot tell how much the device holds")
        return free

    def _restart(self) -> None:
        self._stream.stream.stop_stream()
        self._stream.stream.start_stream()


_PERIOD_BYTES = SPEAKER_PERIOD_FRAMES * SPEAKER_FORMAT.frame_bytes
