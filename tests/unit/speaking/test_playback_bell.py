"""A bell over whatever else plays: ducked and not cut, held while somebody speaks, silent at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from fakes import wait_until
from test_playback import CHUNK_S, OPENING_S, Rig, drain, pcm

from daemon.events import PlaybackDrained, ReplyRanDry
from daemon.speaking import playback
from daemon.speaking.playback import BELL_AHEAD_S, DUCK_GAIN
from hw.base import SPEAKER_FORMAT, SpeakerError

REPLY, RUNG = 1000, 5000
BENEATH = round(REPLY * DUCK_GAIN)


class FakeBell:
    """One sample's value for ever; while it pauses, nothing."""

    def __init__(self, mark: int = RUNG) -> None:
        self.mark = mark
        self.pauses = False
        self.taken = 0

    def take(self, size_bytes: int) -> bytes:
        self.taken += 1
        return b"" if self.pauses else np.full(size_bytes // 2, self.mark, np.int16).tobytes()


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    rig.start()
    wait_until(lambda: rig.playback.speaker.progress > 0)
    yield rig
    rig.end()


def values(rig: Rig) -> list[int]:
    """What was heard, each run of equal samples once."""
    samples = np.frombuffer(rig.speaker.heard_after(), np.int16)
    starts = np.flatnonzero(np.diff(samples, prepend=0))
    return [int(value) for value in samples[starts]]


def chunks_heard(rig: Rig, value: int) -> float:
    """How much of what was heard has this value, in chunks."""
    samples = np.frombuffer(rig.speaker.heard_after(), np.int16)
    return np.count_nonzero(samples == value) / SPEAKER_FORMAT.chunk_frames


def ring_alone(rig: Rig, bell: FakeBell | None = None) -> None:
    """Until the device holds as much of the bell as it is given."""
    rig.playback.ring(bell or FakeBell())
    wait_until(lambda: rig.speaker.queued_s() > BELL_AHEAD_S)
    rig.wait_steps(2)


def test_beneath_a_bell_a_reply_goes_on_softer_and_loses_nothing(rig: Rig) -> None:
    rig.reply(1, pcm(REPLY, 5))
    rig.wait_written()
    rig.playback.ring(FakeBell())
    rig.playback.feed(pcm(REPLY, 5))
    wait_until(lambda: rig.ring.level_bytes == 0)
    rig.playback.ring(None)
    rig.playback.feed(pcm(REPLY, 5))
    drain(rig, 1)
    assert chunks_heard(rig, RUNG + BENEATH) >= 4
    whole = chunks_heard(rig, REPLY) + chunks_heard(rig, RUNG + BENEATH)
    assert whole == 15
    assert rig.speaker.speakers[0].flushes == 0


def test_a_reply_stays_soft_while_the_bell_pauses(rig: Rig) -> None:
    bell = FakeBell()
    bell.pauses = True
    rig.playback.ring(bell)
    rig.reply(1, pcm(REPLY, 5))
    drain(rig, 1)
    assert values(rig) == [BENEATH]


def test_a_bell_and_a_loud_reply_do_not_overflow(rig: Rig) -> None:
    rig.playback.ring(FakeBell(30_000))
    rig.reply(1, pcm(32_000, 3))
    drain(rig, 1)
    assert 32_767 in values(rig)
    assert min(values(rig)) > 0


def test_an_earcon_sounds_beneath_a_bell_too(rig: Rig) -> None:
    ring_alone(rig)
    rig.playback.play(pcm(REPLY, 3))
    wait_until(lambda: rig.speaker.queued_s() > BELL_AHEAD_S + 3 * CHUNK_S)
    assert chunks_heard(rig, RUNG + BENEATH) == 3


def test_a_bell_alone_is_written_only_a_little_ahead(rig: Rig) -> None:
    ring_alone(rig)
    assert rig.speaker.queued_s() <= BELL_AHEAD_S + CHUNK_S + 1e-9


def test_a_bell_that_is_stopped_is_silent_at_once(rig: Rig) -> None:
    ring_alone(rig)
    rig.speaker.pass_time(OPENING_S + CHUNK_S)
    rig.playback.ring(None)
    wait_until(lambda: rig.speaker.speakers[0].flushes == 1)
    heard_s = SPEAKER_FORMAT.seconds(len(rig.speaker.heard_after()))
    assert heard_s <= 2 * CHUNK_S
    rig.wait_steps(1)
    assert rig.speaker.queued_s() == 0


def test_stopping_what_does_not_ring_disturbs_nothing(rig: Rig) -> None:
    rig.playback.play(pcm(9, 3))
    wait_until(lambda: rig.playback.clip_until_s >= OPENING_S + 3 * CHUNK_S - 1e-9)
    rig.playback.ring(None)
    rig.playback.play(pcm(8))
    wait_until(lambda: rig.playback.clip_until_s >= OPENING_S + 4 * CHUNK_S - 1e-9)
    assert rig.speaker.heard_after() == pcm(9, 3) + pcm(8)


def test_another_bell_takes_the_place_of_the_first(rig: Rig) -> None:
    first = FakeBell(3000)
    ring_alone(rig, first)
    rig.playback.ring(FakeBell(4000))
    rig.wait_steps(1)
    taken = first.taken
    rig.speaker.pass_time(1.0)
    wait_until(lambda: rig.speaker.queued_s() > BELL_AHEAD_S)
    assert first.taken == taken
    assert values(rig) == [3000, 4000]


def test_what_a_bell_plays_is_the_devices_own_sound(rig: Rig) -> None:
    """So that a microphone which hears the speaker does not take it for somebody's voice."""
    ring_alone(rig)
    assert rig.playback.clip_until_s == rig.playback.audible_until_s > OPENING_S


# --- held while somebody speaks


def test_a_bell_that_is_held_waits_and_leaves_the_reply_alone(rig: Rig) -> None:
    bell = FakeBell()
    rig.playback.hold_bell(rig.speaker.clock() + 60.0)
    rig.playback.ring(bell)
    rig.reply(1, pcm(REPLY, 5))
    rig.wait_written()
    assert bell.taken == 0
    rig.playback.hold_bell(0.0)
    rig.speaker.pass_time(0.1)
    wait_until(lambda: bell.taken > 3)
    assert values(rig) == [REPLY, RUNG]


def test_a_bell_is_held_no_longer_than_it_was_said(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playback, "IDLE_TICK_S", 0.01)
    bell = FakeBell()
    rig.playback.hold_bell(rig.speaker.clock() + 15.0)
    rig.playback.ring(bell)
    rig.speaker.pass_time(14.9)
    rig.wait_steps(3)
    assert bell.taken == 0
    rig.speaker.pass_time(0.2)
    wait_until(lambda: bell.taken > 3)


# --- the end of a reply, a cut, a failure


def test_the_end_of_a_reply_is_told_though_the_bell_goes_on(rig: Rig) -> None:
    bell = FakeBell()
    rig.playback.ring(bell)
    rig.reply(1, pcm(REPLY, 5))
    rig.playback.finish()
    wait_until(lambda: rig.ring.level_bytes == 0)
    rig.wait_steps(2)
    assert PlaybackDrained(1) not in rig.posts.now  # the device still holds some of it
    for _ in range(20):
        rig.speaker.pass_time(0.02)
        rig.wait_steps(1)
    assert rig.posts.now.count(PlaybackDrained(1)) == 1
    taken = bell.taken
    rig.speaker.pass_time(1.0)
    wait_until(lambda: bell.taken > taken)


@pytest.mark.parametrize("all_here", [True, False])
def test_a_reply_that_runs_dry_beneath_a_bell_is_told_once(rig: Rig, *, all_here: bool) -> None:
    rig.playback.ring(FakeBell())
    rig.reply(1, pcm(REPLY, 2))
    if all_here:
        rig.playback.note_all_here()
    wait_until(lambda: rig.ring.level_bytes == 0)
    for _ in range(20):
        rig.speaker.pass_time(0.02)
        rig.wait_steps(1)
    assert rig.posts.now[1:] == [ReplyRanDry(1, all_here)]
    assert rig.playback.starved == (not all_here)


def test_a_cut_silences_the_reply_and_the_bell_goes_on(rig: Rig) -> None:
    bell = FakeBell()
    rig.playback.ring(bell)
    rig.reply(1, pcm(REPLY, 5))
    rig.posts.wait_for(1)
    rig.playback.cut()
    wait_until(lambda: rig.speaker.speakers[0].flushes == 1)
    rig.speaker.pass_time(1.0)
    taken = bell.taken
    wait_until(lambda: bell.taken > taken)
    assert values(rig)[-1] == RUNG


def test_a_bell_goes_on_when_the_speaker_is_back(rig: Rig) -> None:
    ring_alone(rig)
    rig.speaker.failures.append(SpeakerError("speaker", "gone"))
    rig.speaker.pass_time(1.0)
    wait_until(lambda: len(rig.speaker.speakers) == 2)
    wait_until(lambda: rig.speaker.queued_s() > BELL_AHEAD_S)
