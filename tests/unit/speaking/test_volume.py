"""The loudness: limits, the night, the mixer, and what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import Posts, attendant

from daemon.config.settings import SoundSettings
from daemon.errors import ControlError
from daemon.lights.night import Night
from daemon.runtime.ring import FifoRing
from daemon.runtime.store import Store
from daemon.speaking.gain import gain_for
from daemon.speaking.overlay import Speech
from daemon.speaking.playback import Playback, PlaybackEvent
from daemon.speaking.volume import VOLUME_FILE, Volume, load_percent
from hw.base import Speaker

NIGHT = Night(from_min=22 * 60, to_min=7 * 60, share=0.1)


class FakeMixer:
    """A card's mixer that does half of what is asked, and leaves the rest."""

    about = "hw:1 PCM"
    problem = None

    def __init__(self) -> None:
        self.asked: list[tuple[float, bool]] = []
        self.on_rest: Callable[[float], None] = lambda gain: None

    def set_gain(self, gain: float, *, by_samples: bool = False) -> None:
        self.asked.append((gain, by_samples))
        self.on_rest(0.5)


class Clock:
    """A time of day."""

    minute = 12 * 60

    def __call__(self) -> int:
        return self.minute


class Quiet:
    """A bell without a sound."""

    def take(self, size_bytes: int) -> bytes:
        return b""


def no_speaker() -> Speaker:
    raise AssertionError("nothing here opens a device")


@pytest.fixture
def playback() -> Playback:
    posts: Posts[PlaybackEvent] = Posts()
    return Playback(attendant(no_speaker), FifoRing(1000), post=posts)


def test_the_samples_do_it_where_there_is_no_mixer(playback: Playback) -> None:
    volume = Volume(playback, SoundSettings(), percent=70)
    assert playback.gain == gain_for(70)
    volume.set(20)
    assert playback.gain == gain_for(20)


def test_the_mixer_does_what_it_can_and_the_samples_the_rest(playback: Playback) -> None:
    mixer = FakeMixer()
    volume = Volume(playback, SoundSettings(), percent=70, hardware=mixer)
    volume.set(20)
    assert mixer.asked == [(gain_for(70), False), (gain_for(20), False)]
    assert playback.gain == 0.5


def test_a_bell_has_a_loudness_of_its_own_so_the_mixer_is_opened(playback: Playback) -> None:
    mixer = FakeMixer()
    volume = Volume(playback, SoundSettings(), percent=20, hardware=mixer)
    volume.ring(Quiet())
    volume.ring(None)
    assert mixer.asked == [(gain_for(20), False), (gain_for(20), True), (gain_for(20), False)]


def test_steps_end_at_silence_and_at_the_highest_that_is_allowed(playback: Playback) -> None:
    volume = Volume(playback, SoundSettings(max_volume=80), percent=75)
    volume.change(+10)
    assert volume.percent == 80
    volume.change(-100)
    assert volume.percent == 0
    assert playback.gain == 0


def test_more_than_is_allowed_becomes_what_is_allowed(playback: Playback) -> None:
    volume = Volume(playback, SoundSettings(max_volume=60), percent=90)
    assert volume.percent == 60
    volume.set(100)
    assert playback.gain == gain_for(60)
    with pytest.raises(ControlError, match="0 to 100"):
        volume.set(101)


def test_at_night_it_is_softer_and_says_so(playback: Playback) -> None:
    clock = Clock()
    clock.minute = 23 * 60
    volume = Volume(playback, SoundSettings(night_volume=30), percent=70, night=NIGHT, minute=clock)
    assert playback.gain == gain_for(30)
    assert volume.report() == {"volume": 70, "night_volume": 30}
    volume.set(20)
    assert volume.report() == {"volume": 20}


async def test_the_night_comes_and_goes_by_itself(playback: Playback) -> None:
    clock = Clock()
    hours = iter([12, 23, 23, 8])

    async def sleep(_: float) -> None:
        hour = next(hours, None)
        if hour is None:
            raise asyncio.CancelledError
        clock.minute = hour * 60
        gains.append(playback.gain)

    gains: list[float] = []
    volume = Volume(playback, SoundSettings(night_volume=30), percent=70, night=NIGHT, minute=clock)
    with pytest.raises(asyncio.CancelledError):
        await volume.run(sleep)
    assert gains == [gain_for(70), gain_for(70), gain_for(30), gain_for(30)]
    assert playback.gain == gain_for(70)


class TestWhatIsKept:
    def test_the_volume_outlives_the_process(self, playback: Playback, tmp_path: Path) -> None:
        store = Store(tmp_path)
        volume = Volume(playback, SoundSettings(volume=70), percent=load_percent(store, 70))
        volume.set(35)
        store.keep(VOLUME_FILE, volume.content())
        assert load_percent(store, 70) == 35

    def test_but_not_a_change_of_the_configuration(self, tmp_path: Path) -> None:
        store = Store(tmp_path)
        store.keep(VOLUME_FILE, {"percent": 35, "configured": 70})
        assert load_percent(store, 50) == 50

    def test_what_the_night_takes_is_not_kept(self, playback: Playback) -> None:
        clock = Clock()
        clock.minute = 0
        volume = Volume(playback, SoundSettings(night_volume=10), percent=70, night=NIGHT, minute=clock)
        assert volume.content()["percent"] == 70

    @pytest.mark.parametrize("content", [{"percent": 130, "configured": 70}, {"percent": "loud"}, {}])
    def test_nonsense_counts_as_nothing(self, content: dict[str, object], tmp_path: Path) -> None:
        store = Store(tmp_path)
        store.keep(VOLUME_FILE, content)
        assert load_percent(store, 70) == 70

    def test_without_a_place_nothing_is_kept(self) -> None:
        assert load_percent(None, 70) == 70


class TestAnnouncements:
    def test_the_mixer_is_open_while_an_announcement_or_a_bell_sounds(self, playback: Playback) -> None:
        mixer = FakeMixer()
        volume = Volume(playback, SoundSettings(), percent=70, hardware=mixer)
        speech, bell = Speech(bytes(100), 1.0, int), Quiet()
        volume.ring(bell)
        volume.announce(speech)
        volume.ring(None)
        volume.announce(None)
        assert [by_samples for _, by_samples in mixer.asked] == [False, True, True, True, False]

    @pytest.mark.parametrize(
        ("percent", "urgent", "minute", "heard"),
        [
            (None, False, 12 * 60, 60),
            (None, False, 0, 30),
            (None, True, 0, 60),
            (90, False, 12 * 60, 80),
            (90, True, 0, 80),
            (90, False, 0, 30),
            (20, False, 0, 20),
        ],
    )
    def test_its_loudness_keeps_to_the_limits_and_to_the_night_s_if_it_is_not_urgent(
        self, playback: Playback, *, percent: int | None, urgent: bool, minute: int, heard: int
    ) -> None:
        clock = Clock()
        clock.minute = minute
        settings = SoundSettings(max_volume=80, night_volume=30)
        volume = Volume(playback, settings, percent=60, night=NIGHT, minute=clock)
        assert volume.gain_of(percent, urgent=urgent) == gain_for(heard)
