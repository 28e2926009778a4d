"""What the microphone hears while the speaker plays: whose sound it is."""

from __future__ import annotations

import pytest
from fakes import attendant

from daemon.hearing.frontend.far_end import FarEnd, Pcm
from daemon.hearing.frontend.front_end import EchoState, FrontEnd
from daemon.hearing.own_sound import EARCON_TAIL_S, ECHO_TAIL_S, OwnSound
from daemon.runtime.ring import FifoRing
from daemon.speaking.playback import Playback
from hw.base import Speaker

NOW_S = 100.0


class Unused:
    """A canceller that nothing goes through."""

    slope = 0.0

    def doubt_path(self) -> None:
        pass

    def begin(self) -> None:
        pass

    def process(self, near: Pcm, far: Pcm) -> Pcm:
        raise AssertionError("nothing is heard here")

    @property
    def explains(self) -> bool:
        return True

    def watch(self, near: Pcm, far: Pcm) -> None:
        raise AssertionError("nothing is heard here")

    def reset(self) -> None:
        pass


def no_speaker() -> Speaker:
    raise AssertionError("nothing here opens a device")


def playing(*, reply_until_s: float = 0.0, clip_until_s: float = 0.0) -> Playback:
    playback = Playback(attendant(no_speaker), FifoRing(1000), post=lambda event: None)
    playback.audible_until_s = max(reply_until_s, clip_until_s)
    playback.clip_until_s = clip_until_s
    return playback


def passed_over(
    playback: Playback, front_end: FrontEnd | None = None, *, echo_free: bool = False, barge_in: str = "auto"
) -> bool:
    own_sound = OwnSound(
        playback, front_end or FrontEnd(), echo_free=echo_free, barge_in=barge_in, clock=lambda: NOW_S
    )
    return own_sound()


@pytest.mark.parametrize("barge_in", ["auto", "on", "off"])
def test_in_silence_everything_that_is_heard_is_the_room(barge_in: str) -> None:
    assert not passed_over(playing(), barge_in=barge_in)


def test_a_tone_is_passed_over_with_its_tail_where_the_microphone_hears_it() -> None:
    within, after = NOW_S - EARCON_TAIL_S + 0.01, NOW_S - EARCON_TAIL_S - 0.01
    assert passed_over(playing(clip_until_s=within), barge_in="on")
    assert not passed_over(playing(clip_until_s=after), barge_in="on")
    assert not passed_over(playing(clip_until_s=within), barge_in="on", echo_free=True)


@pytest.mark.parametrize(
    ("barge_in", "echo_free", "half_duplex"),
    [("auto", False, True), ("auto", True, False), ("on", False, False), ("off", True, True)],
)
def test_a_reply_is_passed_over_with_its_tail_in_half_duplex_only(
    barge_in: str, echo_free: bool, half_duplex: bool
) -> None:
    within, after = NOW_S - ECHO_TAIL_S + 0.01, NOW_S - ECHO_TAIL_S - 0.01
    sounding, over = playing(reply_until_s=within), playing(reply_until_s=after)
    assert passed_over(sounding, barge_in=barge_in, echo_free=echo_free) is half_duplex
    assert not passed_over(over, barge_in=barge_in, echo_free=echo_free)


def test_a_device_that_interrupted_itself_takes_turns_for_a_reply() -> None:
    front_end = FrontEnd(FarEnd(), Unused())
    front_end.distrust()
    assert passed_over(playing(reply_until_s=NOW_S + 1.0), front_end)


def test_a_canceller_that_gives_up_leaves_half_duplex() -> None:
    front_end = FrontEnd(FarEnd(), Unused())
    sounding = playing(reply_until_s=NOW_S + 1.0, clip_until_s=NOW_S + 1.0)
    assert not passed_over(sounding, front_end)
    front_end.echo = EchoState.GIVEN_UP
    assert passed_over(sounding, front_end)
