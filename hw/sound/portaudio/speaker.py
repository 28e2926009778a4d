"""The speaker: 24 kHz mono into whatever form the device has, with the end of a sound found by the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from hw.base import SPEAKER_FORMAT, SpeakerError
from hw.sound.cards import PLAYBACK, card_number
from hw.sound.library import Opened
from hw.sound.negotiate import SPEAKER_OPTIONS, StreamOptions
from hw.sound.portaudio.stream import Stream, describe, free_frames, is_own, wait_for
from hw.sound.resample import PlaybackConverter

BREAK_S = 0.3
"""A write so soon after the device ran dry continues a sound that broke; a later one is a new sound.

By then also what lay behind ALSA's queue has been heard, and the stream can be made ready for the next.
"""

BEGUN_S = 0.02
"""Who has taken so much more than he holds plays: what he has room for is right to one period."""

CHECK_S = 1.0
"""How often a card that plays nothing is asked whether it is still there."""

TAIL_S = 0.03
"""What a resampler holds back is played when no more came until so long before the device runs dry, or until
half of what it holds has been played: a write takes up to 3 ms on a busy machine."""


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
        self._written_s = 0.0
        """Since it was opened."""
        self._gone: SpeakerError | None = None
        self._ended = False
        """Whether the rest of a sound has been played, because no more came in time."""
        self._dry_s: float | None = None
        """When what was written will have been played; None: nothing was written since opening or a flush."""
        self.about = ""
        self.card: int | None = None
        """The number of the card that it plays on; None for what is no card."""
        self.underruns = 0
        self._stream = Stream(
            PLAYBACK, wanted, options, set_up=self._set_up, may_lend=lambda: (self._idle_s() or 0.0) >= 0
        )

    def write(self, pcm: bytes) -> None:
        """Queue a chunk. Raises SpeakerError."""
        idle_s = self._idle_s()
        self.underruns += not self._ended and idle_s is not None and 0 < idle_s < BREAK_S
        # Less than a period would lie there and wait for more.
        padded = pcm if idle_s is not None and idle_s <= 0 else pcm.ljust(self._period_bytes, b"\0")
        left_s = self._stream.call(lambda: self._write(padded))
        self._written_s += SPEAKER_FORMAT.seconds(len(padded))
        if self._written_s > self._size_frames / self._rate_hz + BEGUN_S:
            self._stream.has_begun()
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
        self._converter = None if is_own(opened.form, SPEAKER_FORMAT) else PlaybackConverter(opened.form)
        self._rate_hz = opened.form.rate_hz
        self._frame_bytes = 2 * opened.form.channels
        self._served = opened.served
        self._size_frames = free_frames(opened.stream)
        self._written_s = 0.0
        self.card = card_number(opened.name)
        self.about = describe(opened, SPEAKER_FORMAT)

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
            wait_for(lambda: free_frames(stream), len(pcm) // self._frame_bytes, self._rate_hz)
        stream.write(pcm)

    def _left_s(self, stream: Any) -> float:
        """For how many seconds the device has something to play."""
        return (self._size_frames - free_frames(stream)) / self._rate_hz

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
        free_frames(self._stream.stream)
        self._stream.when_idle(self._check, CHECK_S)
