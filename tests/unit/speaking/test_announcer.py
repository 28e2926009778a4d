"""Tones and words as they are heard: which, how often, by whom they are cut, and not by themselves."""

from __future__ import annotations

import time

import pytest
from fakes import attendant
from rig import Rig, running_rig, with_keys

from daemon.config.settings import Settings
from daemon.runtime.ring import FifoRing
from daemon.speaking.announcer import PAUSE_S, Announcer
from daemon.speaking.earcons import earcon_pcm
from daemon.speaking.messages import REPEAT_AFTER_S, Message
from daemon.speaking.playback import Playback
from daemon.speaking.recordings import Recordings
from daemon.standin.plan import Plan
from daemon.standin.voices import NoAudio
from daemon.words import Earcon
from hw.base import SPEAKER_FORMAT, Speaker

TONE = earcon_pcm(Earcon.REFUSED)
SAID = TONE + bytes(SPEAKER_FORMAT.bytes(PAUSE_S)) + Recordings().of(Message.REFUSED_KEY)

# --- what is made of an earcon


def no_speaker() -> Speaker:
    raise AssertionError("nothing is played here")


class Listener(Playback):
    """Keeps the clips; there is no thread to play them."""

    def __init__(self) -> None:
        super().__init__(attendant(no_speaker), FifoRing(1000), post=lambda _: None)
        self.played: list[bytes] = []

    def play(self, clip: bytes) -> None:
        self.played.append(clip)


class Desk:
    """An announcer, what it played, and its time."""

    def __init__(self, *, earcons: bool = True, spoken: bool = True) -> None:
        self.now_s = 1000.0
        self._listener = Listener()
        self.played = self._listener.played
        self._announcer = Announcer(self._listener, lambda: self.now_s, earcons=earcons, spoken=spoken)

    def announce(self, *, may_speak: bool = True) -> None:
        self._announcer.announce(Earcon.REFUSED, Message.REFUSED_KEY, may_speak=may_speak)


def test_the_words_follow_their_tone() -> None:
    desk = Desk()
    desk.announce()
    assert desk.played == [SAID]


def test_within_a_minute_there_is_only_the_tone() -> None:
    desk = Desk()
    for _ in range(3):
        desk.announce()
        desk.now_s += REPEAT_AFTER_S / 2
    assert desk.played == [SAID, TONE, SAID]


def test_while_somebody_speaks_there_is_only_the_tone_and_the_words_are_not_taken_as_said() -> None:
    desk = Desk()
    desk.announce(may_speak=False)
    desk.announce()
    assert desk.played == [TONE, SAID]


@pytest.mark.parametrize(
    ("earcons", "spoken", "played"),
    [(True, False, [TONE]), (False, True, [SAID[len(TONE) :]]), (False, False, [])],
)
def test_tones_and_words_can_each_be_turned_off(earcons: bool, spoken: bool, played: list[bytes]) -> None:
    desk = Desk(earcons=earcons, spoken=spoken)
    desk.announce()
    assert desk.played == played


def test_an_earcon_without_a_message_is_its_tone() -> None:
    listener = Listener()
    announcer = Announcer(listener, lambda: 0.0, earcons=True, spoken=True)
    announcer.announce(Earcon.DONE, None, may_speak=True)
    assert listener.played == [earcon_pcm(Earcon.DONE)]


# --- in the running daemon

LOUD = with_keys(
    Settings(),
    vad={"silence_ms": 300},
    trigger={"follow_up_s": 0.0},
    sound={"volume": 100},
    live={"fallback": "off"},  # sessions are refused here, and calls over HTTPS are not
)
VOICE = with_keys(LOUD, trigger={"voice": "on"})


def refusing(status: int, body: str = "because") -> Plan:
    """A service that answers every connection with this HTTP status."""
    return Plan.from_toml(
        '[[rule]]\nwhen = "upgrade"\nnth = "every"\n'
        f'do = {{ action = "http_status", status = {status}, body = "{body}" }}\n'
    )


async def until_refused(rig: Rig, kind: str) -> None:
    """Until the link knows that it is not wanted."""
    link = rig.conure.parts.connection
    await rig.until(lambda: link.link.failure is not None and link.link.failure.kind.value == kind)


def heard(rig: Rig, message: Message) -> int:
    """How often the message has been heard whole."""
    return rig.board.speaker.heard().count(Recordings().of(message))


async def until_silent(rig: Rig) -> None:
    """Until the clip that sounds is over; in it there is a pause."""
    await rig.until(lambda: time.monotonic() > rig.conure.parts.playback.clip_until_s)


@pytest.mark.parametrize(
    ("plan", "kind", "message"),
    [
        (refusing(401), "refused_key", Message.REFUSED_KEY),
        (refusing(404), "refused_model", Message.REFUSED),
        (refusing(429, "quota exceeded"), "quota", Message.QUOTA),
        (refusing(302), "intercepted", Message.INTERCEPTED),
        (refusing(503), "transient", Message.NO_SERVICE),
    ],
)
async def test_the_user_hears_why_there_is_no_answer(plan: Plan, kind: str, message: Message) -> None:
    async with running_rig(LOUD, plan=plan) as rig:
        await until_refused(rig, kind)
        rig.tap()
        rig.say()
        await rig.until(lambda: heard(rig, message))


async def test_a_microphone_that_is_gone_is_told_in_words() -> None:
    async with running_rig(LOUD) as rig:
        rig.board.mic.fail()
        await rig.until(lambda: not rig.conure.controller.state.mic.ok)
        rig.tap()
        await rig.until(lambda: heard(rig, Message.NO_MICROPHONE))
        rig.board.mic.heal()


async def test_the_device_does_not_answer_to_its_own_words() -> None:
    """The microphone hears them as loud as a voice, and a voice is the trigger.

    In half duplex, which is exact: what a canceller does depends on how busy this machine is.
    """
    half_duplex = with_keys(VOICE, frontend={"echo_cancellation": "off"})
    async with running_rig(half_duplex, plan=refusing(401), echo_gain=1.0) as rig:
        await until_refused(rig, "refused_key")
        rig.tap()
        await rig.until(lambda: heard(rig, Message.REFUSED_KEY))
        await rig.until(lambda: time.monotonic() > rig.conure.parts.playback.clip_until_s + 1.0)
        assert rig.states == ["listening", "idle"]


async def test_who_presses_again_cuts_the_words_and_then_hears_only_the_tone() -> None:
    async with running_rig(LOUD, plan=refusing(401)) as rig:
        await until_refused(rig, "refused_key")
        rig.tap()
        await rig.until(lambda: TONE in rig.board.speaker.heard())
        rig.press()
        pressed_s = rig.board.button.edges[-1][1]
        await rig.until(lambda: rig.board.speaker.flushed_s)
        assert rig.board.speaker.flushed_s[-1] - pressed_s < 0.1
        rig.release()
        await rig.until(lambda: rig.board.speaker.heard().count(TONE) == 2)
        await until_silent(rig)
        assert heard(rig, Message.REFUSED_KEY) == 0


async def test_stop_silences_the_words() -> None:
    async with running_rig(LOUD, plan=refusing(401)) as rig:
        await until_refused(rig, "refused_key")
        rig.tap()
        await rig.until(lambda: TONE in rig.board.speaker.heard())
        await rig.command("stop")
        await rig.until(lambda: rig.board.speaker.flushed_s)
        assert not rig.board.speaker.sounding
        assert heard(rig, Message.REFUSED_KEY) == 0


@pytest.mark.parametrize(("turn_taking", "words"), [("device", True), ("server", False)])
async def test_nothing_is_said_into_a_microphone_that_is_open_to_the_network(
    turn_taking: str, words: bool
) -> None:
    """Where the server takes turns it is open again as soon as a reply has failed."""
    plan = Plan.from_toml('[[rule]]\nwhen = "reply_start"\ndo = "reject"\n')
    settings = with_keys(LOUD, trigger={"follow_up_s": 2.0}, live={"turn_taking": turn_taking})
    async with running_rig(settings, voice=NoAudio(), plan=plan) as rig:
        await rig.until_online()
        rig.tap()
        rig.say()
        await rig.until(lambda: "error" in rig.earcons)
        await rig.until(lambda: earcon_pcm(Earcon.ERROR) in rig.board.speaker.heard())
        if words:
            await rig.until(lambda: heard(rig, Message.ERROR))
        else:
            await until_silent(rig)
            assert not heard(rig, Message.ERROR)
