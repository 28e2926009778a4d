"""Short trials of the sound devices: listen for a while; play; both at once. Each device on one thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from daemon.hearing.frontend.far_end import LEAD_S, FarEnd
from daemon.hearing.frontend.pace import SampleClock
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


def play(
    speaker: Speaker,
    pcm: bytes,
    wait: Callable[[float], object],
    written: Callable[[bytes, float], object] = lambda pcm, queued_s: None,
) -> None:
    """Play to the end; `wait` sleeps for so many seconds. Raises SpeakerError.

    `written` is told each piece, and what the device holds with it.
    """
    size = SPEAKER_FORMAT.chunk_bytes
    for start in range(0, len(pcm), size):
        piece = pcm[start : start + size]
        speaker.write(piece)
        written(piece, speaker.queued_s())
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
        self.far_end = FarEnd()
        """Told what is played, as the daemon's is."""
        self.about = ""
        """The device, once it is open."""
        self.underruns = 0
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
        self._thread.join(SPEAKER_FORMAT.seconds(len(self._pcm)) + DRAIN_LIMIT_S)
        self._raise_error()

    def _run(self) -> None:
        try:
            with closing(self._board.open_speaker()) as speaker:
                self.about = speaker.about
                self._opened.set()
                self._go.wait()
                self.began_s = self._clock()
                play(speaker, self._pcm, threading.Event().wait, self._note)
                self.underruns = speaker.underruns
        except DeviceError as error:
            self._error = error
        finally:
            self._opened.set()

    def _note(self, piece: bytes, queued_s: float) -> None:
        self.far_end.played(piece, self._clock() + queued_s, queued_s)

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundTrial:
    """What a microphone heard while a sound was played."""

    pcm: bytes
    played_s: float
    """How far into it the sound was handed to the speaker."""
    reference: bytes
    """What the devices say was heard meanwhile, sample by sample beside `pcm`."""
    lost: int
    """How often the microphone lost samples, or the speaker ran dry."""
    mic: str
    speaker: str
    """The devices, in words."""


def play_and_listen(board: Board, pcm: bytes, before_s: float, after_s: float, clock: Clock) -> SoundTrial:
    """What the microphone hears while a sound is played. Raises DeviceError.

    It listens `before_s` before the sound, and `after_s` longer than the sound lasts.
    """
    player = Player(board, pcm, clock)
    player.open()
    with closing(board.open_mic()) as mic:
        about = mic.about
        room = take(mic, before_s, clock)
        overruns = mic.overruns
        player.go()
        heard, reference = _listen_beside(
            mic, player.far_end, SPEAKER_FORMAT.seconds(len(pcm)) + after_s, clock
        )
        overruns = mic.overruns - overruns
    player.finish()
    return SoundTrial(
        pcm=room.pcm + heard,
        played_s=player.began_s - room.began_s,
        reference=bytes(len(room.pcm)) + reference,
        lost=overruns + player.underruns,
        mic=about,
        speaker=player.about,
    )


def _listen_beside(mic: Mic, far_end: FarEnd, seconds: float, clock: Clock) -> tuple[bytes, bytes]:
    """What comes, and what the devices say was heard meanwhile. Raises MicError."""
    pace, heard, played = SampleClock(), bytearray(), bytearray()
    for _ in range(round(MIC_FORMAT.frames(seconds) / MIC_FORMAT.chunk_frames)):
        heard += mic.read()
        played += far_end.read(pace.chunk(clock()) - LEAD_S).tobytes()
    return bytes(heard), bytes(played)
