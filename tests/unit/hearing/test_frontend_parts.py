"""The pure parts of the front end: clocks, resampling, what is left of the echo, and the guard."""

from __future__ import annotations

import numpy as np
import pytest

from daemon.hearing.frontend import residue as r
from daemon.hearing.frontend import slide, witness
from daemon.hearing.frontend.bands import BANDS, Bands, Powers
from daemon.hearing.frontend.coupling import SILENT_CHUNKS, Coupling
from daemon.hearing.frontend.guard import QUIET_CHUNKS, WITNESSES, Guard
from daemon.hearing.frontend.likeness import LIKE, Likeness
from daemon.hearing.frontend.linear import BLOCK, PARTITIONS, LinearCanceller
from daemon.hearing.frontend.pace import CHUNK_S, LONG_CHUNKS, SampleClock
from daemon.hearing.frontend.resampling import BEFORE, needed, read_between
from daemon.hearing.frontend.residue import Residue
from daemon.hearing.frontend.slide import EVERY_CHUNKS, Slide
from daemon.hearing.frontend.witness import Witness

NOISE = np.random.default_rng(5)


class TestPace:
    def test_a_chunk_that_is_read_late_was_not_captured_late(self) -> None:
        pace = SampleClock()
        times_s = [pace.chunk(100 + at * CHUNK_S + (0.012 if at % 3 else 0.0)) for at in range(300)]
        assert np.allclose(np.diff(times_s), CHUNK_S, atol=1e-9)

    def test_after_a_stall_the_chunks_that_waited_have_their_own_times(self) -> None:
        pace = SampleClock()
        for at in range(100):
            pace.chunk(100 + at * CHUNK_S)
        stalled_s = 100 + 119 * CHUNK_S
        burst = [pace.chunk(stalled_s) for _ in range(20)]
        assert burst[0] == pytest.approx(100 + 100 * CHUNK_S)
        assert burst[-1] == pytest.approx(stalled_s)

    @pytest.mark.parametrize("ppm", [-100, 100])
    def test_a_crystal_that_differs_is_followed(self, ppm: int) -> None:
        pace, step_s = SampleClock(), CHUNK_S * (1 + ppm * 1e-6)
        for at in range(6 * LONG_CHUNKS):
            told_s = pace.chunk(100 + at * step_s)
        assert told_s == pytest.approx(100 + at * step_s, abs=1.1e-3)

    def test_lost_chunks_are_made_up_for_within_a_second_or_two(self) -> None:
        pace = SampleClock()
        for at in range(100):
            pace.chunk(100 + at * CHUNK_S)
        for at in range(120, 120 + 100):
            told_s = pace.chunk(100 + at * CHUNK_S)
        assert told_s == pytest.approx(100 + at * CHUNK_S)

    def test_a_stream_that_is_opened_anew_has_a_pace_of_its_own(self) -> None:
        pace = SampleClock()
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


def of(reference_db: float, mic_db: float, left_db: float) -> Powers:
    """Powers as loud in all bands."""
    levels_db = np.repeat(np.array([[reference_db], [mic_db], [left_db]]), BANDS, axis=1)
    return (10 ** (levels_db / 10)).astype(np.float32)


class TestResidue:
    FLOOR = -75.0

    def after(self, chunks: int, powers: Powers) -> Residue:
        """One that has heard so much echo, from the beginning of a sound on."""
        residue = Residue()
        residue.begin()
        for _ in range(chunks):
            residue.excess_db(powers, self.FLOOR, teaches=True)
        return residue

    def test_echo_that_is_left_as_usual_is_explained_and_a_voice_is_not(self) -> None:
        residue = self.after(500, of(-30, -30, -50))
        assert residue.excess_db(of(-30, -30, -50), self.FLOOR, teaches=True) < 1
        assert residue.excess_db(of(-30, -30, -40), self.FLOOR, teaches=True) > 8

    def test_a_canceller_that_does_badly_is_learnt_within_some_seconds(self) -> None:
        residue = self.after(500, of(-30, -30, -50))
        excess_db = [residue.excess_db(of(-30, -30, -40), self.FLOOR, teaches=True) for _ in range(200)]
        assert excess_db[-1] < 0.1

    def test_a_sentence_is_noticed_long_before_it_passes_for_echo(self) -> None:
        residue = self.after(500, of(-30, -30, -50))
        excess_db = [residue.excess_db(of(-30, -29, -40), self.FLOOR, teaches=True) for _ in range(50)]
        assert min(excess_db) > 5

    def test_what_is_heard_in_a_pause_of_the_speaker_teaches_nothing(self) -> None:
        residue = self.after(500, of(-30, -30, -50))
        depth_db = residue.depth_db
        for _ in range(400):
            residue.excess_db(of(-90, -30, -30), self.FLOOR, teaches=False)
        assert residue.depth_db == depth_db

    def test_where_the_loudspeaker_distorts_more_may_be_left_in_that_band_alone(self) -> None:
        rattles, voice = of(-30, -30, -50), of(-30, -30, -50)
        rattles[2, 8] = voice[2, 2] = 1e-4
        residue = self.after(500, rattles)
        assert residue.excess_db(rattles, self.FLOOR, teaches=False) < 0.5
        assert residue.excess_db(voice, self.FLOOR, teaches=False) > 0.5

    @pytest.mark.parametrize("chunks", [r.SETTLING_CHUNKS - 1, r.CLIPPED_CHUNKS - 1])
    def test_at_a_bad_moment_more_is_demanded_for_a_while(self, chunks: int) -> None:
        residue, louder = self.after(500, of(-30, -30, -50)), of(-30, -30, -45)
        if chunks == r.CLIPPED_CHUNKS - 1:
            residue.clipped()
        else:
            residue.begin()
        excess_db = [residue.excess_db(louder, self.FLOOR, teaches=False) for _ in range(chunks + 2)]
        assert max(excess_db[:-1]) == 0
        assert excess_db[-1] > 3

    def test_what_is_left_may_ring_on_as_a_room_does(self) -> None:
        residue = self.after(500, of(-30, -30, -50))
        ringing = [of(-96, -30 - at, -50 - r.DECAY_DB * at) for at in range(60)]
        assert max(residue.excess_db(each, self.FLOOR, teaches=False) for each in ringing) < 1

    def test_after_a_self_interruption_more_is_demanded_and_less_with_each_sound_without_one(self) -> None:
        residue = self.after(500, of(-30, -30, -50))
        before_db = residue.excess_db(of(-30, -30, -40), self.FLOOR, teaches=False)
        for _ in range(10):
            residue.demand_more()
        assert residue.margin_db == r.MOST_MARGIN_DB
        assert residue.excess_db(of(-30, -30, -40), self.FLOOR, teaches=False) < before_db
        for _ in range(30):
            residue.demand_less()
        assert residue.margin_db == 0


class TestBands:
    def test_a_tone_is_in_its_band_and_as_loud_as_it_is(self) -> None:
        bands = Bands(2)
        tone = (8000 * np.sin(2 * np.pi * 1150 * np.arange(1280) / 16_000)).astype(np.int16)
        for at in range(0, 1280, 320):
            powers = bands.powers(np.zeros(320, np.int16), tone[at : at + 320])
        assert not powers[0].any()
        assert np.argmax(powers[1]) == 4
        assert powers[1].sum() == pytest.approx(0.5 * (8000 / 32768) ** 2, rel=0.05)

    def test_what_was_is_forgotten(self) -> None:
        bands = Bands(1)
        bands.powers(np.full(320, 20_000, np.int16))
        bands.forget()
        assert not bands.powers(np.zeros(320, np.int16)).any()


class TestCoupling:
    def judged(self, mic_dbfs: float, *, far_dbfs: float = -20.0, explained: bool = False) -> bool | None:
        coupling = Coupling()
        for _ in range(SILENT_CHUNKS):
            coupling.judge(far_dbfs, mic_dbfs, -60.0, explained=explained)
        return coupling.heard

    def test_a_loud_speaker_in_a_room_that_stays_quiet_is_not_heard(self) -> None:
        assert self.judged(-60.0) is False

    def test_an_echo_that_the_reference_explains_is_heard(self) -> None:
        assert self.judged(-30.0, explained=True) is True

    def test_a_noise_that_nothing_explains_decides_nothing(self) -> None:
        assert self.judged(-30.0) is None

    def test_a_silent_speaker_decides_nothing(self) -> None:
        assert self.judged(-60.0, far_dbfs=-96.0) is None

    def test_an_echo_that_comes_up_later_is_noticed_at_once(self) -> None:
        coupling = Coupling()
        for _ in range(SILENT_CHUNKS):
            coupling.judge(-20.0, -60.0, -60.0, explained=False)
        coupling.judge(-20.0, -30.0, -60.0, explained=True)
        assert coupling.heard is True


class TestLikeness:
    FAR = (3000 * np.random.default_rng(8).standard_normal(60 * 320)).astype(np.int16)

    def peak(self, left: np.ndarray) -> float:
        likeness = Likeness()
        for at in range(0, len(self.FAR), 320):
            likeness.hear(self.FAR[at : at + 320], left[at : at + 320].astype(np.int16))
        return likeness.peak()

    @pytest.mark.parametrize("late_ms", [1, 60, 250])
    def test_what_is_played_is_known_again_at_any_delay(self, late_ms: int) -> None:
        assert self.peak(np.roll(self.FAR, 16 * late_ms) // 4) > 3 * LIKE

    def test_through_a_room_that_colours_it_too(self) -> None:
        random = np.random.default_rng(9)
        room = random.standard_normal(1600) * np.exp(-np.arange(1600) / 300)
        room[0] = 5
        assert self.peak(np.convolve(self.FAR, room)[: len(self.FAR)] / 20) > LIKE

    def test_another_voice_is_not_like_it(self) -> None:
        assert self.peak(2000 * np.random.default_rng(10).standard_normal(len(self.FAR))) < LIKE

    def test_silence_is_like_nothing(self) -> None:
        assert self.peak(np.zeros(len(self.FAR))) < LIKE


class TestSlide:
    OMEGA = 2 * np.pi * np.fft.rfftfreq(2 * BLOCK, 1 / 16_000)

    def path(self, late_s: float = 0.0, seed: int = 1) -> np.ndarray:
        random = np.random.default_rng(seed)
        rest = np.fft.rfft(random.standard_normal((PARTITIONS, BLOCK)), 2 * BLOCK)
        moved: np.ndarray = (rest * np.exp(-1j * self.OMEGA * late_s)).astype(np.complex64)
        return moved

    def see(self, seen: Slide, path: np.ndarray) -> None:
        for _ in range(EVERY_CHUNKS):
            seen.see(path)

    @pytest.mark.parametrize("ppm", [-180, 60, 250])
    def test_the_reference_is_read_ever_faster_until_the_path_rests(self, ppm: int) -> None:
        """A path that becomes later is that of a reference which is read too early."""
        seen, late_s = Slide(), 0.0
        for _ in range(80):
            self.see(seen, self.path(late_s))
            late_s += EVERY_CHUNKS * CHUNK_S * (ppm * 1e-6 + seen.slope)
        assert seen.slope == pytest.approx(-ppm * 1e-6, abs=5e-6)

    def test_another_path_says_nothing_of_the_crystals(self) -> None:
        seen = Slide()
        for seed in range(20):
            self.see(seen, self.path(seed=seed))
        assert seen.slope == 0

    def test_after_a_change_only_the_crystals_are_remembered(self) -> None:
        seen = Slide()
        self.see(seen, self.path())
        self.see(seen, self.path(2e-5))
        before = seen.slope
        assert before < 0
        seen.forget()
        self.see(seen, self.path(6e-5))
        assert seen.slope == before

    def test_it_stays_within_what_crystals_can_do(self) -> None:
        seen = Slide()
        for at in range(40):
            self.see(seen, self.path(at * 4e-5))
        assert seen.slope == -slide.MAX_SLOPE


class TestWitness:
    """With a judge that gives one probability always."""

    probability = 0.0
    resets = 0

    def hear(self, chunk: bytes) -> float:
        return self.probability

    def reset(self) -> None:
        self.resets += 1

    def last(self, probability: float, excess_db: float, *, chunks: int = 60) -> bool | None:
        self.probability = probability
        heard = Witness(self)
        return [heard.hears_voice(b"", excess_db) for _ in range(chunks)][-1]

    def test_a_fresh_judge_says_nothing(self) -> None:
        assert self.last(0.9, 3.0, chunks=witness.FRESH_CHUNKS) is None

    def test_who_is_sure_is_believed_where_something_stood_out(self) -> None:
        assert self.last(0.6, 1.0) is True
        assert self.last(0.4, 1.0) is True
        assert self.last(0.2, 1.0) is False

    def test_nobody_is_heard_in_what_may_all_be_echo(self) -> None:
        assert self.last(0.9, 0.1) is False

    def test_a_likely_voice_in_a_chunk_that_may_be_echo_is_none(self) -> None:
        heard = Witness(self)
        self.probability = 0.4
        for _ in range(60):
            heard.hears_voice(b"", 3.0)
        assert heard.hears_voice(b"", 0.0) is False
        self.probability = 0.6
        assert heard.hears_voice(b"", 0.0) is True

    def test_the_judge_is_made_fresh_when_nothing_stands_out(self) -> None:
        heard = Witness(self)
        for _ in range(2 * witness.RENEWED_CHUNKS):
            heard.hears_voice(b"", 3.0)
        assert self.resets == 1
        for _ in range(2 * witness.QUIET_CHUNKS):
            heard.hears_voice(b"", 0.0)
        assert self.resets == 2


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
            part = slice(
                begin + (PARTITIONS + 1) * BLOCK, begin + 8000
            )  # when what was before is out of the filter
            assert np.std(left[part]) < 0.2 * np.std(heard[part])
