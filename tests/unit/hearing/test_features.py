"""Level and periodicity of one chunk, against signals whose values are known."""

from __future__ import annotations

import numpy as np
import pytest
import synthetic_sound as sounds

from daemon.hearing.features import SILENCE_DBFS, level_dbfs, periodicity

FULL_SCALE = 32767


def pcm(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bytes:
    return np.clip(values, -32768, 32767).astype(np.int16).tobytes()


def sine(hz: float, amplitude: float) -> bytes:
    return pcm(amplitude * np.sin(2 * np.pi * hz * np.arange(320) / 16_000))


def test_silence_has_the_least_level() -> None:
    assert level_dbfs(bytes(640)) == SILENCE_DBFS


def test_a_full_scale_square_wave_is_0_dbfs() -> None:
    assert level_dbfs(pcm(np.tile([32767.0, -32767.0], 160))) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize(("amplitude", "expected"), [(FULL_SCALE, -3.01), (3277, -23.01), (33, -62.95)])
def test_a_sine_is_3_db_below_its_peak(amplitude: float, expected: float) -> None:
    assert level_dbfs(sine(1000, amplitude)) == pytest.approx(expected, abs=0.2)


def test_an_offset_of_the_converter_is_not_loud() -> None:
    assert level_dbfs(pcm(np.full(320, 3000.0))) == SILENCE_DBFS
    assert level_dbfs(pcm(3000 + 100 * np.tile([1.0, -1.0], 160))) == pytest.approx(-50.3, abs=0.2)


@pytest.mark.parametrize("pitch_hz", [80, 120, 220, 350, 480])
@pytest.mark.parametrize("name", sounds.VOWELS)
def test_vowels_of_all_voices_are_periodic(name: str, pitch_hz: float) -> None:
    middle = sounds.chunks([sounds.at_dbfs(sounds.vowel(name, 0.2, pitch_hz), -20)])[5]
    assert periodicity(middle) > 0.65


def test_noise_is_not_periodic() -> None:
    random = np.random.default_rng(5)
    noises = [sounds.white(random, 20, -20), sounds.fan(random, 20, -20)]
    values = [periodicity(chunk) for chunk in sounds.chunks(noises)]
    assert np.percentile(values, 99) < 0.65


@pytest.mark.parametrize("hz", [50, 60, 90])
def test_hum_is_not_a_voice(hz: float) -> None:
    noise = np.random.default_rng(6).standard_normal(320)
    assert periodicity(pcm(8000 * np.sin(2 * np.pi * hz * np.arange(320) / 16_000) + 300 * noise)) < 0.65


def test_silence_has_no_pitch() -> None:
    assert periodicity(bytes(640)) == 0.0
