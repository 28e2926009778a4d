"""What the server says: what of it the dialogue is told, what is played, what is counted."""

from __future__ import annotations

import logging

import pytest
from fakes import attendant

from daemon.conductor.accounts import Accounts
from daemon.conductor.downlink import NEAR_SILENCE, Downlink
from daemon.events import DialogueEvent, ReplyEnded, ReplyIsWhole, ReplyStarted
from daemon.runtime.feed import Feed
from daemon.runtime.ring import FifoRing
from daemon.server_events import (
    GenerationComplete,
    NotUnderstood,
    ReplyAudio,
    ServerEvent,
    Transcript,
    TurnComplete,
    Usage,
)
from daemon.speaking.playback import Playback
from daemon.tools.calling.host import no_tools
from hw.base import SPEAKER_FORMAT, Speaker

TURN = 7
LOUD = ReplyAudio(b"\x00\x20" * SPEAKER_FORMAT.frames(0.5))
SILENT = ReplyAudio(bytes(SPEAKER_FORMAT.bytes(0.5)))


def no_speaker() -> Speaker:
    raise AssertionError("nothing here opens a device")


class Line:
    """A downlink whose question has been asked, and a caller who plays all that it gives."""

    def __init__(self, *, ring_bytes: int = 10**6, log_transcripts: bool = False) -> None:
        self.accounts = Accounts()
        playback = Playback(attendant(no_speaker), FifoRing(ring_bytes), post=lambda event: None)
        self.downlink = Downlink(
            playback,
            no_tools(),
            self.accounts,
            Feed(),
            streaming=False,
            log_transcripts=log_transcripts,
        )
        self.downlink.gate.asked(0.0)

    def say(self, *events: ServerEvent) -> list[DialogueEvent]:
        """What the dialogue is told of these."""
        told: list[DialogueEvent] = []
        for event in events:
            for heard in self.downlink.hear(event, TURN, now_s=1.0):
                match heard:
                    case ReplyAudio(pcm):
                        self.downlink.play(pcm)
                    case ReplyStarted():
                        self.downlink.begin(TURN)
                        told.append(heard)
                    case _:
                        told.append(heard)
        return told


def test_a_reply_is_begun_whole_and_ended_for_the_dialogue() -> None:
    line = Line()
    told = line.say(LOUD, LOUD, LOUD, GenerationComplete(), TurnComplete())
    assert told == [ReplyStarted(), ReplyIsWhole(), ReplyEnded()]
    assert line.downlink.near_silent_replies == 0


def test_a_reply_that_nobody_can_hear_is_no_usable_one() -> None:
    line = Line()
    assert line.say(SILENT, SILENT, SILENT, TurnComplete())[-1] == ReplyEnded(NEAR_SILENCE)
    assert line.downlink.near_silent_replies == 1


def test_each_reply_is_judged_by_its_own_loudness() -> None:
    line = Line()
    line.say(SILENT, SILENT, SILENT, TurnComplete())
    line.downlink.gate.asked(2.0)
    assert line.say(LOUD, LOUD, LOUD, TurnComplete())[-1] == ReplyEnded()


def test_the_services_own_reason_for_an_end_is_told_instead() -> None:
    line = Line()
    assert line.say(SILENT, SILENT, SILENT, TurnComplete("MAX_TOKENS"))[-1] == ReplyEnded("MAX_TOKENS")
    assert line.downlink.near_silent_replies == 0


def test_audio_that_finds_no_room_is_counted_and_goes_to_no_rehearsal() -> None:
    line = Line(ring_bytes=len(LOUD.pcm) + 100)
    heard: list[bytes] = []
    line.downlink.copy_replies(heard.append)
    line.say(LOUD, LOUD)
    assert [len(pcm) for pcm in heard] == [len(LOUD.pcm), 100]
    assert line.downlink.reply_bytes_refused == len(LOUD.pcm) - 100


def test_what_is_paid_for_is_counted_whether_it_is_played_or_not() -> None:
    line = Line()
    line.downlink.gate.cut()
    assert line.say(LOUD, Usage(30, 20), Usage(3, 2)) == []
    used = line.accounts.used_today()
    assert (used.received_bytes, used.prompt_tokens, used.response_tokens) == (len(LOUD.pcm), 33, 22)
    assert line.downlink.tokens == {"prompt": 33, "response": 22}
    assert line.downlink.gate.audio_dropped_bytes == len(LOUD.pcm)


def test_a_message_that_is_not_understood_is_counted_and_the_dialogue_is_spared() -> None:
    line = Line()
    assert line.say(NotUnderstood("something new")) == []
    assert line.downlink.not_understood == 1


@pytest.mark.parametrize("log_transcripts", [True, False])
def test_what_is_said_is_in_the_log_only_where_that_is_wanted(
    caplog: pytest.LogCaptureFixture, log_transcripts: bool
) -> None:
    with caplog.at_level(logging.INFO):
        Line(log_transcripts=log_transcripts).say(Transcript("user", "a secret"))
    assert ("a secret" in caplog.text) is log_transcripts
