"""What a device is asked for, and what is done to the samples where it takes something else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.base import MIC_FORMAT, SPEAKER_FORMAT
from hw.sound.negotiate import (
    MIC_OPTIONS,
    MIX,
    RATES_HZ,
    SPEAKER_OPTIONS,
    Form,
    StreamOptions,
    capture_forms,
    playback_forms,
)
from hw.sound.resample import CaptureConverter, PlaybackConverter, Resampler


def options(*, rate_hz: int = 0, channel: int = 0) -> StreamOptions:
    return StreamOptions(0.01, 0.5, rate_hz=rate_hz, channel=channel)


class TestForms:
    def test_our_own_form_is_asked_for_first(self) -> None:
        assert capture_forms(MIC_OPTIONS, 2)[0] == Form(16_000, 1)
        assert playback_forms(SPEAKER_OPTIONS, 2)[0] == Form(24_000, 1)

    def test_then_the_rate_that_most_cards_have(self) -> None:
        assert capture_forms(MIC_OPTIONS, 1)[:2] == (Form(16_000, 1), Form(48_000, 1))

    @pytest.mark.parametrize(
        ("channel", "most", "channels"),
        [
            (0, 1, {1}),
            (0, 6, {1, 6}),
            (3, 6, {4, 6}),
            (5, 6, {6}),
            (6, 6, set()),  # there is no such channel
            (0, 128, {1}),  # a sound server: it mixes itself
            (MIX, 4, {4}),
            (MIX, 1, {1}),
            (MIX, 128, {1}),
        ],
    )
    def test_as_few_channels_as_will_do(self, channel: int, most: int, channels: set[int]) -> None:
        assert {form.channels for form in capture_forms(options(channel=channel), most)} == channels

    @pytest.mark.parametrize(("most", "channels"), [(1, {1}), (2, {1, 2}), (8, {1, 2, 8}), (128, {1, 2})])
    def test_a_speaker_may_have_any_number_of_channels(self, most: int, channels: set[int]) -> None:
        assert {form.channels for form in playback_forms(SPEAKER_OPTIONS, most)} == channels

    def test_a_rate_that_is_configured_is_the_only_one(self) -> None:
        assert {form.rate_hz for form in capture_forms(options(rate_hz=44_100), 2)} == {44_100}

    @pytest.mark.parametrize("rate_hz", RATES_HZ)
    def test_each_rate_has_whole_chunks(self, rate_hz: int) -> None:
        assert Form(rate_hz, 1).chunk_frames * 50 == rate_hz

    def test_the_depth_is_a_number_of_periods_and_one_more(self) -> None:
        assert (SPEAKER_OPTIONS.periods, SPEAKER_OPTIONS.period_frames(48_000)) == (21, 480)


def sine(rate_hz: int, seconds: float, hz: float = 1000.0) -> np.ndarray:
    return (8000 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.int16)


class TestResampler:
    def test_the_same_rate_needs_no_library_and_costs_no_time(self) -> None:
        resampler = Resampler(16_000, 16_000)
        samples = sine(16_000, 0.02)
        assert resampler.convert(samples) is samples
        assert resampler.held_s == 0

    @pytest.mark.parametrize("from_hz", [8_000, 22_050, 44_100, 48_000, 96_000, 192_000])
    def test_after_the_first_piece_chunks_are_equal_and_nothing_is_lost(self, from_hz: int) -> None:
        resampler = Resampler(from_hz, 16_000)
        given_frames = [len(resampler.convert(sine(from_hz, 0.02))) for _ in range(100)]
        assert set(given_frames[2:]) <= {319, 320, 321}
        assert resampler.held_s == pytest.approx(0.0125 if from_hz > 16_000 else 0.03, abs=0.0025)
        assert sum(given_frames) == pytest.approx((2.0 - resampler.held_s) * 16_000, abs=1)

    def test_what_the_rate_cannot_hold_is_taken_away(self) -> None:
        resampler = Resampler(48_000, 16_000)
        heard = np.concatenate([resampler.convert(sine(48_000, 0.02, 9_000)) for _ in range(50)])
        assert np.abs(heard[2000:]).max() <= 2  # folded down it would be at 7 kHz

    def test_a_reset_forgets(self) -> None:
        resampler = Resampler(24_000, 48_000)
        resampler.convert(sine(24_000, 0.02))
        resampler.reset()
        assert resampler.held_s == 0
        assert not np.any(resampler.convert(np.zeros(480, np.int16)))


class TestCapture:
    FRAMES = np.array([[1, 20, 300], [3, 40, 500]], np.int16)

    @pytest.mark.parametrize(("channel", "heard"), [(0, [1, 3]), (2, [300, 500]), (MIX, [107, 181])])
    def test_one_channel_is_heard_or_the_mean_of_all(self, channel: int, heard: list[int]) -> None:
        converter = CaptureConverter(Form(MIC_FORMAT.rate_hz, 3), channel)
        assert np.frombuffer(converter.convert(self.FRAMES.tobytes()), np.int16).tolist() == heard

    def test_full_scale_on_all_channels_stays_full_scale(self) -> None:
        converter = CaptureConverter(Form(MIC_FORMAT.rate_hz, 8), MIX)
        loud = np.full((4, 8), -32768, np.int16)
        assert np.frombuffer(converter.convert(loud.tobytes()), np.int16).tolist() == [-32768] * 4

    @given(st.sampled_from([16_000, *RATES_HZ]), st.integers(2, 640).map(lambda frames: 2 * frames // 2 * 2))
    def test_it_knows_how_many_frames_make_a_piece(self, rate_hz: int, size_bytes: int) -> None:
        frames = CaptureConverter(Form(rate_hz, 1), 0).frames_for(size_bytes)
        assert (frames - 1) * 16_000 < size_bytes // 2 * rate_hz <= frames * 16_000


class TestPlayback:
    def test_each_channel_gets_the_same(self) -> None:
        converter = PlaybackConverter(Form(SPEAKER_FORMAT.rate_hz, 2))
        assert converter.convert(b"\1\0\2\0") == b"\1\0\1\0\2\0\2\0"

    def test_what_is_held_back_comes_with_the_rest(self) -> None:
        converter = PlaybackConverter(Form(48_000, 1))
        begun = converter.convert(sine(24_000, 0.1).tobytes())
        assert converter.held_s == pytest.approx(0.01)
        whole = np.frombuffer(begun + converter.rest(), np.int16)
        assert len(whole) == 4800
        wanted = sine(48_000, 0.1).astype(np.float64)
        assert np.abs(whole[480:-480] - wanted[480:-480]).max() < 20
        assert np.abs(whole[-480:]).max() > 4000
