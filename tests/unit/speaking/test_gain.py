"""Volume steps and their application to samples."""

from __future__ import annotations

from math import log10

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.speaking.gain import apply_gain, gain_for

SAMPLES = st.lists(st.integers(-32768, 32767), max_size=50)


def pcm(samples: list[int]) -> bytes:
    return np.array(samples, np.int16).tobytes()


def test_full_volume_changes_nothing_and_zero_is_silence() -> None:
    assert gain_for(100) == 1.0
    assert gain_for(0) == 0.0


def test_half_the_percent_is_18_db_less() -> None:
    assert 20 * log10(gain_for(50)) == pytest.approx(-18.06, abs=0.01)


def test_every_percent_is_louder_than_the_one_before() -> None:
    gains = [gain_for(percent) for percent in range(101)]
    assert gains == sorted(set(gains))


@pytest.mark.parametrize(("percent", "same_as"), [(-5, 0), (130, 100)])
def test_a_volume_beyond_the_scale_is_its_end(percent: float, same_as: float) -> None:
    assert gain_for(percent) == gain_for(same_as)


def test_a_gain_of_one_returns_the_same_object() -> None:
    samples = pcm([1, 2, 3])
    assert apply_gain(samples, 1.0) is samples


@given(samples=SAMPLES, gain=st.floats(0, 8, width=32))
def test_each_sample_is_multiplied_rounded_and_clipped(samples: list[int], gain: float) -> None:
    result = np.frombuffer(apply_gain(pcm(samples), gain), np.int16)
    exact = np.clip(np.array(samples) * gain, -32768, 32767)
    assert np.all(np.abs(result - exact) <= 0.51)


def test_a_negative_gain_is_an_error() -> None:
    with pytest.raises(ValueError, match="negative"):
        apply_gain(b"\0\0", -0.5)


def test_half_a_sample_is_an_error() -> None:
    with pytest.raises(ValueError, match="buffer size"):
        apply_gain(b"\0\0\0", 0.5)
