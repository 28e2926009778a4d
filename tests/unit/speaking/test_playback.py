"""The playback thread: what is heard, in which order, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from fakes import BodyThread, Loudspeaker, Posts, attendant, wait_until

from daemon.events import PlaybackDrained, PlaybackStarted, ReplyRanDry, SpeakerBack, SpeakerLost
from daemon.runtime.ring import FifoRing
from daemon.speaking import playback
from daemon.speaking.playback import MAX_CLIPS, Playback, PlaybackEvent
from hw.base import SPEAKER_FORMAT, SpeakerError

CHUNK_S = SPEAKER_FORMAT.seconds(SPEAKER_FORMAT.chunk_bytes)
OPENING_S = CHUNK_S
"""The silence with which a speaker is tried, still in the device while the clock stands."""


def pcm(mark: int, chunks: float = 1.0) -> bytes:
    frames = round(chunks * SPEAKER_FORMAT.chunk_frames)
    return np.full(frames, mark, np.int16).tobytes()


class Rig:
    """A playback thread and its speaker; the device's clock stands still unless it is told."""

    def __init__(self) -> None:
        self.speaker = Loudspeaker()
        self.ring = FifoRing(SPEAKER_FORMAT.bytes(10.0))
        self.posts: Posts[PlaybackEvent] = Posts()
        self.queued_when_drained_s: list[float] = []
        self.playback = Playback(
            attendant(self.speaker.open, 0.0, 0.0), self.ring, post=self._post, clock=self.speaker.clock
        )
        self._thread: BodyThread | None = None

    def _post(self, event: PlaybackEvent) -> None:
        if isinstance(event, PlaybackDrained):
            self.queued_when_drained_s.append(self.speaker.queued_s())
        self.posts(event)

    def start(self) -> BodyThread:
        self._thread = BodyThread(self.playback.run)
        return self._thread

    def end(self) -> None:
        if self._thread is not None:
            self._thread.stop.set()
            self.speaker.let_writes()
            self.playback.cut()  # wakes it
            self._thread.join()

    def reply(self, turn: int, *pieces: bytes) -> None:
        self.playback.begin(turn)
        for piece in pieces:
            assert self.playback.feed(piece) == len(piece)

    def wait_written(self) -> None:
        """Until the device has all that was fed."""
        wait_until(lambda: self.ring.level_bytes == 0)
        self.wait_steps(2)

    def wait_steps(self, count: int) -> None:
        """Until the thread has looked this many times what there is to do. It looks while it drains."""
        goal = self.playback.speaker.progress + count
        wait_until(lambda: self.playback.speaker.progress >= goal)

    def hold_in_write(self, piece: bytes) -> None:
        """Feed a piece; returns while the thread is in the write of it."""
        self.speaker.hold_writes()
        self.playback.feed(piece)
        assert self.speaker.in_write.wait(20.0)


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    rig.start()
    wait_until(lambda: rig.playback.speaker.progress > 0)
    yield rig
    rig.end()


def drain(rig: Rig, turn: int) -> None:
    """Finish a reply, let time pass, and see that it is told."""
    rig.playback.finish()
    wait_until(lambda: rig.ring.level_bytes == 0)
    for _ in range(200):
        if PlaybackDrained(turn) in rig.posts.now:
            return
        rig.speaker.pass_time(0.1)
        rig.wait_steps(1)
    pytest.fail("the end of the reply was never told")


# --- a reply


def test_a_reply_is_heard_whole_and_in_order(rig: Rig) -> None:
    pieces = [pcm(1, 2.5), pcm(2, 0.25), pcm(3, 30)]
    rig.reply(1, *pieces)
    drain(rig, 1)
    assert rig.speaker.heard() == b"".join(pieces)


def test_a_last_partial_chunk_does_not_wait_for_more(rig: Rig) -> None:
    rig.reply(1, pcm(1, 0.1))
    wait_until(lambda: rig.speaker.queued_s() > OPENING_S)
    assert rig.speaker.heard_after() == pcm(1, 0.1)


def test_the_start_is_told_once_with_the_time_at_which_it_will_be_heard(rig: Rig) -> None:
    rig.reply(7, pcm(1), pcm(2), pcm(3))
    drain(rig, 7)
    assert rig.posts.now == [PlaybackStarted(7, OPENING_S), PlaybackDrained(7)]


def test_the_end_is_told_only_after_the_device_has_played_all(rig: Rig) -> None:
    rig.reply(1, pcm(1, 2))
    rig.playback.finish()
    rig.posts.wait_for(1)
    rig.wait_steps(3)
    assert PlaybackDrained(1) not in rig.posts.now
    drain(rig, 1)
    assert rig.queued_when_drained_s == [0.0]


def test_the_end_is_not_told_before_the_reply_is_finished(rig: Rig) -> None:
    rig.reply(1, pcm(1))
    rig.posts.wait_for(1)
    rig.speaker.pass_time(1.0)
    rig.posts.wait_for(2)
    assert rig.posts.now == [PlaybackStarted(1, OPENING_S), ReplyRanDry(1, all_here=False)]
    drain(rig, 1)


def test_replies_follow_each_other(rig: Rig) -> None:
    for turn in (1, 2):
        rig.reply(turn, pcm(turn))
        drain(rig, turn)
    assert rig.speaker.heard() == pcm(1) + pcm(2)
    assert [event.turn for event in rig.posts.now if isinstance(event, PlaybackStarted)] == [1, 2]


def test_a_reply_that_follows_without_a_cut_takes_back_the_end(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playback, "IDLE_TICK_S", 0.01)
    rig.reply(1, pcm(1))
    rig.playback.finish()
    rig.posts.wait_for(1)
    rig.reply(2, pcm(2))
    rig.wait_written()
    rig.speaker.pass_time(1.0)
    rig.wait_steps(5)
    assert not any(isinstance(event, PlaybackDrained) for event in rig.posts.now)
    drain(rig, 2)


def test_what_does_not_fit_is_refused() -> None:
    rig = Rig()
    whole = pcm(1, 500)
    assert rig.playback.feed(whole + pcm(2)) == len(whole)


def test_each_dry_spell_within_a_reply_counts_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playback, "IDLE_TICK_S", 0.01)
    rig.reply(1, pcm(1))
    for spell in (1, 2):
        rig.playback.feed(pcm(2))
        rig.wait_written()
        rig.speaker.pass_time(1.0)
        wait_until(lambda: rig.playback.starved >= spell)  # noqa: B023 - called at once
        rig.wait_steps(3)
    drain(rig, 1)
    assert rig.playback.starved == 2
    assert rig.posts.now.count(ReplyRanDry(1, all_here=False)) == 2


def test_a_reply_that_was_finished_in_time_is_not_starved(rig: Rig) -> None:
    rig.reply(1, pcm(1))
    drain(rig, 1)
    assert rig.playback.starved == 0


def test_a_reply_that_is_all_here_runs_dry_without_a_loss(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends the turn only when it thinks that the reply has been heard."""
    monkeypatch.setattr(playback, "IDLE_TICK_S", 0.01)
    rig.reply(1, pcm(1))
    rig.playback.note_all_here()
    rig.wait_written()
    rig.speaker.pass_time(1.0)
    rig.wait_steps(5)
    assert rig.playback.starved == 0
    assert rig.posts.now[1:] == [ReplyRanDry(1, all_here=True)]
    drain(rig, 1)
    rig.reply(2, pcm(2))
    rig.wait_written()
    rig.speaker.pass_time(1.0)
    assert rig.posts.wait_for(5)[-1] == ReplyRanDry(2, all_here=False)  # of the next not all is here


def test_the_gain_is_applied_also_to_what_waits(rig: Rig) -> None:
    rig.playback.begin(1)
    rig.hold_in_write(pcm(1000))
    rig.playback.feed(pcm(1000))
    rig.playback.gain = 0.5
    rig.speaker.let_writes()
    drain(rig, 1)
    assert rig.speaker.heard() == pcm(1000) + pcm(500)


def test_it_is_known_until_when_the_device_sounds(rig: Rig) -> None:
    rig.reply(1, pcm(1, 3))
    rig.posts.wait_for(1)
    wait_until(lambda: rig.playback.audible_until_s >= OPENING_S + 3 * CHUNK_S - 1e-9)
    assert rig.playback.audible_until_s == pytest.approx(OPENING_S + 3 * CHUNK_S)
    assert rig.playback.clip_until_s == 0.0


# --- earcons


def test_an_earcon_comes_before_what_waits_in_the_ring() -> None:
    rig = Rig()
    rig.reply(1, pcm(1, 3))
    rig.playback.play(pcm(9, 1.5))
    rig.start()
    drain(rig, 1)
    rig.end()
    assert rig.speaker.heard() == pcm(9, 1.5) + pcm(1, 3)


def test_it_is_known_until_when_an_earcon_sounds(rig: Rig) -> None:
    rig.playback.play(pcm(9, 2))
    until_s = OPENING_S + 2 * CHUNK_S
    wait_until(lambda: rig.playback.clip_until_s >= until_s - 1e-9)
    assert rig.playback.clip_until_s == pytest.approx(until_s)


def test_an_earcon_alone_is_no_reply(rig: Rig) -> None:
    rig.playback.play(pcm(9))
    wait_until(lambda: rig.playback.clip_until_s > 0)
    assert rig.speaker.heard_after() == pcm(9)
    assert rig.posts.now == []


def test_too_many_earcons_are_dropped_and_counted() -> None:
    rig = Rig()
    for mark in range(1, MAX_CLIPS + 3):
        rig.playback.play(pcm(mark))
    assert rig.playback.clips_dropped == 2
    rig.start()
    wait_until(lambda: rig.playback.clip_until_s >= OPENING_S + MAX_CLIPS * CHUNK_S - 1e-9)
    assert rig.speaker.heard_after() == b"".join(pcm(mark) for mark in range(1, MAX_CLIPS + 1))
    rig.end()


# --- barge-in


def test_nothing_of_a_reply_is_heard_after_the_cut(rig: Rig) -> None:
    rig.reply(1, pcm(1, 5))
    rig.wait_written()
    rig.speaker.pass_time(OPENING_S + 1.5 * CHUNK_S)
    rig.hold_in_write(pcm(1))
    rig.playback.feed(pcm(1, 50))
    rig.playback.cut()
    rig.speaker.let_writes()
    wait_until(lambda: rig.playback.audible_until_s == rig.speaker.clock())
    assert rig.speaker.heard_after() == pcm(1, 1.5)
    assert rig.ring.level_bytes == 0


def test_a_chunk_that_is_being_written_during_the_cut_is_thrown_away(rig: Rig) -> None:
    rig.playback.begin(1)
    rig.hold_in_write(pcm(1))
    rig.playback.cut()
    rig.speaker.let_writes()
    wait_until(lambda: rig.speaker.speakers[0].flushes == 1)
    assert rig.speaker.heard_after() == b""


def test_a_new_reply_that_begins_before_the_old_chunk_is_out_is_heard_alone(rig: Rig) -> None:
    rig.playback.begin(1)
    rig.hold_in_write(pcm(1))
    rig.playback.feed(pcm(1, 5))
    rig.playback.cut()
    rig.reply(2, pcm(2, 3))
    rig.playback.finish()
    rig.speaker.let_writes()
    drain(rig, 2)
    assert rig.speaker.heard() == pcm(2, 3)
    assert [event.turn for event in rig.posts.now if isinstance(event, PlaybackStarted)] == [1, 2]


def test_the_end_of_a_reply_that_was_cut_is_never_told(rig: Rig) -> None:
    rig.reply(1, pcm(1, 3))
    rig.playback.finish()
    rig.posts.wait_for(1)
    rig.playback.cut()
    wait_until(lambda: rig.speaker.speakers[0].flushes == 1)
    rig.reply(2, pcm(2))
    drain(rig, 2)
    assert [event for event in rig.posts.now if isinstance(event, PlaybackDrained)] == [PlaybackDrained(2)]


def test_a_cut_silences_an_earcon_and_those_that_wait(rig: Rig) -> None:
    rig.speaker.hold_writes()
    rig.playback.play(pcm(9, 50))  # longer than the device holds
    rig.playback.play(pcm(8))
    assert rig.speaker.in_write.wait(20.0)
    rig.playback.cut()
    rig.speaker.let_writes()
    wait_until(lambda: rig.speaker.speakers[0].flushes == 1)
    wait_until(lambda: rig.playback.clip_until_s <= rig.speaker.clock())
    assert rig.speaker.heard_after() == b""


def test_an_earcon_after_the_cut_is_heard(rig: Rig) -> None:
    rig.playback.begin(1)
    rig.hold_in_write(pcm(1))
    rig.playback.cut()
    rig.playback.play(pcm(9))
    rig.speaker.let_writes()
    wait_until(lambda: rig.playback.clip_until_s >= CHUNK_S - 1e-9)
    assert rig.speaker.heard_after() == pcm(9)


def test_a_cut_is_no_dry_spell(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playback, "IDLE_TICK_S", 0.005)
    rig.reply(1, pcm(1, 3))
    rig.posts.wait_for(1)
    rig.playback.cut()
    wait_until(lambda: rig.speaker.speakers[0].flushes == 1)
    rig.speaker.pass_time(1.0)
    rig.wait_steps(3)
    assert ReplyRanDry not in map(type, rig.posts.now)
    rig.reply(2, pcm(2))
    drain(rig, 2)
    assert rig.playback.starved == 0


def test_hushing_silences_a_clip_and_those_that_wait_and_keeps_the_reply(rig: Rig) -> None:
    rig.speaker.hold_writes()
    rig.playback.play(pcm(9, 50))  # longer than the device holds
    rig.playback.play(pcm(8))
    assert rig.speaker.in_write.wait(20.0)
    rig.reply(1, pcm(1, 3))
    rig.playback.hush()
    rig.speaker.let_writes()
    drain(rig, 1)
    assert rig.speaker.heard() == pcm(1, 3)


def test_hushing_drops_what_of_a_clip_is_only_in_the_device(rig: Rig) -> None:
    rig.playback.play(pcm(9, 2))
    wait_until(lambda: rig.playback.clip_until_s >= OPENING_S + 2 * CHUNK_S - 1e-9)
    rig.speaker.pass_time(OPENING_S + CHUNK_S)
    rig.playback.hush()
    wait_until(lambda: rig.speaker.speakers[0].flushes == 1)
    assert rig.speaker.heard_after() == pcm(9)


def test_hushing_when_no_clip_sounds_disturbs_nothing(rig: Rig) -> None:
    rig.playback.play(pcm(9))
    wait_until(lambda: rig.playback.clip_until_s > 0)
    rig.speaker.pass_time(1.0)
    rig.playback.hush()
    rig.reply(1, pcm(1, 3))
    rig.posts.wait_for(1)
    rig.playback.hush()
    drain(rig, 1)
    assert rig.speaker.heard() == pcm(9) + pcm(1, 3)
    assert rig.speaker.speakers[0].flushes == 0


def test_hushing_a_clip_that_a_reply_follows_in_the_device_loses_nothing_of_the_reply(rig: Rig) -> None:
    rig.playback.play(pcm(9, 2))
    rig.reply(1, pcm(1, 3))
    rig.posts.wait_for(1)
    rig.playback.hush()
    drain(rig, 1)
    assert rig.speaker.heard().endswith(pcm(1, 3))
    assert rig.speaker.speakers[0].flushes == 0


def test_a_long_clip_shows_progress(rig: Rig) -> None:
    """The watchdog must not take ten seconds of words for a thread that hangs."""
    before = rig.playback.speaker.progress
    rig.playback.play(pcm(9, 50))
    wait_until(lambda: rig.playback.clip_until_s >= OPENING_S + 50 * CHUNK_S - 1e-9)
    assert rig.playback.speaker.progress >= before + 50


# --- failures


def test_what_waited_in_the_ring_is_heard_when_the_speaker_is_back(rig: Rig) -> None:
    rig.playback.begin(1)
    rig.hold_in_write(pcm(1))
    rig.playback.feed(pcm(2, 3))
    rig.speaker.failures.append(SpeakerError("speaker", "gone"))
    rig.speaker.let_writes()
    drain(rig, 1)
    assert rig.speaker.heard().endswith(pcm(2, 2))
    assert [type(event) for event in rig.posts.now] == [
        PlaybackStarted,
        SpeakerLost,
        SpeakerBack,
        PlaybackDrained,
    ]
    assert rig.playback.speaker.losses == 1
    assert not rig.playback.speaker.error
    assert rig.speaker.speakers[0].closed


def test_a_lost_speaker_is_told_once_for_all_its_tries(rig: Rig) -> None:
    rig.speaker.refusals.append(SpeakerError("speaker", "busy"))
    rig.speaker.failures.append(SpeakerError("speaker", "gone"))
    rig.reply(1, pcm(1))
    rig.posts.wait_for(3)
    assert rig.posts.now[1:] == [SpeakerLost(), SpeakerBack()]


def test_a_speaker_that_stays_lost_ends_the_thread_with_its_error() -> None:
    rig = Rig()
    errors = [SpeakerError("speaker", f"try {number}") for number in range(3)]
    rig.speaker.refusals.extend(errors)
    assert rig.start().join() is errors[-1]
    assert rig.posts.now == [SpeakerLost()]
    assert rig.playback.speaker.progress == 0  # else READY would be told without a speaker


def test_a_permanent_error_ends_the_thread_at_once() -> None:
    rig = Rig()
    error = SpeakerError("speaker", "there is no such device", permanent=True)
    rig.speaker.refusals.append(error)
    assert rig.start().join() is error


def test_a_speaker_that_fails_again_and_again_is_given_up() -> None:
    rig = Rig()
    thread = rig.start()
    for loss in range(1, 4):
        rig.speaker.failures.append(SpeakerError("speaker", "loose contact"))
        rig.playback.play(pcm(9))
        wait_until(lambda: rig.playback.speaker.losses == loss)  # noqa: B023 - called at once
        wait_until(lambda: rig.playback.speaker.error is None or thread.error is not None)
    assert isinstance(thread.join(), SpeakerError)


def test_the_thread_gives_the_speaker_back_when_it_is_stopped(rig: Rig) -> None:
    rig.end()
    assert rig.speaker.speakers[0].closed
    assert not rig.playback.speaker.opened


def test_an_idle_thread_shows_progress_and_writes_nothing(rig: Rig) -> None:
    queued_s = rig.speaker.queued_s()
    rig.wait_steps(1)
    assert rig.speaker.queued_s() == queued_s
