"""The front end starts from what was measured, is the better for it, and none the worse where it is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from echo_device import Device
from echo_room import MIC_HZ, from_pcm
from hard_rooms import Hard
from synthetic_sound import Sound, rms

from daemon.hearing.frontend.coupling import SILENT_CHUNKS, UNEXPECTED_CHUNKS, Coupling
from daemon.hearing.frontend.front_end import EchoState, FrontEnd
from daemon.hearing.frontend.known_path import (
    LEAST_HOPE_DB,
    MOST_HOPE_DB,
    NOTHING_KNOWN,
    VERSION,
    KnownPath,
    known_path_from,
    start_content,
)
from daemon.hearing.frontend.two_stages import DelayLine, TwoStages

DEVICES = {"mic": ["default"], "speaker": ["default"], "cards": ["Device"]}


def content(**start: Any) -> dict[str, Any]:
    usual = start_content(KnownPath(hidden_s=0.13, distortion=0.03))
    return {"version": VERSION, "devices": DEVICES, "start": usual | start}


# --- the file


def test_what_is_kept_is_read_again() -> None:
    for known in (KnownPath(hidden_s=0.13, distortion=0.03), KnownPath(heard=False), NOTHING_KNOWN):
        assert known_path_from(content(**start_content(known)), DEVICES) == known


def test_with_other_devices_nothing_is_known() -> None:
    assert known_path_from(content(), DEVICES | {"cards": ["Other"]}) is None


@pytest.mark.parametrize(
    "data",
    [
        None, [], {}, content() | {"version": 0}, content() | {"start": None}, content(hidden_s=-0.1),
        content(hidden_s=2.0), content(hidden_s=float("nan")), content(distortion=1.1), content(hidden_s="1"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match=r"measurement|version|must be"):
        known_path_from(data, DEVICES)


# --- what follows from it


def test_hope_follows_the_distortion_within_bounds() -> None:
    assert NOTHING_KNOWN.hope_db == MOST_HOPE_DB
    assert KnownPath(distortion=0.1).hope_db == pytest.approx(26.0)
    assert KnownPath(distortion=1.0).hope_db == LEAST_HOPE_DB


def test_only_a_long_delay_is_made_up_for_and_never_all_of_it() -> None:
    assert [KnownPath(hidden_s=hidden_s).later_s for hidden_s in (0.0, 0.02, 0.039)] == [0.0, 0.0, 0.0]
    assert KnownPath(hidden_s=0.13).later_s == pytest.approx(0.11)


@pytest.mark.parametrize("frames", [0, 1, 319, 320, 321, 2000])
def test_a_delay_line_gives_all_of_it_later(frames: int) -> None:
    line = DelayLine(frames)
    sound = np.arange(1, 8001, dtype=np.float32)
    out = np.concatenate([line.through(chunk) for chunk in np.split(sound, 25)])
    assert np.array_equal(out, np.concatenate([np.zeros(frames, np.float32), sound])[:8000])


def test_where_no_echo_is_expected_less_silence_proves_it_and_an_echo_proves_the_contrary() -> None:
    def chunks_until_proved(coupling: Coupling) -> int:
        for chunk in range(1, 200):
            coupling.judge(-20.0, -60.0, -62.0, explained=False)
            if coupling.heard is False:
                return chunk
        raise AssertionError("never")

    assert chunks_until_proved(Coupling()) == SILENT_CHUNKS
    assert chunks_until_proved(Coupling(expected=False)) == UNEXPECTED_CHUNKS
    loud = Coupling(expected=False)
    for _ in range(200):
        loud.judge(-20.0, -25.0, -62.0, explained=False)
    assert loud.heard is None


# --- in the front end


class NoSuppressor:
    """A second stage that leaves everything as it is: the first one is looked at."""

    def process(self, near: Any, far: Any) -> Any:
        return near

    def reset(self) -> None:
        pass


def noise_reply(seconds: float, seed: int = 1) -> Sound:
    """Noise in words, at 24 kHz: what speech is to a canceller, and needs no voices."""
    random = np.random.default_rng(seed)
    noise = np.cumsum(random.standard_normal(round(seconds * 24_000)))
    noise = np.diff(noise, prepend=0.0) + 0.3 * random.standard_normal(len(noise))
    words = np.abs(np.sin(np.pi * 2.5 * np.arange(len(noise)) / 24_000))
    return 0.1 * noise * words


def device(scene: Hard, known: KnownPath) -> tuple[Device, TwoStages]:
    canceller = TwoStages(NoSuppressor(), known.later_s)
    made = Device(scene, canceller)
    made.front_end = FrontEnd(made.far_end, canceller, known=known)
    return made, canceller


def depth_db(scene: Hard, known: KnownPath) -> float:
    """By how much the first stage makes the echo softer, in the end of the second reply."""
    made, _ = device(scene, known)
    made.hear(noise_reply(5.0, 1))
    heard = made.hear(noise_reply(3.0, 2))
    part = slice(2 * MIC_HZ, 3 * MIC_HZ)
    return float(20 * np.log10(rms(from_pcm(heard.mic)[part]) / rms(from_pcm(heard.cleaned)[part])))


LATE = Hard("linear", t60_s=0.2, delay_ms=230.0)


def test_a_delay_that_is_known_lets_the_first_stage_reach_a_late_echo() -> None:
    """Without, the first stage (0.24 s) sees no more than the echo's first 20 ms."""
    assert depth_db(LATE, KnownPath(hidden_s=0.24)) > depth_db(LATE, NOTHING_KNOWN) + 6.0


@pytest.mark.parametrize("hidden_s", [0.12, 0.25, 0.4, 1.0])
def test_a_delay_that_is_wrong_is_given_up_and_takes_nothing(hidden_s: float) -> None:
    scene = Hard("linear", t60_s=0.2, delay_ms=5.0)
    assert depth_db(scene, KnownPath(hidden_s=hidden_s)) > depth_db(scene, NOTHING_KNOWN) - 1.0
    made, canceller = device(scene, KnownPath(hidden_s=hidden_s))
    made.hear(noise_reply(4.0))
    assert canceller.later_frames == 0


def test_a_delay_that_is_right_is_kept() -> None:
    made, canceller = device(LATE, KnownPath(hidden_s=0.24))
    made.hear(noise_reply(6.0))
    assert canceller.later_frames == round(0.22 * MIC_HZ)


def test_an_echo_that_was_not_to_be_expected_is_cancelled_all_the_same() -> None:
    scene = Hard("linear", t60_s=0.2)
    known = KnownPath(heard=False)
    assert depth_db(scene, known) == pytest.approx(depth_db(scene, NOTHING_KNOWN), abs=0.5)
    made, _ = device(scene, known)
    assert made.hear(noise_reply(4.0)).starts == ()
    assert made.front_end.echo is not EchoState.NOT_HEARD


@pytest.mark.parametrize("distortion", [0.0, 0.1, 1.0])
def test_whatever_is_hoped_for_the_learnt_depth_stays_below_it(distortion: float) -> None:
    known = KnownPath(distortion=distortion)
    made, _ = device(Hard("linear", t60_s=0.2), known)
    made.hear(noise_reply(8.0))
    depth = made.front_end.report()["depth_db"]
    assert isinstance(depth, float)
    assert depth <= round(known.hope_db, 1)
