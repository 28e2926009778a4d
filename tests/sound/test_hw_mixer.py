"""The card's own loudness: which control, how far it goes, and what is left to the samples."""

from __future__ import annotations

import math
import re
import subprocess
import threading
from collections.abc import Callable
from ctypes import c_void_p
from dataclasses import dataclass
from typing import Any

import pytest
from pulse import PrivatePulse

from hw.sound.mixer import (
    AUTO,
    NONE,
    CardMixer,
    ControlInfo,
    MixerError,
    MixerVolume,
    pick_control,
    share_left,
)


@dataclass
class FakeControl:
    """A simple control, in hundredths of a decibel."""

    name: str
    low_cdb: int = -5000
    high_cdb: int = 0
    step_cdb: int = 1
    is_cdb: int = 0
    on: bool | None = None
    """None: it has no switch."""


class FakeAlsa:
    """What `CardMixer` asks of alsa-lib, for a card with these controls."""

    def __init__(self, *controls: FakeControl) -> None:
        self.controls = controls
        self.closed = False

    def _at(self, control: c_void_p) -> FakeControl:
        return self.controls[(control.value or 0) - 1]

    def snd_mixer_open(self, handle: Any, _mode: int) -> int:
        return 0

    def snd_mixer_attach(self, handle: Any, card: bytes) -> int:
        return 0 if card == b"hw:1" else -2

    def snd_mixer_selem_register(self, handle: Any, options: Any, klass: Any) -> int:
        return 0

    def snd_mixer_load(self, handle: Any) -> int:
        return 0

    def snd_mixer_close(self, handle: Any) -> int:
        self.closed = True
        return 0

    def snd_mixer_first_elem(self, handle: Any) -> int:
        return 1 if self.controls else 0

    def snd_mixer_elem_next(self, control: c_void_p) -> int:
        return ((control.value or 0) + 1) % (len(self.controls) + 1)

    def snd_mixer_selem_has_playback_volume(self, control: c_void_p) -> int:
        return 1

    def snd_mixer_selem_get_name(self, control: c_void_p) -> bytes:
        return self._at(control).name.encode()

    def snd_mixer_selem_get_playback_dB_range(self, control: c_void_p, low: Any, high: Any) -> int:  # noqa: N802 - alsa-lib's own name
        low._obj.value, high._obj.value = self._at(control).low_cdb, self._at(control).high_cdb
        return 0

    def snd_mixer_selem_has_playback_switch(self, control: c_void_p) -> int:
        return int(self._at(control).on is not None)

    def snd_mixer_selem_set_playback_switch_all(self, control: c_void_p, on: int) -> int:
        self._at(control).on = bool(on)
        return 0

    def snd_mixer_selem_set_playback_dB_all(self, control: c_void_p, cdb: int, _rounding: int) -> int:  # noqa: N802 - alsa-lib's own name
        one = self._at(control)
        one.is_cdb = max(one.low_cdb, min(one.high_cdb, round(cdb / one.step_cdb) * one.step_cdb))
        return 0

    def snd_mixer_selem_get_playback_dB(self, control: c_void_p, _channel: int, level: Any) -> int:  # noqa: N802 - alsa-lib's own name
        level._obj.value = self._at(control).is_cdb
        return 0

    def snd_strerror(self, code: int) -> bytes:
        return b"No such file or directory"


class TestWhichControl:
    CARD = (ControlInfo("Speaker", True), ControlInfo("Mono Out", True), ControlInfo("Playback", True))

    def test_samples_come_before_amplifiers(self) -> None:
        assert pick_control(self.CARD, AUTO) == "Playback"

    def test_one_that_is_named_is_taken_whatever_the_case(self) -> None:
        assert pick_control(self.CARD, "mono out") == "Mono Out"

    def test_an_unknown_one_is_left_alone(self) -> None:
        assert pick_control([ControlInfo("Beep", True)], AUTO) is None
        assert pick_control(self.CARD, "Master") is None

    def test_one_without_decibels_must_be_named(self) -> None:
        controls = [ControlInfo("Master", False)]
        assert pick_control(controls, AUTO) is None
        assert pick_control(controls, "Master") == "Master"


class TestHowLoud:
    def test_a_factor_becomes_decibels(self) -> None:
        control = FakeControl("PCM")
        done = CardMixer("hw:1", AUTO, FakeAlsa(control)).set_gain(0.1)
        assert control.is_cdb == -2000
        assert done == pytest.approx(0.1)

    def test_an_amplifier_is_never_opened_beyond_0_db(self) -> None:
        control = FakeControl("Speaker", high_cdb=600)
        assert CardMixer("hw:1", AUTO, FakeAlsa(control)).set_gain(1.0) == 1.0
        assert control.is_cdb == 0

    def test_a_control_that_ends_below_0_db_is_used_whole(self) -> None:
        control = FakeControl("PCM", high_cdb=-600)
        assert CardMixer("hw:1", AUTO, FakeAlsa(control)).set_gain(1.0) == 1.0
        assert control.is_cdb == -600

    def test_what_its_range_cannot_do_is_told(self) -> None:
        control = FakeControl("PCM", low_cdb=-2000)
        done = CardMixer("hw:1", AUTO, FakeAlsa(control)).set_gain(0.01)
        assert done == pytest.approx(0.1)
        assert share_left(0.01, done) == pytest.approx(0.1)

    def test_what_a_wide_step_cannot_do_is_left_unless_it_would_amplify(self) -> None:
        control = FakeControl("PCM", step_cdb=300)
        done = CardMixer("hw:1", AUTO, FakeAlsa(control)).set_gain(10 ** (-4 / 20))
        assert 20 * math.log10(done) == pytest.approx(-3)
        assert 20 * math.log10(share_left(10 ** (-4 / 20), done)) == pytest.approx(-1)
        assert share_left(0.5, 0.4) == 1.0

    def test_silence_is_the_switch_and_the_samples_too(self) -> None:
        control = FakeControl("PCM", on=True)
        mixer = CardMixer("hw:1", AUTO, FakeAlsa(control))
        assert share_left(0.0, mixer.set_gain(0.0)) == 0.0
        assert control.on is False
        mixer.set_gain(0.5)
        assert control.on is True

    def test_a_card_without_a_fitting_control_is_let_go(self) -> None:
        alsa = FakeAlsa(FakeControl("Beep"))
        with pytest.raises(MixerError, match="no control 'auto'"):
            CardMixer("hw:1", AUTO, alsa)
        assert alsa.closed

    def test_no_card_is_an_error_in_words(self) -> None:
        with pytest.raises(MixerError, match="hw:7: no mixer"):
            CardMixer("hw:7", AUTO, FakeAlsa(FakeControl("PCM")))


class Rest:
    """Waits for what is left to the samples."""

    def __init__(self) -> None:
        self._told = threading.Condition()
        self.gains: list[float] = []

    def __call__(self, gain: float) -> None:
        with self._told:
            self.gains.append(gain)
            self._told.notify_all()

    def until(self, condition: Callable[[], bool]) -> None:
        with self._told:
            assert self._told.wait_for(condition, 10)


class TestWhateverCardTheSpeakerIsOn:
    def volume(self, *controls: FakeControl, control: str = AUTO) -> tuple[MixerVolume, Rest]:
        rest = Rest()
        volume = MixerVolume(control, lambda card, wanted: CardMixer(card, wanted, FakeAlsa(*controls)))
        volume.on_rest = rest
        return volume, rest

    def test_before_a_speaker_is_open_the_samples_do_it(self) -> None:
        volume, rest = self.volume(FakeControl("PCM"))
        volume.set_gain(0.3)
        assert rest.gains == [0.3]
        assert volume.about == ""

    def test_a_card_takes_over_and_the_samples_are_left_as_they_are(self) -> None:
        control = FakeControl("PCM")
        volume, rest = self.volume(control)
        volume.set_gain(0.1)
        volume.attach(1)
        rest.until(lambda: rest.gains[-1] == pytest.approx(1.0))
        assert control.is_cdb == -2000
        assert rest.gains[:2] == [0.1, 0.1], "never louder than asked, not for a moment"
        assert volume.about == "hw:1 PCM"
        volume.close()

    def test_the_samples_take_over_again_when_the_speaker_is_no_card(self) -> None:
        volume, rest = self.volume(FakeControl("PCM"))
        volume.set_gain(0.1)
        volume.attach(1)
        rest.until(lambda: rest.gains[-1] == pytest.approx(1.0))
        volume.attach(None)
        assert rest.gains[-1] == 0.1
        assert volume.about == ""
        volume.close()

    def test_the_samples_can_be_told_to_do_all_of_it(self) -> None:
        control = FakeControl("PCM")
        volume, rest = self.volume(control)
        volume.set_gain(0.1)
        volume.attach(1)
        rest.until(lambda: rest.gains[-1] == pytest.approx(1.0))
        volume.set_gain(0.1, by_samples=True)
        rest.until(lambda: rest.gains[-1] == 0.1)
        assert control.is_cdb == 0
        volume.close()

    def test_a_card_that_fails_leaves_it_to_the_samples_and_says_why(self) -> None:
        class Broken(CardMixer):
            def set_gain(self, gain: float) -> float:
                raise MixerError("the card is gone")

        rest = Rest()
        volume = MixerVolume(AUTO, lambda card, wanted: Broken(card, wanted, FakeAlsa(FakeControl("PCM"))))
        volume.on_rest = rest
        volume.attach(1)
        rest.until(lambda: volume.problem is not None and len(rest.gains) == 2)
        assert volume.problem == "the card is gone"
        volume.set_gain(0.2)
        assert rest.gains[-1] == 0.2
        volume.close()

    def test_it_can_be_forbidden(self) -> None:
        volume, rest = self.volume(FakeControl("PCM"), control=NONE)
        volume.attach(1)
        volume.set_gain(0.4)
        assert rest.gains == [1.0, 0.4]


def test_a_real_mixer_without_decibels_follows_the_same_curve(pulse: PrivatePulse) -> None:
    """ALSA's plug-in for PulseAudio has one control, Master, whose scale is PulseAudio's."""
    mixer = CardMixer("default", "Master")
    try:
        assert mixer.set_gain(0.125) == pytest.approx(0.125, rel=0.01)
        words = subprocess.run(
            ["pactl", "get-sink-volume", "@DEFAULT_SINK@"],
            env=pulse.process_environment, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert re.findall(r"(\d+)%", words)[0] == "50"
    finally:
        mixer.set_gain(1.0)
        mixer.close()
