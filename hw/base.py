"""What the daemon asks of a device: the contracts that every board, real or simulated, obeys.

Threads: a `Mic` belongs to the capture thread and a `Speaker` to the playback thread; the thread
that opened one is the only one that reads, writes, flushes or closes it (closing a PortAudio stream
while another thread is inside its read or write ends the process). A `Button` calls back on a thread
of its vendor's library, so the callback may only hand the edge on. `Leds` belong to the event loop
and must not block for more than a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

CHUNK_MS = 20
"""What moves as one unit. 10, 20 and 30 ms are the lengths that WebRTC's VAD accepts."""


@dataclass(frozen=True, slots=True)
class PcmFormat:
    """Interleaved signed 16-bit little-endian PCM (the only sample type that the Live API takes)."""

    rate_hz: int
    channels: int = 1

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame: one sample for each channel."""
        return 2 * self.channels

    @property
    def chunk_frames(self) -> int:
        """Frames of one chunk (320 at 16 kHz)."""
        return self.rate_hz * CHUNK_MS // 1000

    @property
    def chunk_bytes(self) -> int:
        """Bytes of one chunk (640 at 16 kHz mono)."""
        return self.chunk_frames * self.frame_bytes

    def frames(self, seconds: float) -> int:
        """Whole frames in `seconds`, rounded to the nearest."""
        return round(seconds * self.rate_hz)

    def bytes(self, seconds: float) -> int:
        """Bytes of the whole frames in `seconds`."""
        return self.frames(seconds) * self.frame_bytes

    def seconds(self, size_bytes: int) -> float:
        """How long `size_bytes` of this format play."""
        return size_bytes / (self.frame_bytes * self.rate_hz)


MIC_FORMAT = PcmFormat(16_000)
"""What a `Mic` delivers: the Live API's native input rate (Live API guide, audio formats)."""

SPEAKER_FORMAT = PcmFormat(24_000)
"""What a `Speaker` takes: the Live API's output rate (Live API guide, audio formats)."""


class DeviceError(Exception):
    """A device cannot be opened or has failed.

    `device` names it as its user would (a card, a pin, a file); the message says what is wrong and
    what to do. `permanent` is true when trying again cannot help (a name that does not exist in a
    file, a wrong format), false for what may come back (unplugged, busy). `absent` is true when no device
    of that name is there now: a wrong name, or one that is unplugged.
    """

    def __init__(self, device: str, message: str, *, permanent: bool = False, absent: bool = False) -> None:
        super().__init__(f"{device}: {message}")
        self.device = device
        self.permanent = permanent
        self.absent = absent


class MicError(DeviceError):
    """The microphone cannot be opened or stopped delivering."""


class SpeakerError(DeviceError):
    """The speaker cannot be opened or stopped taking samples."""


class ButtonError(DeviceError):
    """The button's line cannot be claimed."""


class LedError(DeviceError):
    """The lights cannot be driven."""


@dataclass(frozen=True, slots=True)
class Colour:
    """One pixel, each channel 0 to 255, before the board's brightness limit."""

    red: int = 0
    green: int = 0
    blue: int = 0

    @property
    def brightest(self) -> int:
        """The strongest channel, 0 to 255: what a light of one colour shows (blue has hardly any luma)."""
        return max(self.red, self.green, self.blue)


class Mic(Protocol):
    """An open capture stream that delivers `MIC_FORMAT`. Capture thread only."""

    @property
    def about(self) -> str:
        """The device and the form in which it was opened, in words. Any thread."""
        ...

    @property
    def overruns(self) -> int:
        """How often samples were lost because nobody read in time, since the stream was opened."""
        ...

    def read(self, *, patient: bool = False) -> bytes:
        """Block until one chunk (`MIC_FORMAT.chunk_bytes`) is there and return exactly it.

        `patient`: nobody waits for it, so that it may come a chunk later than it could,
        together with the next.
        Returns within a second, or within three after it was opened, or raises MicError: a stream that
        stalls is a failed stream, and so is one that runs far off real time, which gives no more than some
        seconds before it is found out.
        """
        ...

    def close(self) -> None:
        """Give the device back. May be called once after any error; never raises."""
        ...


class Speaker(Protocol):
    """An open playback stream that takes `SPEAKER_FORMAT`. Playback thread only.

    An open speaker to which nothing is written costs no CPU and plays silence.
    """

    @property
    def about(self) -> str:
        """The device and the form in which it was opened, in words. Any thread."""
        ...

    @property
    def underruns(self) -> int:
        """How often the device ran dry while samples followed, since the stream was opened."""
        ...

    def write(self, pcm: bytes) -> None:
        """Queue whole frames (at most one chunk); block until the device took them all.

        The first write after silence starts the device at once; it never waits for more. Blocks no
        longer than the chunk itself lasts, but once, after it was opened, up to three seconds: until a sound
        server's device begins. Raises SpeakerError when the device is gone or stalls.
        """
        ...

    def queued_s(self) -> float:
        """Seconds of written samples that have not been heard yet, the device's own latency included.

        Raises SpeakerError when the device is gone.
        """
        ...

    def flush(self) -> None:
        """Throw away what the device still holds; silence within 40 ms. Raises SpeakerError."""
        ...

    def close(self) -> None:
        """Give the device back, discarding what it holds. Never raises."""
        ...


class Button(Protocol):
    """A push button that reports debounced edges to the callback it was opened with."""

    def close(self) -> None:
        """Release the line; no callback after it returns. Never raises."""
        ...


EdgeCallback = Callable[[bool, float], None]
"""`(pressed, at_s)`: the debounced edge and its time on `time.monotonic()`. Any thread."""


class Leds(Protocol):
    """Status lights: `count` pixels, written as a whole. Event loop only."""

    @property
    def count(self) -> int:
        """Number of pixels, at least 1 (a board without lights has `Leds` that show nothing)."""
        ...

    def show(self, pixels: Sequence[Colour]) -> None:
        """Show exactly `count` pixels. Raises LedError."""
        ...

    def close(self) -> None:
        """Turn the lights off and give the pins back. Never raises."""
        ...


class Stage(Protocol):
    """What can be acted on a board without people and things: for rehearsals. Any thread."""

    def tap(self) -> None:
        """Press the button and let it go."""
        ...

    def speak(self) -> bytes:
        """Say the board's sentence into the microphone; returns its samples (`MIC_FORMAT`)."""
        ...

    def heard(self) -> bytes | None:
        """All that the speaker has made audible so far (`SPEAKER_FORMAT`), without the pauses.

        None where the speaker is a real one, which does not tell.
        """
        ...


class HardwareVolume(Protocol):
    """What makes the speaker softer besides the samples: a card's mixer. Any thread; never waits for it."""

    on_rest: Callable[[float], None]
    """Told which factor is left to the samples; on the caller's thread, or on another."""

    @property
    def about(self) -> str:
        """What is in use, in words; empty while the samples do it all."""
        ...

    @property
    def problem(self) -> str | None:
        """Why what was asked for cannot be used."""
        ...

    def set_gain(self, gain: float, *, by_samples: bool = False) -> None:
        """Play at this factor, 0 to 1; `by_samples`: the samples do all of it."""
        ...


class Board(Protocol):
    """A set of devices. Opening is lazy: a vendor library is imported by the `open_` that needs it."""

    @property
    def name(self) -> str:
        """The board's name in the configuration."""
        ...

    @property
    def has_button(self) -> bool:
        """Whether `open_button` gives a button (else a voice or a command must be the trigger)."""
        ...

    @property
    def echo_free(self) -> bool:
        """Whether the microphone does not hear the speaker (simulated, or cancelled in hardware)."""
        ...

    @property
    def stage(self) -> Stage | None:
        """What plays the user's part, where the board is simulated."""
        ...

    @property
    def hardware_volume(self) -> HardwareVolume | None:
        """What can make the speaker softer besides the samples; None: nothing can."""
        ...

    def open_mic(self) -> Mic:
        """Open the microphone on the calling thread. Raises MicError."""
        ...

    def open_speaker(self) -> Speaker:
        """Open the speaker on the calling thread. Raises SpeakerError."""
        ...

    def open_button(self, on_edge: EdgeCallback) -> Button | None:
        """Open the button, or None where the board has none. Raises ButtonError."""
        ...

    def open_leds(self) -> Leds:
        """Open the lights. Raises LedError."""
        ...

    def close(self) -> None:
        """Release what the board itself holds (a pin factory, a library). Never raises."""
        ...
