"""Wake words: what the models are asked, what a word sets off, and mistakes in the configuration."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np
import pytest
from echo_room import HAS_ESPEAK, MIC_HZ, USER_VOICES, mixed, spoken
from fakes import BodyThread, Posts, Room, attendant
from rig import HELLO, Rig, running_rig
from synthetic_sound import chunks, white

from daemon.config.settings import Settings, VadSettings, WakeSettings
from daemon.errors import ConfigError
from daemon.events import SpeechEnded, SpeechStarted, TalkPressed, Trigger
from daemon.hearing.capture import Capture, CaptureEvent, Listening
from daemon.hearing.ears import Ears
from daemon.hearing.endpointing import SpeechDetector
from daemon.hearing.wake import REST_CHUNKS, WARM_UP_CHUNKS, WakeWords, make_wake_words, threshold_for
from daemon.runtime.ring import HistoryRing
from hw.base import MIC_FORMAT

CHUNK = bytes(MIC_FORMAT.chunk_bytes)
WAKE = TalkPressed(Trigger.WAKE_WORD)


class FakeModel:
    """As sure of its word as it is told to be."""

    def __init__(self) -> None:
        self.probability: float | None = 0.0

    def process_streaming_prob(self, feature: object) -> float | None:
        return self.probability


def listening(model: FakeModel) -> WakeWords:
    """Wake words that have warmed up."""
    words = WakeWords(lambda chunk: [chunk], {"parrot": (model, 0.9)})
    for _ in range(WARM_UP_CHUNKS):
        assert words.hear(CHUNK) is None
    return words


class TestHearing:
    def test_a_word_is_told_once_and_not_again_while_it_fades(self) -> None:
        model = FakeModel()
        words = listening(model)
        model.probability = 0.95
        heard = [words.hear(CHUNK) for _ in range(REST_CHUNKS + 2)]
        assert heard == ["parrot", *[None] * REST_CHUNKS, "parrot"]

    @pytest.mark.parametrize("probability", [0.9, None])
    def test_a_model_that_is_not_sure_tells_nothing(self, probability: float | None) -> None:
        model = FakeModel()
        words = listening(model)
        model.probability = probability
        assert words.hear(CHUNK) is None

    def test_nothing_is_believed_before_the_model_has_heard_a_second(self) -> None:
        model = FakeModel()
        model.probability = 1.0
        words = WakeWords(lambda chunk: [chunk], {"parrot": (model, 0.9)})
        assert [words.hear(CHUNK) for _ in range(WARM_UP_CHUNKS)] == [None] * WARM_UP_CHUNKS

    def test_sensitivity_moves_the_threshold_but_never_below_one_half(self) -> None:
        assert threshold_for(0.9, "low") == pytest.approx(0.96)
        assert threshold_for(0.9, "medium") == pytest.approx(0.9)
        assert threshold_for(0.9, "high") == pytest.approx(0.75)
        assert threshold_for(0.7, "high") == 0.5


class TestConfiguration:
    def test_no_words_need_no_library(self) -> None:
        assert make_wake_words(WakeSettings()) is None

    def test_every_word_that_cannot_be_used_is_told_at_once(self) -> None:
        pytest.importorskip("pymicro_wakeword")
        with pytest.raises(ConfigError) as caught:
            make_wake_words(WakeSettings(words=("okay_nabu", "polly", "/nowhere/model.json")))
        first, second = caught.value.problems
        assert "polly" in first
        assert "okay_nabu" in first
        assert "/nowhere/model.json" in second

    @pytest.mark.skipif(not HAS_ESPEAK, reason="espeak-ng is not installed")
    def test_a_spoken_word_is_heard_and_other_speech_is_not(self) -> None:
        pytest.importorskip("pymicro_wakeword")
        word, other = (
            spoken(text, USER_VOICES[0], MIC_HZ) for text in ("Alexa", "What time is it in Tokyo?")
        )
        noise = white(np.random.default_rng(1), 6.0, -70)
        for said, wanted in ((word, ["alexa"]), (other, [])):
            words = make_wake_words(WakeSettings(words=("alexa", "okay_nabu")))
            assert words is not None
            room = chunks([mixed(6 * MIC_HZ, (0, noise), (2 * MIC_HZ, said * 0.5))])
            assert [heard for chunk in room if (heard := words.hear(chunk))] == wanted


class ScriptedWords(WakeWords):
    """Hears a word in the chunks that the script says."""

    def __init__(self, *script: str | None) -> None:
        super().__init__(lambda chunk: [], {})
        self.script = deque(script)

    def hear(self, chunk: bytes) -> str | None:
        return self.script.popleft() if self.script else None


def capture_with(words: WakeWords, posts: Posts[CaptureEvent], room: Room) -> Capture:
    return Capture(
        attendant(room.open),
        HistoryRing(100 * MIC_FORMAT.chunk_bytes),
        Listening(
            detector=SpeechDetector(VadSettings(), lambda chunk: True),
            own_sound=lambda: False,
            wake_words=words,
        ),
        post=posts,
        wake_uplink=lambda: None,
        ears=Ears(min_speech_ms=40),
    )


@pytest.mark.parametrize("loud", [False, True])
def test_the_word_itself_is_no_speech_that_goes_on(loud: bool) -> None:
    """Whoever says the word and waits is waited for: the turn does not begin with a voice that ends."""
    posts: Posts[CaptureEvent] = Posts()
    room = Room()
    said = [HELLO[at : at + 640] for at in range(0, 20 * 640, 640)] if loud else [CHUNK] * 20
    thread = BodyThread(capture_with(ScriptedWords(*[None] * 19, "parrot"), posts, room).run)
    room.say(*said)
    thread.stop.set()
    room.let(CHUNK)
    thread.join()
    told = [event for event in posts.now if not isinstance(event, SpeechStarted)]
    assert told == ([SpeechEnded(), WAKE] if loud else [WAKE])


@pytest.mark.parametrize(("said", "loud"), [(HELLO[: 20 * 640], True), (CHUNK * 20, False)])
def test_a_word_is_told_with_its_loudness_and_its_place(said: bytes, loud: bool) -> None:
    """By these several speakers agree which of them answers, and nothing after the word is lost meanwhile."""
    posts: Posts[CaptureEvent] = Posts()
    room = Room()
    capture = capture_with(ScriptedWords(*[None] * 20, "parrot"), posts, room)
    thread = BodyThread(capture.run)
    room.say(*[said[at : at + 640] for at in range(0, len(said), 640)], CHUNK)
    thread.stop.set()
    room.let(CHUNK)
    thread.join()
    (word,) = [event for event in posts.now if isinstance(event, TalkPressed)]
    assert word.heard_at_byte == 21 * MIC_FORMAT.chunk_bytes
    assert (word.score_db > 10.0) is loud
    assert not word.agreed


async def wake(rig: Rig) -> None:
    rig.conure.parts.mailbox.post(WAKE)


class TestConversation:
    SETTINGS = replace(Settings(), vad=replace(VadSettings(), silence_ms=300))

    async def test_a_wake_word_opens_a_turn_with_what_is_said_right_after_it(self) -> None:
        async with running_rig(self.SETTINGS) as rig:
            await rig.until_online()
            await wake(rig)
            rig.say()
            await rig.until_turns_over()
            (turn,) = rig.turns_over()
            assert turn["trigger"] == "wake_word"
            assert HELLO[640:] in rig.standin.record.turns[0].pcm

    async def test_a_word_within_what_is_being_said_changes_nothing(self) -> None:
        async with running_rig(self.SETTINGS) as rig:
            await rig.until_online()
            await wake(rig)
            await rig.until_state("listening")
            await wake(rig)
            rig.say()
            await rig.until_turns_over()
            assert rig.turns_over()[0]["outcome"] == "answered"

    @pytest.mark.parametrize("earcon", [True, False])
    async def test_the_tone_is_as_configured(self, earcon: bool) -> None:
        settings = replace(self.SETTINGS, wake=WakeSettings(earcon=earcon))
        async with running_rig(settings) as rig:
            await rig.until_online()
            await wake(rig)
            await rig.until_state("listening")
            assert ("listening" in rig.earcons) is earcon
