"""Known loudspeakers and rooms in; delay, coupling, distortion, the clocks' difference and the room out."""

from __future__ import annotations

import numpy as np
import pytest
from doctor_patient import Sound, as_pcm, noise
from echo_room import MIC_M, SOUND_SPEED_M_S, USER_M
from hard_rooms import Way
from loudspeakers import LOUDSPEAKERS
from synthetic_sound import SENTENCE, at_dbfs, door, fan, silence, white, word

from daemon.doctor.microphone import as_samples
from daemon.doctor.sound import loopback, sweep
from daemon.doctor.sound.echo_path import EchoPath, analyse, decay_db, t60_s, tail_s
from hw.base import MIC_FORMAT, SPEAKER_FORMAT

HZ = MIC_FORMAT.rate_hz
PLAYED_S = 0.6
"""So long the room is heard before the sound is played."""
LISTENED_S = PLAYED_S + sweep.SOUND_S + sweep.LATEST_S


def pcm_of(way: Way) -> bytes:
    return as_pcm(way.heard(sweep.probe_sound(SPEAKER_FORMAT.rate_hz), PLAYED_S))


def measured(way: Way, reference: bytes = b"") -> EchoPath:
    path = analyse(pcm_of(way), PLAYED_S, way.played_gain, reference)
    assert path is not None
    return path


# --- the sound


def test_the_sound_for_the_speaker_is_whole_chunks_of_the_right_loudness() -> None:
    pcm = sweep.sound_pcm(0.5)
    samples = np.frombuffer(pcm, np.int16)
    assert len(pcm) % SPEAKER_FORMAT.chunk_bytes == 0
    assert np.abs(samples).max() == pytest.approx(32767 * sweep.PEAK * 0.5, rel=0.01)
    assert SPEAKER_FORMAT.seconds(len(pcm)) == pytest.approx(sweep.SOUND_S, abs=0.02)


def test_it_begins_and_ends_softly() -> None:
    tone = sweep.sweep(HZ)
    assert np.abs(tone[: HZ // 1000]).max() < 0.1
    assert np.abs(tone[-HZ // 1000 :]).max() < 0.1


def test_an_overtone_comes_earlier_by_the_time_in_which_the_tone_reaches_it() -> None:
    """After that lead the tone itself has the frequency that the overtone had."""
    for order in sweep.ORDERS:
        at_s = 0.3
        tone_hz = sweep.FIRST_HZ * np.exp(at_s / sweep.GROWTH_S)
        later_hz = sweep.FIRST_HZ * np.exp((at_s + sweep.overtone_lead_s(order)) / sweep.GROWTH_S)
        assert later_hz == pytest.approx(order * tone_hz)


# --- what is measured


@pytest.mark.parametrize("delay_s", [0.0, 0.005, 0.1, 0.35, 0.9])
def test_the_delay_is_found_to_a_millisecond(delay_s: float) -> None:
    assert measured(Way("linear", 0.0, delay_s=delay_s)).delay_s == pytest.approx(delay_s, abs=0.001)


def test_the_way_through_the_air_counts_as_delay() -> None:
    air_s = float(np.linalg.norm(np.subtract(USER_M, MIC_M))) / SOUND_SPEED_M_S
    found = measured(Way(place_m=USER_M, t60_s=0.9))
    assert found.delay_s == pytest.approx(0.05 + air_s, abs=0.001)


def test_what_is_hidden_is_told_by_the_reference_and_not_without() -> None:
    told = np.concatenate([noise(-90.0, PLAYED_S + 0.03), sweep.probe_sound(HZ), np.zeros(HZ)])
    assert measured(Way(delay_s=0.15)).hidden_s is None
    assert measured(Way(delay_s=0.15), as_pcm(told)).hidden_s == pytest.approx(0.12, abs=0.001)
    assert measured(Way(delay_s=0.15), as_pcm(noise(-60.0, LISTENED_S))).hidden_s is None


@pytest.mark.parametrize("gain", [0.02, 0.1, 1.0])
@pytest.mark.parametrize("played_gain", [0.1, 0.5])
def test_coupling_is_the_way_and_level_the_volume_too(gain: float, played_gain: float) -> None:
    tone = sweep.sweep(SPEAKER_FORMAT.rate_hz)
    box_db = 10 * np.log10(np.mean(LOUDSPEAKERS["linear"](tone) ** 2) / np.mean(tone**2))
    found = measured(Way("linear", 0.0, gain=gain, played_gain=played_gain, noise_dbfs=-85.0))
    assert found.coupling_db == pytest.approx(20 * np.log10(gain) + box_db, abs=0.5)
    heard = 20 * np.log10(gain * played_gain * sweep.PEAK / np.sqrt(2))
    assert found.level_dbfs == pytest.approx(heard + box_db, abs=0.5)


@pytest.mark.parametrize("noise_dbfs", [-70.0, -50.0, -35.0])
def test_the_distance_to_the_room_is_found(noise_dbfs: float) -> None:
    found = measured(Way(noise_dbfs=noise_dbfs))
    assert found.above_room_db == pytest.approx(found.level_dbfs - noise_dbfs, abs=0.5)


@pytest.mark.parametrize("t60", [0.0, 0.2, 0.45, 0.9])
@pytest.mark.parametrize("loudspeaker", ["mild", "bad"])
def test_distortion_is_that_of_the_loudspeakers_tones_in_each_room(loudspeaker: str, t60: float) -> None:
    tones = [harmonics(loudspeaker, round(hz)) for hz in np.geomspace(250, 1390, 24)]
    expected = np.sqrt(sum(tone[1:].sum() for tone in tones) / sum(tone[0] for tone in tones))
    assert measured(Way(loudspeaker, t60)).distortion == pytest.approx(expected, rel=0.25)


def harmonics(loudspeaker: str, hz: int) -> Sound:
    """The powers of a tone of the sweep's amplitude and of its overtones up to the fifth."""
    tone = sweep.PEAK * np.sin(2 * np.pi * hz * np.arange(SPEAKER_FORMAT.rate_hz) / SPEAKER_FORMAT.rate_hz)
    spectrum = np.fft.rfft(LOUDSPEAKERS[loudspeaker](tone))
    return np.abs(spectrum[[hz, *(hz * order for order in sweep.ORDERS)]]) ** 2


@pytest.mark.parametrize("t60", [0.0, 0.45, 0.9])
def test_a_clean_loudspeaker_has_none(t60: float) -> None:
    found = measured(Way("linear", t60, noise_dbfs=-80.0))
    assert found.distortion < 0.002
    assert found.known_distortion == 0.0


def test_in_a_loud_room_the_distortion_is_not_known() -> None:
    found = measured(Way("linear", noise_dbfs=-40.0))
    assert found.known_distortion == 0.0
    assert found.distortion_floor > 0.05


@pytest.mark.parametrize("drift_ppm", [-180.0, -20.0, 0.0, 5.0, 120.0, 240.0])
@pytest.mark.parametrize("t60", [0.0, 0.45])
def test_the_clocks_difference_is_found_to_two_millionths(drift_ppm: float, t60: float) -> None:
    assert measured(Way(t60_s=t60, drift_ppm=drift_ppm)).drift_ppm == pytest.approx(drift_ppm, abs=2.0)


@pytest.mark.parametrize("lost_s", [0.005, 0.02])
def test_lost_samples_are_no_clock(lost_s: float) -> None:
    found = measured(Way(lost_s=lost_s))
    assert found.drift_ppm == pytest.approx(-1e6 * lost_s / sweep.PERIOD_S, rel=0.02)
    words = loopback.faults(found, 60)[0].found
    assert words == f"samples were lost or repeated ({lost_s * 1000:.0f} ms between both sweeps)"


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("t60", [0.2, 0.45, 0.9])
def test_the_reverberation_time_is_found_from_the_users_place(t60: float, seed: int) -> None:
    found = measured(Way("linear", t60, USER_M, seed=seed))
    assert found.t60_s == pytest.approx(t60, rel=0.1)


@pytest.mark.parametrize("t60", [0.2, 0.45, 0.9])
def test_the_direct_sound_beside_the_microphone_hides_little_of_the_room(t60: float) -> None:
    assert measured(Way("mild", t60)).t60_s == pytest.approx(t60, rel=0.15)


def test_where_there_is_no_room_none_is_told() -> None:
    found = measured(Way("linear", 0.0))
    assert found.t60_s is None
    assert found.tail_s is not None
    assert found.tail_s < 0.01


def test_a_longer_room_has_a_longer_tail_and_noise_hides_it() -> None:
    tails = [measured(Way("linear", t60)).tail_s for t60 in (0.2, 0.45, 0.9)]
    assert None not in tails
    assert tails == sorted(tails, key=lambda tail: tail or 0.0)
    assert measured(Way("linear", 0.9, noise_dbfs=-40.0)).tail_s is None


@pytest.mark.parametrize("t60", [0.2, 0.5, 1.0])
def test_a_straight_decay_is_measured_exactly(t60: float) -> None:
    at_s = np.arange(HZ) / HZ
    energy = 10 ** (-6 * at_s / t60)
    assert t60_s(energy, 1e-9) == pytest.approx(t60, rel=0.03)
    assert t60_s(energy + 3e-4, 3e-4) == pytest.approx(t60, rel=0.15)
    assert t60_s(energy + 0.3, 0.3) is None
    assert tail_s(energy, 1e-9) == pytest.approx(t60 / 2, rel=0.05)
    assert tail_s(energy + 0.1, 0.1) is None
    assert decay_db(energy, 0.0)[0] == 0.0


def test_the_curves_have_a_value_for_each_tone_and_moment() -> None:
    curves = measured(Way()).curves
    assert len(curves.response_db) == len(curves.noise_db) == len(curves.tones_hz)
    assert len(curves.distortion_db) < len(curves.tones_hz)
    assert max(curves.arrival_db) == max(curves.arrival_db[8:12]), "the arrival is 20 ms from the left edge"


# --- what is not the sound


def speech(dbfs: float, seed: int) -> Sound:
    """Sentences with their pauses."""
    random = np.random.default_rng(seed)
    words = [part for _ in range(5) for vowels in SENTENCE for part in (word(random, vowels), silence(0.2))]
    return at_dbfs(np.resize(np.concatenate(words), round(LISTENED_S * HZ)), dbfs)


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_found_where_the_speaker_was_not_heard(seed: int) -> None:
    random = np.random.default_rng(seed)
    slams = noise(-60.0, LISTENED_S)
    for at_s in random.uniform(0.2, 6.0, 5):
        slam = door(random, 0.4, 400.0)
        slams[round(at_s * HZ) :][: len(slam)] += slam[: len(slams) - round(at_s * HZ)]
    clicks = noise(-70.0, LISTENED_S)
    clicks[random.integers(0, len(clicks), 20)] = 0.5
    steady = (white(random, LISTENED_S, -40.0), fan(random, LISTENED_S, -40.0))
    for room in (*steady, speech(-25.0, seed), slams, clicks):
        assert analyse(as_pcm(room), PLAYED_S) is None
    assert analyse(bytes(MIC_FORMAT.bytes(LISTENED_S)), PLAYED_S) is None


def test_less_than_the_whole_sound_is_nothing() -> None:
    assert analyse(pcm_of(Way())[: MIC_FORMAT.bytes(PLAYED_S + 2.0)], PLAYED_S) is None
    assert analyse(b"", PLAYED_S) is None


def test_the_sweep_is_found_below_a_voice_and_below_noise() -> None:
    heard = as_samples(pcm_of(Way(gain=0.1)))
    voice = speech(-25.0, 1)
    size = min(len(heard), len(voice))
    for room in (voice[:size], white(np.random.default_rng(1), LISTENED_S, -28.0)[:size]):
        found = analyse(as_pcm(heard[:size] + room[:size]), PLAYED_S)
        assert found is not None
        assert found.delay_s == pytest.approx(0.05, abs=0.001)


# --- what is said of it


def found_in(way: Way, volume_percent: int = 60, reference: bytes = b"") -> list[tuple[str, str]]:
    path = measured(way, reference)
    return [(fault.found, fault.remedy) for fault in loopback.faults(path, volume_percent)]


def test_a_usual_box_has_no_fault() -> None:
    for way in (Way(), Way("linear", 0.2), Way(place_m=USER_M, t60_s=0.9)):
        assert found_in(way) == []


def test_a_loudspeaker_that_distorts_is_to_be_turned_down() -> None:
    [(found, remedy)] = found_in(Way("bad"), 60)
    assert found.startswith("the loudspeaker distorts: 1")
    assert "turn the volume down to 40" in remedy
    assert "alsamixer" in found_in(Way("bad"), 10)[0][1], "10 is soft enough: the amplifier is too loud"


def test_a_speaker_that_is_too_loud_for_the_microphone_is_told() -> None:
    assert "full scale" in found_in(Way(gain=8.0))[0][0]


def test_a_speaker_that_is_hardly_heard_is_told() -> None:
    assert "above the room" in found_in(Way(gain=0.05, noise_dbfs=-45.0))[0][0]


def test_a_speaker_that_is_late_or_hides_it_is_told_with_the_likely_cause() -> None:
    told = as_pcm(np.concatenate([noise(-90.0, PLAYED_S), sweep.probe_sound(HZ), np.zeros(HZ)]))
    assert found_in(Way(delay_s=0.55))[0][0] == "heard only after 550 ms"
    assert "350 ms later than the devices tell" in found_in(Way(delay_s=0.35), reference=told)[0][0]
    assert found_in(Way(delay_s=0.18), reference=told) == []
    assert "Bluetooth?" in loopback.told(measured(Way(delay_s=0.18), told))
    assert "Bluetooth?" not in loopback.told(measured(Way(delay_s=0.03), told))


def test_clocks_that_differ_by_more_than_can_be_followed_are_told() -> None:
    assert "clocks differ by 400 millionths" in found_in(Way(drift_ppm=400.0))[0][0]
    assert found_in(Way(drift_ppm=240.0)) == []


def test_a_speaker_that_is_not_heard_is_told() -> None:
    assert "does not hear the speaker" in loopback.faults(None, 60)[0].found


def test_all_of_it_is_told_in_words() -> None:
    words = loopback.told(measured(Way("mild", 0.9, USER_M)))
    for part in (
        "heard after 56 ms",
        "coupling",
        "distortion 4",
        "clocks +0",
        "reverberation 0.9",
        "a bare room",
        "tail",
    ):
        assert part in words
    assert "distortion below" in loopback.told(measured(Way("linear", noise_dbfs=-45.0)))
    assert "reverberation" not in loopback.told(measured(Way("linear", 0.0)))
    assert "tail" not in loopback.told(measured(Way("linear", 0.45, noise_dbfs=-48.0)))


def test_a_recording_is_samples_of_full_scale_one() -> None:
    assert np.abs(as_samples(pcm_of(Way()))).max() < 1.0
