"""How loud a sound is from a small loudspeaker, against what can be reckoned by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.speaking.small_speaker import loudness_dba
from hw.base import SPEAKER_FORMAT


def sine(hz: float, seconds: float = 1.0, peak: float = 1.0) -> NDArray[np.float64]:
    return peak * np.sin(2 * np.pi * hz * np.arange(SPEAKER_FORMAT.frames(seconds)) / SPEAKER_FORMAT.rate_hz)


@pytest.mark.parametrize(
    ("hz", "a_weight_db"), [(125, -16.1), (250, -8.6), (500, -3.2), (1000, 0.0), (2000, 1.2), (4000, 1.0)]
)
def test_a_sine_has_its_a_weight_and_what_the_loudspeaker_leaves(hz: float, a_weight_db: float) -> None:
    """The weights are those of IEC 61672-1, table 3; the high-pass has half the power at its corner."""
    left_db = -10 * math.log10(1 + (500 / hz) ** 4)
    assert loudness_dba(sine(hz)) == pytest.approx(-3.0 + a_weight_db + left_db, abs=0.15)


def test_rests_do_not_make_it_softer() -> None:
    rest = np.zeros(SPEAKER_FORMAT.frames(1.0))
    assert loudness_dba(np.concatenate([sine(1000), rest])) == pytest.approx(
        loudness_dba(sine(1000)), abs=0.1
    )


def test_half_the_samples_are_six_db_less() -> None:
    assert loudness_dba(sine(800)) - loudness_dba(sine(800, peak=0.5)) == pytest.approx(6.02, abs=0.01)


def test_silence_is_below_everything() -> None:
    assert loudness_dba(np.zeros(100)) == -math.inf
