"""What a service shows and says before it ends for want of a key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.config.settings import Settings
from daemon.run.refusal import say_on, show_on
from daemon.speaking.earcons import earcon_pcm
from daemon.speaking.messages import Message
from daemon.speaking.recordings import Recordings
from daemon.words import Earcon
from hw.base import Colour, SpeakerError
from hw.simulated.board import SimulatedBoard

LOUD = replace(Settings(), sound=replace(Settings().sound, volume=100))


async def test_the_light_is_red_while_it_is_shown_and_dark_afterwards() -> None:
    board = SimulatedBoard(speed=20)
    await show_on(board, LOUD, shown_s=0.01)
    shown = [pixels for _, pixels in board.leds.history]
    assert shown[0] == (Colour(red=255),) * board.leds.count
    assert shown[-1] == (Colour(),) * board.leds.count


def test_the_tone_and_the_words_are_heard_whole() -> None:
    board = SimulatedBoard(speed=20)
    say_on(board, LOUD)
    heard = board.stage.heard() if board.stage else b""
    assert earcon_pcm(Earcon.REFUSED) + Recordings().of(Message.REFUSED_KEY) in heard


def test_without_tones_and_words_nothing_is_heard() -> None:
    board = SimulatedBoard(speed=20)
    quiet = replace(LOUD, sound=replace(LOUD.sound, earcons=False, spoken=False))
    say_on(board, quiet)
    assert not any(board.stage.heard() if board.stage else b"")


def test_a_speaker_that_is_not_there_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    board = SimulatedBoard(speed=20)

    def gone() -> None:
        raise SpeakerError("USB", "there is no such playback device", absent=True)

    board.open_speaker = gone  # type: ignore[method-assign, assignment]  # a board with a speaker that is gone
    say_on(board, LOUD)
    assert "could not be said" in caplog.text
    assert "USB" in caplog.text
