"""Short trials of the sound devices: listen for a while; play; both at once. Each device on one thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from hw.base import MIC_FORMAT, SPEAKER_FORMAT, Board, DeviceError, Mic, Speaker

SETTLE_S = 0.5
"""Codecs click and settle their offset when they are opened."""

DRAIN_POLL_S = 0.02
DRAIN_LIMIT_S = 3.0
"""A speaker that still holds something this long after the last write is stuck."""

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Take:
    """What a microphone delivered."""

    pcm: bytes
    began_s: float
    """When its first sample was heard, on the clock, as seen from when the chunk before it had come."""
    lasted_s: float
    """How long it took to come."""
    overruns: int

    @property
    def rate_hz(self) -> float:
        """The rate at which it came, by this machine's clock."""
        return len(self.pcm) / MIC_FORMAT.frame_bytes / max(self.lasted_s, 1e-6)


def listen(mic: Mic, seconds: float) -> bytes:
    """So much of what comes. Raises MicError."""
    return b"".join(mic.read() for _ in range(round(MIC_FORMAT.frames(seconds) / MIC_FORMAT.chunk_frames)))


def take(mic: Mic, seconds: float, clock: Clock) -> Take:
    """Let the microphone settle, then listen. Raises MicError."""
    listen(mic, SETTLE_S)
    overruns, began_s = mic.overruns, clock()
    pcm = listen(mic, seconds)
    return Take(pcm, began_s, clock() - began_s, mic.overruns - overruns)


def play(speaker: Speaker, pcm: bytes, wait: Callable[[float], object]) -> None:
    """Play to the end; `wait` sleeps for so many seconds. Raises SpeakerError."""
    size = SPEAKER_FORMAT.chunk_bytes
    for start in range(0, len(pcm), size):
        speaker.write(pcm[start : start + size])
    for _ in range(round(DRAIN_LIMIT_S / DRAIN_POLL_S)):
        if speaker.queued_s() <= 0:
            return
        wait(DRAIN_POLL_S)


class Player:
    """Plays once, when told to, on a thread of its own, which alone uses the speaker."""

    def __init__(self, board: Board, pcm: bytes, clock: Clock) -> None:
        self._board = board
        self._pcm = pcm
        self._clock = clock
        self._opened = threading.Event()
        self._go = threading.Event()
        self._thread = threading.Thread(target=self._run, name="doctor speaker", daemon=True)
        self._error: DeviceError | None = None
        self.began_s = 0.0
        """When the first sample was handed over, on the clock."""

    def open(self) -> None:
        """Open the speaker. Raises SpeakerError."""
        self._thread.start()
        self._opened.wait(DRAIN_LIMIT_S)
        self._raise_error()

    def go(self) -> None:
        """Play now."""
        self._go.set()

    def finish(self) -> None:
        """Wait until it has been played and the speaker closed. Raises SpeakerError."""
        self._go.set()
        self._thread.join(DRAIN_LIMIT_S)
        self._raise_error()

    def _run(self) -> None:
        try:
            with closing(self._board.open_speaker()) as speaker:
                self._opened.set()
                self._go.wait()
                self.began_s = self._clock()
                play(speaker, self._pcm, threading.Event().wait)
        except DeviceError as error:
            self._error = error
        finally:
            self._opened.set()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error


def play_and_listen(
    board: Board, pcm: bytes, before_s: float, after_s: float, clock: Clock
) -> tuple[bytes, float]:
    """What the microphone hears while a sound is played, and how far into that the sound was handed over.

    It listens `before_s` before the sound, and `after_s` longer than the sound lasts. Raises DeviceError.
    """
    player = Player(board, pcm, clock)
    player.open()
    with closing(board.open_mic()) as mic:
        room = take(mic, before_s, clock)
        player.go()
        heard = listen(mic, SPEAKER_FORMAT.seconds(len(pcm)) + after_s)
    player.finish()
    return room.pcm + heard, player.began_s - room.began_s
