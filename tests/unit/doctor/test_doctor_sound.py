"""What the doctor makes of sound: each fault of a microphone and of the way from the speaker to it, alone."""

from __future__ import annotations

import numpy as np
import pytest
from doctor_patient import Sound, as_pcm, noise, sine
from echo_room import (
    BOX_SPEAKER_M,
    MIC_M,
    SOUND_SPEED_M_S,
    USER_M,
    convolved,
    room_response,
    small_loudspeaker,
)
from synthetic_sound import SENTENCE, at_dbfs, door, fan, silence, white, word

from daemon.doctor import loopback
from daemon.doctor.microphone import (
    DIGITAL_SILENCE_DBFS,
    clipped_share,
    faults,
    goertzel,
    hum_power,
    measure,
)
from hw.base import MIC_FORMAT, SPEAKER_FORMAT

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


# --- the loopback


def returned(
    delay_s: float = 0.1,
    gain: float = 0.2,
    room_dbfs: float = -60.0,
    drive: float = 0.0,
    played_s: float = 0.5,
) -> bytes:
    """A recording in which the test sound comes back."""
    sound = loopback.probe_sound(RATE_HZ)
    if drive:
        sound = np.tanh(sound * drive) / drive
    recording = noise(room_dbfs, played_s + loopback.SOUND_S + loopback.LATEST_S)
    start = round((played_s + delay_s) * RATE_HZ)
    recording[start : start + len(sound)] += gain * sound[: len(recording) - start]
    return as_pcm(recording)


@pytest.mark.parametrize("delay_s", [0.005, 0.1, 0.35, 0.9])
def test_the_delay_is_found_to_a_millisecond(delay_s: float) -> None:
    heard = loopback.analyse(returned(delay_s), 0.5)
    assert heard is not None
    assert heard.delay_s == pytest.approx(delay_s, abs=0.001)


@pytest.mark.parametrize("room_dbfs", [-60.0, -40.0, -30.0])
def test_level_and_distance_to_the_room_are_found(room_dbfs: float) -> None:
    heard = loopback.analyse(returned(gain=0.5, room_dbfs=room_dbfs), 0.5)
    assert heard is not None
    tone_dbfs = 20 * np.log10(loopback.PEAK * 0.5 / np.sqrt(2))
    assert heard.level_dbfs == pytest.approx(tone_dbfs, abs=0.6)
    assert heard.above_room_db == pytest.approx(tone_dbfs - room_dbfs, abs=1.5)


def test_a_clean_way_has_hardly_any_distortion_and_a_driven_one_its_overtones() -> None:
    clean, driven = loopback.analyse(returned(), 0.5), loopback.analyse(returned(drive=20.0), 0.5)
    assert clean is not None
    assert driven is not None
    assert clean.distortion < 0.01
    assert driven.distortion > 0.2
    assert loopback.faults(clean) == []
    assert "distorted" in loopback.faults(driven)[0].found


def test_the_distortion_of_a_square_wave_is_that_of_the_textbook() -> None:
    """Overtones 3 and 5 of a square wave have a third and a fifth of its first (Fourier)."""
    places = np.arange(RATE_HZ // 2)
    square = sum(np.sin(2 * np.pi * 1000 * order * places / RATE_HZ) / order for order in (1, 3, 5))
    assert loopback.distortion(np.asarray(square), 1000.0) == pytest.approx(np.hypot(1 / 3, 1 / 5), rel=0.01)


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_found_where_the_speaker_was_not_heard(seed: int) -> None:
    random = np.random.default_rng(seed)
    voice = speech(-25.0)[: round(3.0 * RATE_HZ)]
    slam = np.concatenate([noise(-60.0, 1.5), door(random, 0.4, 400.0), noise(-60.0, 1.1)])
    for room in (white(random, 3.0, -40.0), fan(random, 3.0, -40.0), voice, slam):
        assert loopback.analyse(as_pcm(room), 0.5) is None
    assert loopback.analyse(bytes(MIC_FORMAT.bytes(3.0)), 0.5) is None


def test_the_sweep_is_found_below_a_voice() -> None:
    voice = speech(-30.0)[: round(3.0 * RATE_HZ)]
    recording = np.frombuffer(returned(gain=0.05, room_dbfs=-65.0), np.int16)[: len(voice)] / 32768 + voice
    heard = loopback.analyse(as_pcm(recording), 0.5)
    assert heard is not None
    assert heard.delay_s == pytest.approx(0.1, abs=0.002)


@pytest.mark.parametrize("place_m", [BOX_SPEAKER_M, USER_M])
def test_the_delay_is_found_in_a_room_with_echoes(place_m: tuple[float, float, float]) -> None:
    sound = small_loudspeaker(loopback.probe_sound(RATE_HZ), RATE_HZ, 1.0)
    recording = np.concatenate([silence(0.6), sound, silence(0.9)])
    recording = 0.2 * convolved(recording, room_response(place_m, MIC_M))
    heard = loopback.analyse(as_pcm(recording + noise(-55.0)[: len(recording)]), 0.5)
    assert heard is not None
    air_s = float(np.linalg.norm(np.subtract(place_m, MIC_M))) / SOUND_SPEED_M_S
    assert heard.delay_s == pytest.approx(0.1 + air_s, abs=0.002)
    assert loopback.faults(heard) == []


def test_a_speaker_that_is_too_loud_for_the_microphone_is_told() -> None:
    heard = loopback.analyse(returned(gain=8.0), 0.5)
    assert "full scale" in loopback.faults(heard)[0].found


def test_a_speaker_that_is_hardly_heard_is_told() -> None:
    heard = loopback.analyse(returned(gain=0.05, room_dbfs=-45.0), 0.5)
    assert "above the room" in loopback.faults(heard)[0].found


def test_the_sound_for_the_speaker_is_whole_chunks_of_the_right_loudness() -> None:
    pcm = loopback.sound_pcm(0.5)
    samples = np.frombuffer(pcm, np.int16)
    assert len(pcm) % SPEAKER_FORMAT.chunk_bytes == 0
    assert np.abs(samples).max() == pytest.approx(32767 * loopback.PEAK * 0.5, rel=0.01)
    assert SPEAKER_FORMAT.seconds(len(pcm)) == pytest.approx(loopback.SOUND_S, abs=0.02)
