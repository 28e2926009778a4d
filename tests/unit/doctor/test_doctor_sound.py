"""What the doctor makes of a microphone's sound: each fault alone."""

from __future__ import annotations

import numpy as np
import pytest
from doctor_patient import Sound, as_pcm, noise, sine
from synthetic_sound import SENTENCE, at_dbfs, fan, silence, white, word

from daemon.doctor.microphone import (
    DIGITAL_SILENCE_DBFS,
    clipped_share,
    faults,
    goertzel,
    hum_power,
    measure,
)
from hw.base import MIC_FORMAT

RATE_HZ = MIC_FORMAT.rate_hz


def found_in(sound: Sound) -> list[str]:
    """What is wrong with it, in words."""
    return [fault.found for fault in faults(measure(as_pcm(sound)))]


def speech(dbfs: float = -30.0) -> Sound:
    """A sentence with its pauses."""
    random = np.random.default_rng(3)
    words = [part for vowels in SENTENCE for part in (word(random, vowels), silence(0.2))]
    return at_dbfs(np.concatenate(words), dbfs)


# --- the microphone


@pytest.mark.parametrize("seed", range(5))
def test_a_quiet_room_a_voice_and_a_fan_are_no_fault(seed: int) -> None:
    random = np.random.default_rng(seed)
    assert found_in(white(random, 2.0, -75.0)) == []
    assert found_in(fan(random, 2.0, -45.0)) == []
    voice = speech()
    assert found_in(voice + white(random, len(voice) / RATE_HZ, -65.0)) == []


def test_zeros_and_a_dither_are_digital_silence() -> None:
    dither = np.random.default_rng(1).integers(-1, 2, 2 * RATE_HZ) / 32768
    for sound in (np.zeros(2 * RATE_HZ), dither):
        assert measure(as_pcm(sound)).level_dbfs < DIGITAL_SILENCE_DBFS
        assert [line.split(" (")[0] for line in found_in(sound)] == ["digital silence"]


@pytest.mark.parametrize("dbfs", [-3.0, 0.0, 10.0])
def test_flat_tops_are_clipping_and_single_peaks_are_not(dbfs: float) -> None:
    loud = at_dbfs(speech(), dbfs)
    assert any(line.startswith("it clips") for line in found_in(loud)) == (
        np.mean(np.abs(loud) > 1.0) > 0.002
    )
    peaks = noise(-40.0, 2.0)
    peaks[::1000] = 1.0
    assert clipped_share(peaks) == 0.0


def test_the_share_of_clipped_samples_counts_both_sides() -> None:
    sound = np.zeros(1000)
    sound[100:110], sound[200:220] = 1.0, -1.0
    sound[300:302] = 1.0  # too few in a row
    assert clipped_share(sound) == 30 / 1000


@pytest.mark.parametrize(("share", "told"), [(0.01, False), (-0.01, False), (0.05, True), (-0.05, True)])
def test_an_offset_is_told_when_it_matters(share: float, told: bool) -> None:
    sound = measure(as_pcm(noise(-60.0, 2.0) + share))
    assert sound.offset == pytest.approx(share, abs=1e-3)
    assert sound.level_dbfs == pytest.approx(-60.0, abs=0.5), "an offset is no loudness"
    assert bool(faults(sound)) == told


@pytest.mark.parametrize("hz", [50, 60])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_hum_is_told_with_its_frequency(hz: int, order: int) -> None:
    sound = measure(as_pcm(noise(-65.0, 2.0) + sine(hz * order, -45.0, 2.0)))
    assert sound.hum_dbfs == pytest.approx(-45.0, abs=1.0)
    assert faults(sound)[0].found.startswith("mains hum at ")
    if order == 1:
        assert sound.hum_hz == hz


def test_hum_below_a_voice_or_too_soft_to_matter_is_not_told() -> None:
    voice = speech(-25.0)
    seconds = len(voice) / RATE_HZ
    assert found_in(voice + sine(50.0, -50.0, seconds) + noise(-65.0, seconds)) == []
    assert found_in(noise(-80.0, 2.0) + sine(50.0, -70.0, 2.0)) == []


def test_a_tone_that_comes_and_goes_is_no_hum() -> None:
    sound = sine(100.0, -30.0, 2.0)
    sound[: RATE_HZ // 2] = 0.0
    assert hum_power(sound, 50) < 1e-8


@pytest.mark.parametrize("hz", [50.0, 120.0, 1000.0])
def test_the_power_at_one_frequency_is_that_of_the_tone(hz: float) -> None:
    tone = sine(hz, -20.0, 1.0)
    assert 10 * np.log10(goertzel(tone, hz)) == pytest.approx(-20.0, abs=0.1)
    assert 10 * np.log10(goertzel(tone, hz + 20)) < -60.0


def test_a_room_as_loud_as_speech_is_told() -> None:
    assert found_in(noise(-28.0, 2.0)) != []
    assert "noise" in found_in(noise(-28.0, 2.0))[0]


def test_less_than_half_a_second_is_not_judged() -> None:
    with pytest.raises(ValueError, match="half a second"):
        measure(bytes(MIC_FORMAT.bytes(0.4)))
