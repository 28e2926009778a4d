"""The end of a reply: what is told of it, and that each end is told once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.events import PlaybackDrained, ReplyRanDry
from daemon.speaking.played import PlayedReply

SOUNDING = PlayedReply(turn=3).taken()
replies = st.builds(
    PlayedReply,
    turn=st.integers(0, 9),
    started=st.booleans(),
    sounding=st.booleans(),
    all_here=st.booleans(),
    finishing=st.booleans(),
)


@pytest.mark.parametrize("all_here", [False, True])
def test_one_that_has_been_played_out_ran_dry_until_it_is_finished(all_here: bool) -> None:
    reply = replace(SOUNDING, all_here=all_here)
    assert reply.ended(waiting_bytes=0, queued_s=0.0) == ReplyRanDry(3, all_here)
    finished = replace(reply, finishing=True)
    assert finished.ended(waiting_bytes=0, queued_s=0.0) == PlaybackDrained(3)


def test_one_that_is_finished_without_a_sound_has_ended() -> None:
    assert PlayedReply(turn=3, finishing=True).ended(waiting_bytes=0, queued_s=0.0) == PlaybackDrained(3)


def test_the_next_begins_anew_and_knows_that_the_device_may_still_sound() -> None:
    assert replace(SOUNDING, finishing=True, all_here=True).next(4) == PlayedReply(turn=4, sounding=True)


@given(replies, st.integers(0, 2), st.sampled_from([0.0, 0.02]))
def test_nothing_is_told_while_some_of_it_is_still_to_be_heard(
    reply: PlayedReply, waiting_bytes: int, queued_s: float
) -> None:
    ended = reply.ended(waiting_bytes=waiting_bytes, queued_s=queued_s)
    silent = waiting_bytes == 0 and queued_s == 0
    assert (ended is not None) == (silent and (reply.finishing or reply.sounding))


@given(replies)
def test_each_end_is_told_once(reply: PlayedReply) -> None:
    assert reply.told().ended(waiting_bytes=0, queued_s=0.0) is None
