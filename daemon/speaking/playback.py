"""The playback thread: reply ring and clips to the speaker, one chunk at a time.

A clip is an earcon, with or without words. The event loop begins, feeds, finishes and cuts a reply; the
thread owns the speaker. A cut empties the ring first and then asks the thread to flush the device, so that
the chunk which the thread had in hand is thrown away too.

A bell sounds over all of it: what else plays goes on beneath it, ducked.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from daemon.events import PlaybackDrained, PlaybackStarted, ReplyRanDry, SpeakerBack, SpeakerLost
from daemon.runtime.patience import Attendant
from daemon.runtime.ring import FifoRing
from daemon.speaking.gain import apply_gain, mix
from daemon.speaking.played import PlayedReply
from hw.base import CHUNK_MS, SPEAKER_FORMAT, Speaker

MAX_CLIPS = 4
"""Clips that may wait; a further one is dropped (policy: refuse the newest) and counted."""

IDLE_TICK_S = 1.0
"""How often the idle thread shows the watchdog that it lives."""

MORE_MAY_COME_S = 0.005
"""A reply that has been played out is given this long before it is told that it ran dry."""

DUCK_GAIN = 0.2
"""What plays beneath a bell is 14 dB softer: still understood, and no rival to it."""

BELL_AHEAD_S = 0.1
"""A bell alone is written no further ahead than this, so that it is silent, and a reply begins, at once."""


class Bell(Protocol):
    """A sound without an end. Its owner is the playback thread, from when it is given to it."""

    def take(self, size_bytes: int) -> bytes:
        """The next stretch of this length, `SPEAKER_FORMAT`; b"" where all of it is a pause."""
        ...


class PlaybackListener(Protocol):
    """Learns what the speaker plays, to tell it from the room. Playback thread."""

    def played(self, pcm: bytes, until_s: float, queued_s: float) -> None:
        """`pcm` was given to the device; its last sample will be heard at `until_s`, on the clock.

        `queued_s` is what the device then held.
        """
        ...

    def cut(self, at_s: float) -> None:
        """What would have been heard from `at_s` on was thrown away."""
        ...


PlaybackEvent = PlaybackStarted | PlaybackDrained | ReplyRanDry | SpeakerLost | SpeakerBack


class Playback:
    """Everything that the playback thread does, and what the event loop may ask of it."""

    def __init__(
        self,
        speaker: Attendant[Speaker],
        ring: FifoRing,
        *,
        post: Callable[[PlaybackEvent], None],
        clock: Callable[[], float] = time.monotonic,
        listener: PlaybackListener | None = None,
    ) -> None:
        """`post` is called on the playback thread."""
        self.speaker = speaker
        """How the speaker is; its progress grows with each step, also of the idle thread."""
        self._ring = ring
        self._post = post
        self._clock = clock
        self._listener = listener
        self._work = threading.Condition()
        self._clips: deque[bytes] = deque()
        self._bell: Bell | None = None
        self._bell_held_until_s = 0.0
        self._reply_until_s = 0.0
        self._reply = PlayedReply()
        self._flush = False
        self._stopping = False
        self._in_clip = False
        self.gain = 1.0
        """Linear gain 0 to 1, set by the event loop; heard from the next chunk on."""
        self.audible_until_s = 0.0
        """When what the device holds will have been heard; on the clock. Read by the capture thread."""
        self.clip_until_s = 0.0
        """The same for clips alone."""
        self.clips_dropped = 0
        self.starved = 0
        """How often a reply ran dry before the server had finished it."""
        self.underruns = 0

    # --- event loop

    def begin(self, turn: int) -> None:
        """The reply to `turn` begins."""
        with self._work:
            self._reply = self._reply.next(turn)

    def feed(self, pcm: bytes) -> int:
        """Append reply audio (24 kHz mono s16); returns the bytes that fitted."""
        with self._work:
            accepted = self._ring.write(pcm)
            self._work.notify()
        return accepted

    def note_all_here(self) -> None:
        """The server has sent all of the reply, though it has not ended the turn: running dry is no loss."""
        with self._work:
            self._reply = replace(self._reply, all_here=True)

    def finish(self) -> None:
        """Nothing more comes: `PlaybackDrained` is posted when all has been heard."""
        with self._work:
            self._reply = replace(self._reply, finishing=True)
            self._work.notify()

    def cut(self) -> None:
        """Silence now; what is in the ring and in the device is never heard."""
        with self._work:
            self._ring.clear()
            self._clips.clear()
            self._reply = replace(self._reply, finishing=False)
            self._flush = True
            self._work.notify()

    def play(self, clip: bytes) -> None:
        """Sound a clip (24 kHz mono s16) before whatever else waits."""
        with self._work:
            if len(self._clips) >= MAX_CLIPS:
                self.clips_dropped += 1
                return
            self._clips.append(clip)
            self._work.notify()

    def hush(self) -> None:
        """Silence the clips as a cut does, and lose nothing of a reply.

        A clip that the device still holds before the first of a reply is heard to its end: they cannot be
        parted there.
        """
        with self._work:
            self._clips.clear()
            if self._reply.sounding or not (self._in_clip or self._clock() < self.clip_until_s):
                return
            self._flush = True
            self._work.notify()

    def ring(self, bell: Bell | None) -> None:
        """Sound a bell over all else, in the place of another; None: no bell, silent at once.

        Where a reply plays beneath it the bell is heard as far as it was written, so that the reply loses
        nothing.
        """
        with self._work:
            stopped = self._bell is not None and bell is None
            self._bell = bell
            self._flush = self._flush or (stopped and not self._reply.sounding and not self._in_clip)
            self._work.notify()

    def hold_bell(self, until_s: float) -> None:
        """No bell is heard before this time on the clock, since somebody speaks; 0: no waiting."""
        with self._work:
            self._bell_held_until_s = until_s
            self._work.notify()

    def wake(self) -> None:
        """The thread was told to stop: it need not wait for work any more. Any thread."""
        with self._work:
            self._stopping = True
            self._work.notify()

    def report(self) -> dict[str, Any]:
        """The speaker, for `conure status`."""
        return {
            "open": self.speaker.opened,
            "device": self.speaker.about or None,
            "problem": str(self.speaker.error) if self.speaker.error is not None else None,
        }

    def counters(self) -> dict[str, int]:
        """What was not heard as it should have been."""
        return {
            "speaker_underruns": self.underruns,
            "speaker_losses": self.speaker.losses,
            "reply_starved": self.starved,
            "earcons_dropped": self.clips_dropped,
        }

    # --- playback thread

    def run(self, stop: threading.Event) -> None:
        """The thread's body. Raises SpeakerError when the speaker stays lost."""
        self.speaker.run(self._serve, stop, lost=lambda: self._post(SpeakerLost()))

    def _serve(self, speaker: Speaker, stop: threading.Event) -> None:
        before = self.underruns
        self._write(speaker, bytes(SPEAKER_FORMAT.chunk_bytes))  # silence: does it play?
        self.speaker.note_step()
        while not stop.is_set():
            self._step(speaker, stop)
            self.speaker.note_step()
            self.underruns = before + speaker.underruns

    def _step(self, speaker: Speaker, stop: threading.Event) -> None:
        """Do the one thing that is next: flush, play a clip, play a chunk, ring, or wait."""
        with self._work:
            flush, self._flush = self._flush, False
            clip = None if flush or not self._clips else self._clips.popleft()
            self._in_clip = clip is not None
            chunk = b"" if flush or clip else self._ring.read(SPEAKER_FORMAT.chunk_bytes)
            was = self._reply
            if chunk:
                self._reply = was.taken()
        if flush:
            self._flush_device(speaker)
        elif clip:
            self._play_clip(speaker, clip, stop)
        elif chunk:
            self._play_chunk(speaker, chunk, None if was.started else was.turn)
        elif bell := self._bell_now():
            self._ring_alone(speaker, bell)
        else:
            self._wait(speaker)

    def _flush_device(self, speaker: Speaker) -> None:
        speaker.flush()
        self.audible_until_s = self.clip_until_s = self._clock()
        if self._listener is not None:
            self._listener.cut(self.audible_until_s)
        with self._work:
            self._reply = replace(self._reply, sounding=False)

    def _play_clip(self, speaker: Speaker, clip: bytes, stop: threading.Event) -> None:
        for start in range(0, len(clip), SPEAKER_FORMAT.chunk_bytes):
            if self._flush or stop.is_set():
                return
            self._write(speaker, clip[start : start + SPEAKER_FORMAT.chunk_bytes])
            self.clip_until_s = self.audible_until_s
            self.speaker.note_step()

    def _play_chunk(self, speaker: Speaker, chunk: bytes, begins: int | None) -> None:
        """`begins` is the turn whose first chunk this is."""
        if begins is not None:
            self._post(PlaybackStarted(begins, self._clock() + speaker.queued_s()))
        self._write(speaker, chunk)
        self._reply_until_s = self.audible_until_s

    def _write(self, speaker: Speaker, pcm: bytes) -> None:
        bell = self._bell_now()
        if bell is None:
            self._put(speaker, apply_gain(pcm, self.gain))
            return
        beneath = apply_gain(pcm, self.gain * DUCK_GAIN)
        rung = bell.take(len(pcm))
        self._put(speaker, mix(beneath, rung) if rung else beneath)

    def _put(self, speaker: Speaker, heard: bytes) -> None:
        speaker.write(heard)
        queued_s = speaker.queued_s()
        self.audible_until_s = self._clock() + queued_s
        if self._listener is not None:
            self._listener.played(heard, self.audible_until_s, queued_s)
        if self.speaker.note_works():
            self._post(SpeakerBack())

    # --- the bell

    def _bell_now(self) -> Bell | None:
        return self._bell if self._clock() >= self._bell_held_until_s else None

    def _ring_alone(self, speaker: Speaker, bell: Bell) -> None:
        """Sound the bell while nothing else plays; tell of the reply that ended beneath it."""
        self._tell_if_ended(self._reply_until_s - self._clock())
        ahead_s = speaker.queued_s() - BELL_AHEAD_S
        if ahead_s > 0:
            self._rest(ahead_s)
            return
        rung = bell.take(SPEAKER_FORMAT.chunk_bytes)
        if not rung:
            self._rest(CHUNK_MS / 1000)
            return
        self._put(speaker, rung)
        self.clip_until_s = self.audible_until_s

    def _rest(self, duration_s: float) -> None:
        """Let time pass, unless something other than the bell is to be done."""
        with self._work:
            self._work.wait_for(lambda: self._bell is None or self._has_sound(), duration_s)

    # --- the end of a reply

    def _wait(self, speaker: Speaker) -> None:
        """Sleep until there is something to do; tell of a reply that the device has played out."""
        with self._work:
            was = self._reply
            if self._work.wait_for(lambda: self._has_work(was), self._nap_s(speaker.queued_s())):
                return
        self._tell_if_ended(speaker.queued_s())  # asked in any case: it may have gone

    def _nap_s(self, queued_s: float) -> float:
        if self._reply.finishing:
            return min(queued_s, IDLE_TICK_S)
        return max(MORE_MAY_COME_S, queued_s) if self._reply.sounding else IDLE_TICK_S

    def _tell_if_ended(self, queued_s: float) -> None:
        """`queued_s` is what the device still holds of the reply."""
        with self._work:
            ended = self._reply.ended(waiting_bytes=self._ring.level_bytes, queued_s=queued_s)
            if ended is None:
                return
            self._reply = self._reply.told()
        if isinstance(ended, ReplyRanDry):
            self.starved += not ended.all_here
        self._post(ended)

    def _has_work(self, was: PlayedReply) -> bool:
        return self._reply is not was or self._has_sound() or self._bell_now() is not None

    def _has_sound(self) -> bool:
        return self._stopping or self._flush or bool(self._clips) or self._ring.level_bytes > 0
