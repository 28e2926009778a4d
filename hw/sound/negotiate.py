"""The forms in which Conure asks a sound device for what it wants, best first. Pure.

A card may know 48 kHz alone, stereo alone, or six channels alone. PortAudio converts the type of the samples,
and plays one channel on all (pa_linux_alsa.c, PaAlsaStreamComponent_DoChannelAdaption); it does not convert
rates, nor mix. So Conure asks the device for each form of this list until it takes one, and does the rest
itself (`hw.sound.resample`).
"""

from __future__ import annotations

from dataclasses import dataclass

from hw.base import CHUNK_MS, MIC_FORMAT, SPEAKER_FORMAT, PcmFormat

RATES_HZ = (48_000, 32_000, 96_000, 44_100, 192_000, 88_200, 22_050, 8_000)
"""What is asked for after our own rate. Whole multiples first, and what cards commonly have before what they
seldom have; below our own rate something of the voice is lost. Each has a whole number of frames in 20 ms."""

MOST_CHANNELS = 16
"""A device that claims more has no channels of its own: it is a plug-in or a sound server, which converts."""

MIX = -1
"""In the place of a channel's number: the mean of all channels."""


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What the user may say about one direction. Durations in seconds."""

    period_s: float
    """What the device hands over at once."""
    depth_s: float
    """What it holds at most."""
    rate_hz: int = 0
    """0: what it takes, our own rate before all others."""
    channel: int = 0
    """Capture: which channel is heard, from 0, or MIX."""

    def period_frames(self, rate_hz: int) -> int:
        """Frames of one period, at least one."""
        return max(1, round(rate_hz * self.period_s))

    @property
    def periods(self) -> int:
        """How many periods make the depth, with the one that is being read or written."""
        return round(self.depth_s / self.period_s) + 1


MIC_OPTIONS = StreamOptions(period_s=0.01, depth_s=0.5)
"""Period: a sound server hands over whole periods, which need not end where a chunk does, so that a chunk is
on average half a period late: 4.5 ms, where with 20 ms it is 10.5 ms and with 5 ms 3 ms. The CPU time is 0.1
s a minute more than with 20 ms, and 0.3 s less than with 5 ms. Depth: for how long nobody need read; one that
is not used costs nothing."""

SPEAKER_OPTIONS = StreamOptions(period_s=0.01, depth_s=0.2)
"""Period: so much must be written before the device starts, and half a chunk always is. Depth: stalls of 40
to 130 ms happen on small machines; and what is held must be discarded at a barge-in."""


@dataclass(frozen=True, slots=True)
class Form:
    """Interleaved signed 16 bit samples, as a device is opened."""

    rate_hz: int
    channels: int

    @property
    def chunk_frames(self) -> int:
        """Frames of 20 ms."""
        return self.rate_hz * CHUNK_MS // 1000

    def __str__(self) -> str:
        """For people: "48000 Hz, 2 channels"."""
        return f"{self.rate_hz} Hz, {self.channels} channel{'s' if self.channels > 1 else ''}"


def capture_forms(options: StreamOptions, most_channels: int) -> tuple[Form, ...]:
    """The forms to ask a capture device of so many channels for; empty if it has not the channel wanted."""
    return _forms(MIC_FORMAT, options.rate_hz, _capture_channels(options.channel, most_channels))


def playback_forms(options: StreamOptions, most_channels: int) -> tuple[Form, ...]:
    """The forms to ask a playback device of so many channels for."""
    wide = (most_channels,) if 2 < most_channels <= MOST_CHANNELS else ()
    fitting = tuple(count for count in (1, 2) if count <= most_channels)
    return _forms(SPEAKER_FORMAT, options.rate_hz, fitting + wide)


def _forms(own: PcmFormat, rate_hz: int, channels: tuple[int, ...]) -> tuple[Form, ...]:
    rates = (rate_hz,) if rate_hz else (own.rate_hz, *RATES_HZ)
    return tuple(Form(rate, count) for rate in rates for count in channels)


def _capture_channels(channel: int, most: int) -> tuple[int, ...]:
    """As few channels as hold the one that is wanted; then all, for a device that gives all or none."""
    if channel == MIX:
        return (most,) if most <= MOST_CHANNELS else (1,)
    if channel >= most:
        return ()
    return (channel + 1, most) if channel + 1 < most <= MOST_CHANNELS else (channel + 1,)
