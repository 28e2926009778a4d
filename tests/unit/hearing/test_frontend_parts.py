"""The pure parts of the front end: clocks, resampling, what is left of the echo, and the guard."""

from __future__ import annotations

import numpy as np
import pytest

from daemon.hearing.frontend import residue as r
from daemon.hearing.frontend.guard import QUIET_CHUNKS, WITNESSES, Guard
from daemon.hearing.frontend.linear import LinearCanceller
from daemon.hearing.frontend.pace import CHUNK_S, LONG_CHUNKS, Pace
from daemon.hearing.frontend.resampling import BEFORE, needed, read_between
from daemon.hearing.frontend.residue import CLIPPED_CHUNKS, DOUBTED_DEPTH_DB, FIRST_DEPTH_DB, Residue

NOISE = np.random.default_rng(5)


class TestPace:
    def test_a_chunk_that_is_read_late_was_not_captured_late(self) -> None:
        pace = Pace()
        times_s = [pace.chunk(100 + at * CHUNK_S + (0.012 if at % 3 else 0.0)) for at in range(300)]
        assert np.allclose(np.diff(times_s), CHUNK_S, atol=1e-9)

    def test_after_a_stall_the_chunks_that_waited_have_their_own_times(self) -> None:
        pace = Pace()
        for at in range(100):
            pace.chunk(100 + at * CHUNK_S)
        stalled_s = 100 + 119 * CHUNK_S
        burst = [pace.chunk(stalled_s) for _ in range(20)]
        assert burst[0] == pytest.approx(100 + 100 * CHUNK_S)
        assert burst[-1] == pytest.approx(stalled_s)

    @pytest.mark.parametrize("ppm", [-100, 100])
    def test_a_crystal_that_differs_is_followed(self, ppm: int) -> None:
        pace, step_s = Pace(), CHUNK_S * (1 + ppm * 1e-6)
        for at in range(6 * LONG_CHUNKS):
            told_s = pace.chunk(100 + at * step_s)
        assert told_s == pytest.approx(100 + at * step_s, abs=1.1e-3)

    def test_lost_chunks_are_made_up_for_within_a_second_or_two(self) -> None:
        pace = Pace()
        for at in range(100):
            pace.chunk(100 + at * CHUNK_S)
        for at in range(120, 120 + 100):
            told_s = pace.chunk(100 + at * CHUNK_S)
        assert told_s == pytest.approx(100 + at * CHUNK_S)

    def test_a_stream_that_is_opened_anew_has_a_pace_of_its_own(self) -> None:
        pace = Pace()
        pace.chunk(100.0)
        pace.restart()
        assert pace.chunk(900.0) == 900.0


class TestResampling:
    @pytest.mark.parametrize("hz", [200, 1000, 4000])
    @pytest.mark.parametrize("fraction", [0.0, 0.37])
    def test_a_tone_keeps_its_phase_and_level(self, hz: float, fraction: float) -> None:
        step, count = 1.5, 320
        places = np.arange(needed(count, step)) - BEFORE
        window = np.sin(2 * np.pi * hz * places / 24_000).astype(np.float32)
        wanted = np.sin(2 * np.pi * hz * (fraction + step * np.arange(count)) / 24_000)
        assert np.max(np.abs(read_between(window, fraction, step, count) - wanted)) < 0.01

    def test_what_the_new_rate_cannot_carry_is_not_folded_down(self) -> None:
        window = np.sin(2 * np.pi * 10_000 * np.arange(needed(320, 1.5)) / 24_000).astype(np.float32)
        assert np.max(np.abs(read_between(window, 0.0, 1.5, 320))) < 0.02


class TestResidue:
    FLOOR = -65.0

    def test_a_voice_must_stand_out_of_what_the_canceller_leaves(self) -> None:
        assert Residue().judge(-20, -20, -70, self.FLOOR) == pytest.approx(-20 - FIRST_DEPTH_DB)

    def test_a_canceller_that_does_badly_is_learnt_within_some_seconds(self) -> None:
        residue = Residue()
        for _ in range(400):
            limit_dbfs = residue.judge(-20, -20, -30, self.FLOOR)
        assert limit_dbfs > -31

    def test_a_sentence_is_noticed_long_before_it_passes_for_echo(self) -> None:
        residue = Residue()
        for _ in range(15):
            residue.judge(-20, -20, -30, self.FLOOR)
        assert residue.depth_db > FIRST_DEPTH_DB - 1

    def test_what_is_heard_in_a_pause_of_the_speaker_teaches_nothing(self) -> None:
        residue = Residue()
        for _ in range(400):
            residue.judge(-90, -20, -20, self.FLOOR)
        assert residue.depth_db == FIRST_DEPTH_DB

    def test_after_an_overdriven_chunk_more_is_demanded_for_a_moment(self) -> None:
        residue = Residue()
        residue.doubt(CLIPPED_CHUNKS)
        limits = [residue.judge(-10, -10, -70, self.FLOOR) for _ in range(CLIPPED_CHUNKS + 1)]
        assert limits[0] == -10 - DOUBTED_DEPTH_DB
        assert limits[-1] == pytest.approx(-10 - residue.depth_db, abs=0.1)

    def test_the_limit_falls_no_faster_than_a_room_rings(self) -> None:
        residue = Residue()
        loud_dbfs = residue.judge(-20, -10, -70, self.FLOOR)
        soft_dbfs = residue.judge(-20, -60, -70, self.FLOOR)
        assert soft_dbfs == pytest.approx(loud_dbfs - r.DECAY_DB, abs=0.1)


class TestGuard:
    def gates(self, *, far_dbfs: float, left_dbfs: float, chunks: int) -> bool:
        guard = Guard()
        return any(guard.gates(far_dbfs, -30.0, left_dbfs, -60.0) for _ in range(chunks))

    def test_sound_that_is_lost_while_the_speaker_is_quiet_gives_the_alarm(self) -> None:
        assert self.gates(far_dbfs=-96, left_dbfs=-80, chunks=QUIET_CHUNKS + WITNESSES)

    def test_sound_that_comes_through_gives_none(self) -> None:
        assert not self.gates(far_dbfs=-96, left_dbfs=-33, chunks=1000)

    def test_what_is_lost_while_the_speaker_sounds_may_be_echo(self) -> None:
        assert not self.gates(far_dbfs=-20, left_dbfs=-80, chunks=1000)

    def test_silence_bears_no_witness(self) -> None:
        guard = Guard()
        assert not any(guard.gates(-96.0, -58.0, -80.0, -60.0) for _ in range(1000))


class TestLinearCanceller:
    PATH = (0.0, 0.4, 0.0, -0.2, 0.1)

    def echo(self, chunks: int) -> tuple[np.ndarray, np.ndarray]:
        """A reference, and its echo 30 ms later by a path of some samples."""
        far = (0.1 * NOISE.standard_normal(chunks * 320)).astype(np.float32)
        late = np.concatenate([np.zeros(480), np.convolve(far, self.PATH)])[: len(far)]
        return far, late.astype(np.float32)

    def left(self, canceller: LinearCanceller, near: np.ndarray, far: np.ndarray) -> np.ndarray:
        blocks = range(0, len(far), 320)
        return np.concatenate([canceller.process(near[at : at + 320], far[at : at + 320]) for at in blocks])

    def test_an_echo_that_a_path_explains_is_gone_within_a_second(self) -> None:
        far, echo = self.echo(75)
        left = self.left(LinearCanceller(), echo, far)
        assert np.std(left[-8000:]) < 0.2 * np.std(echo[-8000:])

    def test_another_sound_is_left_as_it_is(self) -> None:
        far, echo = self.echo(150)
        voice = (0.05 * NOISE.standard_normal(len(far))).astype(np.float32)
        voice[: 75 * 320] = 0
        left = self.left(LinearCanceller(), echo + voice, far)[-8000:]
        gain = float(np.dot(left, voice[-8000:]) / np.dot(voice[-8000:], voice[-8000:]))
        assert gain == pytest.approx(1.0, abs=0.05)
        assert np.std(left - voice[-8000:]) < 0.4 * np.std(voice[-8000:])

    def test_an_overdriven_microphone_leaves_no_peaks_of_the_echo_and_teaches_nothing(self) -> None:
        far, echo = self.echo(150)
        loud = np.where(np.arange(len(far)) // 320 // 25 % 4 == 3, np.float32(30), np.float32(1))
        heard = np.clip(loud * echo, -1, 1)
        left = self.left(LinearCanceller(), heard, loud * far)
        for begin in (24000, 32000):  # overdriven, and soft again
            part = slice(begin + 2240, begin + 8000)  # when what was before is out of the filter
            assert np.std(left[part]) < 0.2 * np.std(heard[part])
