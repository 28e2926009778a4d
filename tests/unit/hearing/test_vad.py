"""The voice judge: what webrtcvad is asked, and that it judges."""

from __future__ import annotations

import pytest
import synthetic_sound as sounds

from daemon.config.settings import VadSettings
from daemon.hearing.judging import FRESH_CHUNKS, LOOK_BACK_CHUNKS, SLEEP_CHUNKS, Cascade, Cheap, Neural
from daemon.hearing.vad import judge_from, make_is_voiced

QUIET, VOICE = b"quiet", b"voice"


class Network:
    """Says what it is told to, and notes what it was asked."""

    def __init__(self, probability: float = 0.0) -> None:
        self.probability = probability
        self.heard: list[bytes] = []
        self.resets = 0

    def hear(self, chunk: bytes) -> float:
        self.heard.append(chunk)
        return self.probability

    def reset(self) -> None:
        self.resets += 1


def cascade(network: Network) -> Cascade:
    return Cascade(lambda chunk: chunk == VOICE, network)


def hear(judge: Cascade, chunk: bytes, count: int) -> None:
    for _ in range(count):
        judge.hear(chunk, loud=chunk == VOICE)


def test_the_network_is_not_asked_while_it_is_quiet() -> None:
    network = Network(1.0)
    hear(cascade(network), QUIET, 500)
    assert network.heard == []


def test_what_passes_wakes_it_fresh_with_half_a_second_of_what_was_before() -> None:
    network = Network(0.9)
    judge = cascade(network)
    hear(judge, QUIET, 100)
    assert judge.hear(VOICE, loud=True) == (True, 0.9)
    assert network.resets == 1
    assert network.heard == [QUIET] * (LOOK_BACK_CHUNKS - 1) + [VOICE]


def test_it_hears_on_until_it_is_quiet_and_sleeps_then() -> None:
    network = Network(0.9)
    judge = cascade(network)
    hear(judge, VOICE, 1)
    hear(judge, QUIET, 2 * SLEEP_CHUNKS)
    assert len(network.heard) == SLEEP_CHUNKS
    assert judge.hear(QUIET, loud=False) == (False, 0.0)


def test_a_network_that_says_no_begins_anew_and_one_that_says_yes_does_not() -> None:
    no, yes = Network(0.1), Network(0.9)
    hear(cascade(no), VOICE, 4 * FRESH_CHUNKS)
    hear(cascade(yes), VOICE, 4 * FRESH_CHUNKS)
    assert no.resets == 4
    assert yes.resets == 1


def test_the_network_alone_is_asked_about_every_chunk() -> None:
    network = Network(0.9)
    judge = Neural(network)
    assert judge.hear(QUIET, loud=False) == (False, 0.9)
    assert judge.hear(VOICE, loud=True) == (True, 0.9)
    assert network.heard == [QUIET, VOICE]


def test_a_function_is_asked_about_what_is_loud() -> None:
    judge = Cheap(lambda _: True)
    assert judge.hear(VOICE, loud=True) == (True, None)
    assert judge.hear(VOICE, loud=False) == (False, None)


@pytest.mark.parametrize(("engine", "kind"), [("cascade", Cascade), ("webrtc", Cheap), ("silero", Neural)])
def test_the_configuration_names_the_judge(engine: str, kind: type) -> None:
    assert isinstance(judge_from(VadSettings(engine=engine)), kind)


@pytest.mark.parametrize("aggressiveness", [0, 1, 2, 3])
def test_a_vowel_is_voiced_and_silence_is_not(aggressiveness: int) -> None:
    is_voiced = make_is_voiced(aggressiveness)
    silence, vowel = ([sounds.silence(0.4)], [sounds.at_dbfs(sounds.vowel("a", 0.4), -20)])
    assert not any(is_voiced(chunk) for chunk in sounds.chunks(silence))
    assert sum(is_voiced(chunk) for chunk in sounds.chunks(vowel)) >= 15


def test_a_mode_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="mode"):
        make_is_voiced(4)
