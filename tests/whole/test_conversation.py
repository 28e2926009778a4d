"""Whole conversations: the daemon on the simulated board, the real SDK, TLS, and the stand-in."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from rig import HELLO, SENTENCE, correlation, running_rig, with_keys

from daemon.config.settings import Settings
from daemon.dialogue.shared import GO_ON
from daemon.errors import ControlError
from daemon.run.choices import decide
from daemon.session.link import LinkPhase
from daemon.standin.plan import Plan
from daemon.standin.voices import Echo, LongSpeech, NoAudio, Tone
from daemon.standin.world import Pace
from daemon.words import Phase
from hw.base import MIC_FORMAT, SPEAKER_FORMAT, ButtonError, EdgeCallback, MicError
from hw.simulated.board import SimulatedBoard, SimulatedButton

QUICK = with_keys(
    Settings(),
    vad={"silence_ms": 300, "silence_max_ms": 0},
    trigger={"follow_up_s": 1.0},
    sound={"volume": 100},
)
"""Short pauses, so that the suite is quick; full volume, so that samples compare."""

NO_FOLLOW_UP = with_keys(QUICK, trigger={"follow_up_s": 0.0})
VOICE = with_keys(QUICK, trigger={"voice": "on"})
BARGE_IN = with_keys(NO_FOLLOW_UP, trigger={"barge_in": "on"})
SERVER = with_keys(QUICK, live={"turn_taking": "server"})


def contains(heard: bytes, said: bytes) -> bool:
    """Whether what was said is in what was heard, sample for sample."""
    return said in heard


class TestTapToTalk:
    @pytest.mark.alone  # not one break is allowed
    async def test_says_back_what_was_said_and_shows_each_state(self) -> None:
        async with running_rig(with_keys(QUICK, vad={"silence_ms": 500, "eager_ms": 0})) as rig:
            await rig.until_online()
            rig.tap()
            rig.say(SENTENCE)
            await rig.until_turns_over()
            assert rig.states == ["listening", "sending", "thinking", "speaking", "follow_up"]
            assert rig.turns_over()[0]["outcome"] == "answered"
            assert correlation(rig.heard(), SENTENCE) > 0.9
            assert rig.board.speaker.breaks == 0

    async def test_sends_every_sample_of_the_sentence_in_one_activity(self) -> None:
        async with running_rig(NO_FOLLOW_UP) as rig:
            await rig.until_online()
            rig.tap()
            rig.say()
            await rig.until_turns_over()
            (turn,) = rig.standin.record.turns
            assert turn.opened_by == "activity"
            assert contains(turn.pcm, HELLO)
            assert rig.standin.record.connections[0].discarded_s == pytest.approx(0.0)

    async def test_works_before_the_link_is_up(self) -> None:
        """The connection hides behind the user's own speech, and nothing of it is lost."""
        async with running_rig(NO_FOLLOW_UP) as rig:
            rig.tap()
            rig.say()
            await rig.until_turns_over()
            (turn,) = rig.standin.record.turns
            assert contains(turn.pcm, HELLO)
            assert rig.turns_over()[0]["connect_hidden"] is True

    async def test_sends_nothing_when_nobody_speaks(self) -> None:
        settings = with_keys(NO_FOLLOW_UP, vad={"no_speech_s": 1.0})
        async with running_rig(settings) as rig:
            await rig.until_online()
            rig.tap()
            await rig.until_turns_over()
            assert rig.turns_over()[0]["outcome"] == "cancelled"
            assert rig.earcons == ["listening", "done"]
            assert not rig.standin.record.connections[0].audio


class TestHoldToTalk:
    async def test_ends_at_the_release_and_not_at_a_pause(self) -> None:
        pause = bytes(MIC_FORMAT.bytes(0.6))
        async with running_rig(NO_FOLLOW_UP) as rig:
            await rig.until_online()
            rig.press()
            rig.say(HELLO + pause + HELLO)
            said_s = 2 * MIC_FORMAT.seconds(len(HELLO)) + 0.6
            await rig.until(lambda: rig.board.mic.said_s >= said_s)
            rig.release()
            await rig.until_turns_over()
            (turn,) = rig.standin.record.turns
            assert contains(turn.pcm, HELLO + pause + HELLO)


class TestVoiceTrigger:
    async def test_loses_nothing_of_the_first_word(self) -> None:
        async with running_rig(VOICE) as rig:
            await rig.until_online()
            rig.say()
            await rig.until_turns_over()
            (turn,) = rig.standin.record.turns
            assert contains(turn.pcm, HELLO)

    async def test_is_not_pulled_by_the_device_s_own_earcons(self) -> None:
        """The microphone hears each earcon as it plays."""
        async with running_rig(VOICE, echo_gain=1.0) as rig:
            await rig.until_online()
            await rig.command("mute")
            await rig.command("unmute")
            await rig.until(lambda: len(rig.earcons) == 2 and not rig.board.speaker.sounding)
            await rig.until(lambda: rig.board.mic.quiet_s > 1.0)
            assert rig.states == []


class ButtonlessBoard(SimulatedBoard):
    """A board whose button cannot be had."""

    def open_button(self, on_edge: EdgeCallback) -> SimulatedButton:
        raise ButtonError("GPIO 17", "there is no GPIO here")


async def test_a_board_whose_button_cannot_be_had_begins_on_speech() -> None:
    async with running_rig(NO_FOLLOW_UP, board=ButtonlessBoard()) as rig:
        await rig.until_online()
        rig.say()
        await rig.until_turns_over()
        assert rig.turns_over()[0]["trigger"] == "voice"


class TestFollowUp:
    async def test_needs_no_trigger(self) -> None:
        settings = with_keys(QUICK, trigger={"follow_up_s": 5.0, "voice": "off"})
        async with running_rig(settings) as rig:
            rig.tap()
            rig.say()
            await rig.until_state("follow_up")
            rig.say()
            await rig.until_turns_over(2)
            assert [turn["trigger"] for turn in rig.turns_over()] == ["button", "voice"]
            assert contains(rig.standin.record.turns[1].pcm, HELLO)

    async def test_ends_by_itself(self) -> None:
        async with running_rig(QUICK) as rig:
            rig.tap()
            rig.say()
            await rig.until_state("idle")
            assert rig.states[-2:] == ["follow_up", "idle"]


class TestBargeIn:
    async def test_by_button_is_silent_within_100_ms_and_the_next_turn_is_clean(self) -> None:
        async with running_rig(NO_FOLLOW_UP, voice=Tone(20.0, 3300.0)) as rig:
            rig.tap()
            rig.say()
            await rig.until_state("speaking")
            await rig.until(lambda: rig.board.speaker.sounding)
            rig.voice.now = Echo()
            rig.press()
            pressed_s = rig.board.button.edges[-1][1]
            rig.release()
            await rig.until(lambda: rig.board.speaker.flushed_s)
            assert rig.board.speaker.flushed_s[-1] - pressed_s < 0.1
            begin = len(rig.board.speaker.heard())
            rig.say()
            await rig.until_turns_over(2)
            assert rig.turns_over()[0]["outcome"] == "cut"
            assert rig.turns_over()[1]["outcome"] == "answered"
            after = np.frombuffer(rig.board.speaker.heard()[begin:], dtype="<i2")
            assert tone_share(after, 3300.0) < 0.01
            assert correlation(after, HELLO) > 0.9

    async def test_by_voice_is_an_utterance_with_its_first_word(self) -> None:
        async with running_rig(BARGE_IN, voice=Tone(20.0, 3300.0)) as rig:
            rig.tap()
            rig.say()
            await rig.until(lambda: rig.reached("speaking") and rig.board.speaker.sounding)
            rig.voice.now = Echo()
            rig.say()
            await rig.until_turns_over(2)
            assert [turn["outcome"] for turn in rig.turns_over()] == ["cut", "answered"]
            assert contains(rig.standin.record.turns[1].pcm, HELLO)

    async def test_stop_is_silence_and_rest(self) -> None:
        async with running_rig(NO_FOLLOW_UP, voice=Tone(20.0, 3300.0)) as rig:
            rig.tap()
            rig.say()
            await rig.until(lambda: rig.reached("speaking") and rig.board.speaker.sounding)
            await rig.command("stop")
            await rig.until(lambda: rig.board.speaker.flushed_s)
            assert rig.states[-1] == "idle"
            assert not rig.board.speaker.sounding


class TestTheServersWays:
    async def test_audio_that_comes_with_interrupted_is_never_heard(self) -> None:
        plan = Plan.from_toml('[[rule]]\nwhen = "reply_ms=1000"\ndo = "interrupted_with_audio"\n')
        async with running_rig(SERVER, voice=Tone(20.0, 3300.0), plan=plan) as rig:
            rig.tap()
            rig.say()
            await rig.until_state("speaking")
            await rig.until_state("listening", 2)
            reply = rig.standin.record.turns[0].reply
            assert SPEAKER_FORMAT.seconds(len(rig.board.speaker.heard())) < SPEAKER_FORMAT.seconds(
                reply.audio_bytes
            )

    async def test_a_reply_of_120_s_sent_at_once_is_held_whole_and_can_be_cut(self) -> None:
        async with running_rig(NO_FOLLOW_UP, voice=LongSpeech(), pace=Pace(speed=60.0)) as rig:
            await rig.until_online()
            rig.tap()
            rig.say()
            await rig.until(
                lambda: any(turn.reply.generation_complete_s for turn in rig.standin.record.turns)
            )
            status = await rig.command("status")
            assert status["rings"]["reply"]["lost_bytes"] == 0
            assert status["counters"]["reply_bytes_refused"] == 0
            await rig.command("stop")
            await rig.until(lambda: rig.board.speaker.flushed_s)
            assert not rig.board.speaker.sounding

    async def test_a_turn_without_audio_ends_quietly(self) -> None:
        async with running_rig(NO_FOLLOW_UP, voice=NoAudio()) as rig:
            rig.tap()
            rig.say()
            await rig.until_turns_over()
            assert rig.turns_over()[0]["outcome"] == "silent"
            assert rig.earcons == ["listening"]

    async def test_server_turn_taking_talks_and_listens_again(self) -> None:
        async with running_rig(SERVER) as rig:
            await rig.until_online()
            rig.tap()
            rig.say()
            await rig.until_state("idle", timeout_s=30)
            assert rig.states == ["listening", "speaking", "listening", "idle"]
            assert correlation(rig.heard(), HELLO) > 0.9

    async def test_text_is_answered(self) -> None:
        async with running_rig(NO_FOLLOW_UP, voice=Tone(0.5, 3300.0)) as rig:
            await rig.command("say", text="Good morning")
            await rig.until_turns_over()
            assert rig.turns_over()[0]["outcome"] == "answered"
            assert rig.standin.record.turns[0].text == "Good morning"


class TestMute:
    async def test_closes_the_capture_stream_and_opens_it_again(self) -> None:
        async with running_rig(NO_FOLLOW_UP) as rig:
            await rig.until_online()
            await rig.command("mute")
            await rig.until(lambda: not rig.board.mic.is_open)
            with pytest.raises(ControlError, match="muted"):
                await rig.command("talk")
            assert not rig.board.mic.is_open
            await rig.command("unmute")
            await rig.until(lambda: rig.board.mic.is_open)
            rig.tap()
            rig.say()
            await rig.until_turns_over()
            assert contains(rig.standin.record.turns[0].pcm, HELLO)

    async def test_by_double_press_forgets_what_the_first_press_began(self) -> None:
        async with running_rig(NO_FOLLOW_UP) as rig:
            await rig.until_online()
            rig.tap()
            rig.tap()
            await rig.until(lambda: not rig.board.mic.is_open)
            assert not rig.standin.record.turns


class TestALostDevice:
    async def test_a_microphone_that_comes_back_is_used_again(self) -> None:
        async with running_rig(NO_FOLLOW_UP) as rig:
            await rig.until_online()
            rig.board.mic.fail()
            await rig.until(lambda: not rig.conure.controller.state.mic.ok)
            rig.board.mic.heal()
            await rig.until(lambda: rig.conure.controller.state.mic.ok)
            rig.tap()
            rig.say()
            await rig.until_turns_over()
            assert rig.turns_over()[0]["outcome"] == "answered"

    async def test_a_microphone_that_stays_lost_ends_the_process_with_its_name(self) -> None:
        settings = with_keys(QUICK, board={"retry_s": 0.5})
        with pytest.raises(MicError, match="simulated microphone"):
            async with running_rig(settings) as rig:
                rig.board.mic.fail_for_good()
                await asyncio.sleep(30)

    async def test_lights_that_fail_are_done_without(self) -> None:
        async with running_rig(NO_FOLLOW_UP) as rig:
            rig.board.leds.fail()
            rig.tap()
            rig.say()
            await rig.until_turns_over()
            assert rig.turns_over()[0]["outcome"] == "answered"
            rig.standin.record.connections.clear()  # the light promise cannot be kept without lights


class TestALostConnection:
    @pytest.mark.parametrize("when", ["audio_ms=1000", "activity_end", "activity_start"])
    async def test_before_the_answer_costs_no_word(self, when: str) -> None:
        plan = Plan.from_toml(f'[[rule]]\nwhen = "{when}"\ndo = "reset"\n')
        async with running_rig(NO_FOLLOW_UP, plan=plan) as rig:
            await rig.until_online()
            rig.tap()
            rig.say()
            await rig.until_turns_over()
            assert rig.turns_over()[0]["outcome"] == "answered"
            assert contains(rig.standin.record.turns[-1].pcm, HELLO)
            assert sum(turn.reply.turn_complete_s is not None for turn in rig.standin.record.turns) == 1


class TestAReplyThatTheNetworkCut:
    @pytest.mark.parametrize(("nth", "second"), [("[1]", "answered"), ("[1, 2]", "short")])
    async def test_is_asked_for_its_rest_once_if_the_configuration_says_so(
        self, nth: str, second: str
    ) -> None:
        rule = f'[[rule]]\nwhen = "reply_ms=300"\nnth = {nth}\ndo = "reset"\n'
        settings = with_keys(NO_FOLLOW_UP, live={"ask_to_go_on": True})
        async with running_rig(settings, voice=Tone(1.0), plan=Plan.from_toml(rule)) as rig:
            await rig.until_online()
            rig.tap()
            rig.say()
            await rig.until_turns_over(2)
            assert [over["outcome"] for over in rig.turns_over()] == ["short", second]
            assert [turn.text for turn in rig.standin.record.turns] == [None, GO_ON]
            await rig.until(lambda: rig.conure.controller.state.phase is Phase.IDLE)
            assert len(rig.turns_over()) == 2


async def test_what_was_said_waits_for_a_connection_as_long_as_the_configuration_says() -> None:
    settings = with_keys(NO_FOLLOW_UP, live={"hold_utterance_s": 5.0})
    async with running_rig(settings, policy={"hold_utterance_s": 0.5}) as rig:
        choices = decide(settings, has_button=True, echo_free=True)
        assert choices.dialogue.hold_utterance_s == 5.0
        rig.standin.offline = True
        await rig.until(lambda: rig.conure.parts.connection.report()["state"] != "online")
        rig.tap()
        rig.say()
        await rig.until_turns_over()
        assert rig.turns_over()[0]["outcome"] == "failed"


def tone_share(samples: np.ndarray, hz: float) -> float:
    """How much of the energy of the loudest parts is at one frequency."""
    wide = samples.astype(np.float64)
    if not len(wide) or not wide.any():
        return 0.0
    spectrum = np.abs(np.fft.rfft(wide)) ** 2
    frequencies = np.fft.rfftfreq(len(wide), 1 / SPEAKER_FORMAT.rate_hz)
    return float(spectrum[np.abs(frequencies - hz) < 5].sum() / spectrum.sum())


async def test_the_lights_tell_of_the_start_of_a_new_volume_and_of_the_end() -> None:
    async with running_rig() as rig:
        await rig.until(lambda: rig.conure.parts.connection.link.phase is LinkPhase.ONLINE)
        await rig.conure.commands.handle("volume", {"percent": 50})
        await rig.until(lambda: rig.scenes[-1] == "volume")
        await rig.until(lambda: rig.scenes[-1] == "ready")
    assert rig.scenes == ["starting", "ready", "connecting", "ready", "volume", "ready", "stopping"]
