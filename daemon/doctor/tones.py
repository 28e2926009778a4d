"""The tones of `conure tone`: the earcons by name, and one for setting the loudness by ear. Pure."""

from __future__ import annotations

import numpy as np

from daemon.speaking.earcons import earcon_pcm
from daemon.speaking.messages import MEANINGS
from daemon.words import Earcon
from hw.base import SPEAKER_FORMAT

TEST = "test"
TEST_HZ = 440.0
TEST_S = 1.5
TEST_PEAK = 0.25
"""-12 dBFS: as loud as the loudest earcon may be."""
RAMP_S = 0.02

TONES: dict[str, str] = {
    **{earcon.value: MEANINGS[earcon] for earcon in Earcon},
    TEST: f"a steady tone of {TEST_HZ:.0f} Hz, to set the loudness by",
}
"""What can be played, and what it means."""


def tone_pcm(name: str) -> bytes:
    """The samples of a tone of TONES (`hw.base.SPEAKER_FORMAT`), before the volume."""
    return _test_pcm() if name == TEST else earcon_pcm(Earcon(name))


def _test_pcm() -> bytes:
    count = SPEAKER_FORMAT.frames(TEST_S)
    places = np.arange(count)
    ramp = np.minimum(1.0, np.minimum(places, places[::-1]) / SPEAKER_FORMAT.frames(RAMP_S))
    wave = np.sin(2 * np.pi * TEST_HZ * places / SPEAKER_FORMAT.rate_hz) * ramp
    return bytes(np.rint(wave * (32767 * TEST_PEAK)).astype(np.int16).tobytes())
