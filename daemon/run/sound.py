"""Makes the microphone, the speaker, the rings, and what is between them. For the composition root."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from daemon.config.settings import Settings
from daemon.events import Event
from daemon.hearing.capture import Capture, Listening
from daemon.hearing.ears import ears_for
from daemon.hearing.endpointing import SpeechDetector
from daemon.hearing.frontend.front_end import FrontEnd
from daemon.hearing.frontend.known_path import NOTHING_KNOWN, KnownPath
from daemon.hearing.frontend.making import make_front_end
from daemon.hearing.own_sound import OwnSound
from daemon.hearing.vad import judge_from
from daemon.hearing.wake import make_wake_words
from daemon.runtime.patience import Attendant, Attended
from daemon.runtime.ring import FifoRing, HistoryRing
from daemon.runtime.supervision import under_service_manager
from daemon.session.uplink import Uplink
from daemon.speaking.playback import Playback
from daemon.words import Phase
from hw.base import MIC_FORMAT, SPEAKER_FORMAT, Board, Mic, Speaker

Device = TypeVar("Device", bound=Attended)

KEEP_BEYOND_S = 5.0
"""What the uplink ring holds beyond the longest utterance and its pre-roll, so that the end of one is
still there while the next begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundPath:
    """All of it but the capture thread's work, which needs to know of the uplink."""

    mic: Attendant[Mic]
    speaker: Attendant[Speaker]
    uplink_ring: HistoryRing
    reply_ring: FifoRing
    front_end: FrontEnd
    playback: Playback
    echo_free: bool
    """Whether the microphone does not hear the speaker, by the board or by the front end."""

    def report(self) -> dict[str, Any]:
        """The rings, for `conure status`."""
        stats = {"uplink": self.uplink_ring.stats(), "reply": self.reply_ring.stats()}
        return {"rings": {name: ring.report() for name, ring in stats.items()}}


def make_sound(
    settings: Settings,
    board: Board,
    post: Callable[[Event], None],
    clock: Callable[[], float],
    known: KnownPath = NOTHING_KNOWN,
) -> SoundPath:
    """`post` is called on the playback thread; `known` is what was measured of the echo before."""
    vad = settings.vad
    held_s = vad.max_utterance_s + vad.preroll_ms / 1000 + KEEP_BEYOND_S
    reply_ring = FifoRing(SPEAKER_FORMAT.bytes(settings.sound.reply_buffer_s))
    speaker = _attendant(board.open_speaker, settings)
    front_end = make_front_end(settings.frontend, echo_free=board.echo_free, known=known)
    return SoundPath(
        mic=_attendant(board.open_mic, settings),
        speaker=speaker,
        uplink_ring=HistoryRing(MIC_FORMAT.bytes(held_s)),
        reply_ring=reply_ring,
        front_end=front_end,
        echo_free=board.echo_free or front_end.cancels,
        playback=Playback(speaker, reply_ring, post=post, clock=clock, listener=front_end.far_end),
    )


def _attendant(open_device: Callable[[], Device], settings: Settings) -> Attendant[Device]:
    service = under_service_manager(os.environ)
    return Attendant(open_device, retry_s=settings.board.retry_s, service=service)


def make_capture(
    settings: Settings,
    board: Board,
    sound: SoundPath,
    *,
    post: Callable[[Event], None],
    uplink: Uplink,
    clock: Callable[[], float],
) -> Capture:
    """`post` is called on the capture thread. The uplink is woken when there is something to send."""
    vad = settings.vad
    return Capture(
        sound.mic,
        sound.uplink_ring,
        Listening(
            detector=SpeechDetector(vad, judge_from(vad)),
            own_sound=OwnSound(
                sound.playback,
                sound.front_end,
                echo_free=board.echo_free,
                barge_in=settings.trigger.barge_in,
                clock=clock,
            ),
            front_end=sound.front_end,
            wake_words=make_wake_words(settings.wake),
        ),
        post=post,
        wake_uplink=_waking(uplink, sound.uplink_ring),
        ears=ears_for(Phase.IDLE, vad),
        silent_after_s=settings.board.silent_mic_s,
        clock=clock,
    )


def _waking(uplink: Uplink, ring: HistoryRing) -> Callable[[], None]:
    """Wakes the event loop for a whole message only: each time costs more than what is then done."""
    loop = asyncio.get_running_loop()

    def wake_from_thread() -> None:
        if ring.head >= uplink.due_byte:
            loop.call_soon_threadsafe(uplink.wake)

    return wake_from_thread
