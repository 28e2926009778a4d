"""The voice judge: what webrtcvad is asked, and that it judges."""

from __future__ import annotations

import pytest
import synthetic_sound as sounds

from daemon.hearing.vad import make_is_voiced


@pytest.mark.parametrize("aggressiveness", [0, 1, 2, 3])
def test_a_vowel_is_voiced_and_silence_is_not(aggressiveness: int) -> None:
    is_voiced = make_is_voiced(aggressiveness)
    silence, vowel = ([sounds.silence(0.4)], [sounds.at_dbfs(sounds.vowel("a", 0.4), -20)])
    assert not any(is_voiced(chunk) for chunk in sounds.chunks(silence))
    assert sum(is_voiced(chunk) for chunk in sounds.chunks(vowel)) >= 15


def test_a_mode_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="mode"):
        make_is_voiced(4)
