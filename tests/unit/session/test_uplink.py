"""What the user says on its way to the service: whole, in order, once for each connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.events import PictureChanged, PieceSent, UtteranceGiven, UtteranceSent
from daemon.runtime.ring import HistoryRing
from daemon.session.failures import Failure, FailureKind, LinkError
from daemon.session.liveness import Evidence
from daemon.session.uplink import Told, Uplink
from daemon.session.utterance import MAX_UNANSWERED_BYTES
from hw.base import MIC_FORMAT
from hw.sound.pace import LIMIT_S, TOLERANCE

MESSAGE = 4
PREROLL = 2


class RecordingSession:
    """Writes down what it is given; fails at the n-th call if asked to."""

    def __init__(self, fail_at: int = 10**9) -> None:
        self.calls: list[str | bytes] = []
        self.tcp: Evidence | None = None
        self._fail_at = fail_at

    async def send_audio(self, pcm: bytes) -> None:
        self._note(pcm)

    async def start_activity(self) -> None:
        self._note("start")

    async def end_activity(self) -> None:
        self._note("end")

    async def end_stream(self) -> None:
        self._note("end of stream")

    async def send_text(self, text: str) -> None:
        self._note(f"text {text}")

    async def send_video(self, jpeg: bytes) -> None:
        self._note(f"picture {jpeg.decode()}")

    def evidence(self) -> Evidence | None:
        return self.tcp

    def _note(self, call: str | bytes) -> None:
        if len(self.calls) + 1 >= self._fail_at:
            raise LinkError(Failure(FailureKind.TRANSIENT, "as planned"))
        self.calls.append(call)

    @property
    def audio(self) -> bytes:
        return b"".join(call for call in self.calls if isinstance(call, bytes))

    @property
    def marks(self) -> list[str]:
        return [call for call in self.calls if isinstance(call, str)]


class Rig:
    """An uplink over a small ring, with everything it tells."""

    def __init__(self, capacity_bytes: int = 1000, message_bytes: int = MESSAGE) -> None:
        self.now_s = 7.0
        self.ring = HistoryRing(capacity_bytes)
        self.sent: list[UtteranceSent | UtteranceGiven] = []
        self.pieces: list[PieceSent] = []
        self.uplink = Uplink(
            self.ring,
            message_bytes=message_bytes,
            preroll_bytes=PREROLL,
            post=self._take,
            clock=lambda: self.now_s,
        )

    def _take(self, event: Told) -> None:
        if isinstance(event, PieceSent):
            self.pieces.append(event)
        elif not isinstance(event, PictureChanged):
            self.sent.append(event)

    def say(self, pcm: bytes) -> None:
        """As the capture thread does, which wakes the pump for whole messages only."""
        self.ring.write(pcm)
        if self.ring.head >= self.uplink.due_byte:
            self.uplink.wake()

    async def pump(self, session: RecordingSession, *steps: Callable[[], object]) -> None:
        """Pump into the session; between the steps it sends all that it can."""
        task = asyncio.create_task(self._pump(session))
        await settled()
        for step in steps:
            step()
            await settled()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _pump(self, session: RecordingSession) -> None:
        try:
            await self.uplink.pump(session)
        except LinkError:
            return


async def settled() -> None:
    """Let the pump run until it waits: nothing here takes time, so a few turns of the loop do."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
def rig() -> Rig:
    return Rig()


Step = Callable[[], Awaitable[None]]


async def test_an_utterance_is_start_preroll_audio_and_end(rig: Rig) -> None:
    rig.say(b"....ab")
    rig.uplink.open(1, None, stream=False, released=True)
    session = RecordingSession()
    await rig.pump(session, lambda: rig.say(b"cdefgh"), lambda: rig.uplink.close(1))
    assert session.calls[0] == "start"
    assert session.calls[-1] == "end"
    assert session.audio == b"abcdefgh"
    assert rig.sent == [UtteranceGiven(1), UtteranceSent(1)]


async def test_each_piece_is_told_with_its_turn_size_and_time(rig: Rig) -> None:
    rig.uplink.open(3, None, stream=False, released=True)
    await rig.pump(RecordingSession(), lambda: rig.say(b"abcdefghi"), lambda: rig.uplink.close(3))
    assert rig.pieces == [PieceSent(3, 4, 7.0), PieceSent(3, 4, 7.0), PieceSent(3, 1, 7.0)]


async def test_a_last_partial_message_does_not_wait_for_more(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=False, released=True)
    session = RecordingSession()
    await rig.pump(session, lambda: rig.say(b"abcde"))
    assert session.audio == b"abcd"
    await rig.pump(session, lambda: rig.uplink.close(1))
    assert session.audio == b"abcde"


async def test_nothing_leaves_before_the_release(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=False, released=False)
    session = RecordingSession()
    await rig.pump(session, lambda: rig.say(b"abcdefgh"))
    assert session.calls == []
    assert not rig.uplink.hungry
    await rig.pump(session, lambda: rig.uplink.release(1))
    assert session.audio == b"abcdefgh"
    assert rig.uplink.hungry


async def test_it_begins_where_the_speech_began(rig: Rig) -> None:
    rig.say(b"0123456789")
    rig.uplink.open(1, 6, stream=False, released=True)
    session = RecordingSession()
    await rig.pump(session, lambda: rig.uplink.close(1))
    assert session.audio == b"456789"


async def test_its_preroll_leaves_out_the_device_s_own_voice(rig: Rig) -> None:
    """Two bytes of pre-roll, of which the device was still sounding in the first: 1 byte is 31 µs."""
    rig.say(b"0123456789")
    rig.uplink.open(1, None, stream=False, released=True, quiet_s=0.0)
    session = RecordingSession()
    await rig.pump(session, lambda: rig.say(b"ab"), lambda: rig.uplink.close(1))
    assert session.audio == b"ab"


async def test_speech_over_the_device_s_own_voice_is_whole_from_its_onset(rig: Rig) -> None:
    rig.say(b"0123456789")
    rig.uplink.open(1, 6, stream=False, released=True, quiet_s=0.0)
    session = RecordingSession()
    await rig.pump(session, lambda: rig.uplink.close(1))
    assert session.audio == b"6789"


async def test_it_never_repeats_what_an_earlier_utterance_said(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=False, released=True)
    session = RecordingSession()
    await rig.pump(session, lambda: rig.say(b"abcd"), lambda: rig.uplink.close(1))
    rig.uplink.open(2, None, stream=False, released=True)
    await rig.pump(session, lambda: rig.say(b"efgh"))
    assert session.audio == b"abcdefgh"


async def test_after_a_reconnect_it_is_sent_again_from_its_beginning(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=False, released=True)
    await rig.pump(RecordingSession(fail_at=4), lambda: rig.say(b"abcdefgh"))
    rig.uplink.restart()
    again = RecordingSession()
    await rig.pump(again, lambda: rig.say(b"ij"), lambda: rig.uplink.close(1))
    assert again.marks == ["start", "end"]
    assert again.audio == b"abcdefghij"
    assert rig.uplink.resent_bytes == 8


async def test_what_was_all_sent_but_not_answered_is_sent_again(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=False, released=True)
    await rig.pump(RecordingSession(), lambda: rig.say(b"abcd"), lambda: rig.uplink.close(1))
    rig.uplink.restart()
    again = RecordingSession()
    await rig.pump(again)
    assert again.calls == ["start", b"abcd", "end"]


async def test_what_was_answered_is_not(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=False, released=True)
    await rig.pump(RecordingSession(), lambda: rig.say(b"abcd"), lambda: rig.uplink.close(1))
    assert not rig.uplink.settle(1)
    rig.uplink.restart()
    again = RecordingSession()
    await rig.pump(again)
    assert again.calls == []


async def test_a_cancelled_utterance_closes_what_the_server_has_of_it(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=False, released=True)
    session = RecordingSession()
    await rig.pump(session, lambda: rig.say(b"abcd"))
    assert rig.uplink.settle(1)
    await rig.pump(session)
    assert session.marks == ["start", "end"]
    assert rig.sent == [UtteranceSent(1)]


async def test_what_waits_in_the_kernel_is_leaving_also_after_it_was_cancelled(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=False, released=True)
    session = RecordingSession()
    session.tcp = Evidence(outstanding_bytes=4, acknowledged_bytes=0)
    task = asyncio.create_task(rig.uplink.pump(session))
    rig.say(b"abcd")
    await settled()
    rig.uplink.settle(1)
    await settled()
    assert session.marks == ["start", "end"]
    assert (rig.uplink.leaving, rig.sent) == (True, [])
    session.tcp = Evidence(outstanding_bytes=0, acknowledged_bytes=4)
    async with asyncio.timeout(5):
        while not rig.sent:
            await asyncio.sleep(0.001)
    assert (rig.uplink.leaving, rig.sent) == (False, [UtteranceSent(1)])
    task.cancel()


async def test_nothing_leaves_on_a_connection_that_is_gone(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=False, released=True)
    session = RecordingSession()
    session.tcp = Evidence(outstanding_bytes=4, acknowledged_bytes=0)
    await rig.pump(session, lambda: rig.say(b"abcd"), lambda: rig.uplink.settle(1))
    assert rig.uplink.leaving
    rig.uplink.gone()
    assert not rig.uplink.leaving


async def test_a_cancelled_utterance_that_never_left_sends_nothing(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=False, released=False)
    assert not rig.uplink.settle(1)
    session = RecordingSession()
    await rig.pump(session)
    assert session.calls == []


async def test_a_new_utterance_closes_the_one_it_interrupts(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=False, released=True)
    session = RecordingSession()
    await rig.pump(session, lambda: rig.say(b"abcd"))
    rig.uplink.settle(1)
    rig.uplink.open(2, None, stream=False, released=True)
    await rig.pump(session, lambda: rig.say(b"efgh"), lambda: rig.uplink.close(2))
    assert session.calls == ["start", b"abcd", "end", "start", b"efgh", "end"]


async def test_a_stream_has_no_activity_marks_and_ends_as_a_stream(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=True, released=True)
    session = RecordingSession()
    await rig.pump(session, lambda: rig.say(b"abcd"), rig.uplink.pause)
    assert session.calls == [b"abcd", "end of stream"]


async def test_a_resumed_stream_leaves_out_what_was_said_in_the_pause(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=True, released=True)
    session = RecordingSession()
    await rig.pump(session, lambda: rig.say(b"abcd"), rig.uplink.pause, lambda: rig.say(b"echo"))
    rig.uplink.resume(1)
    await rig.pump(session, lambda: rig.say(b"efgh"))
    assert session.audio == b"abcdefgh"


async def test_a_text_is_sent_and_sent_again_until_it_is_answered(rig: Rig) -> None:
    rig.uplink.write_text(1, "hi")
    first, second, third = RecordingSession(), RecordingSession(), RecordingSession()
    await rig.pump(first)
    rig.uplink.restart()
    await rig.pump(second)
    rig.uplink.settle(1)
    rig.uplink.restart()
    await rig.pump(third)
    assert (first.calls, second.calls, third.calls) == (["text hi"], ["text hi"], [])


async def test_words_for_another_turn_change_nothing(rig: Rig) -> None:
    rig.uplink.open(2, None, stream=False, released=False)
    rig.uplink.release(1)
    rig.uplink.close(1)
    assert not rig.uplink.settle(1)
    session = RecordingSession()
    await rig.pump(session, lambda: rig.say(b"abcdefgh"))
    assert session.calls == []


async def test_an_utterance_longer_than_the_ring_loses_its_beginning_and_counts_it() -> None:
    rig = Rig(capacity_bytes=8)
    rig.uplink.open(1, None, stream=False, released=True)
    rig.say(b"abcdefghijkl")
    session = RecordingSession()
    await rig.pump(session)
    assert session.audio == b"efghijkl"
    assert rig.ring.stats().lost_bytes == 4


async def test_it_has_left_only_when_the_other_end_has_acknowledged_it(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=False, released=True)
    session = RecordingSession()
    session.tcp = Evidence(outstanding_bytes=7, acknowledged_bytes=0)
    await rig.pump(session, lambda: rig.say(b"abcd"), lambda: rig.uplink.close(1))
    assert rig.sent == [UtteranceGiven(1)]
    session.tcp = Evidence(outstanding_bytes=0, acknowledged_bytes=7)
    await rig.pump(session)
    assert rig.sent == [UtteranceGiven(1), UtteranceSent(1)]


async def test_a_closed_utterance_waits_whole_while_the_ring_goes_on() -> None:
    rig = Rig(capacity_bytes=8)
    rig.uplink.open(1, None, stream=False, released=True)
    rig.say(b"abcdefgh")
    rig.uplink.close(1)
    rig.say(b"01234567890123456789")
    rig.uplink.restart()
    session = RecordingSession()
    await rig.pump(session)
    assert session.audio == b"abcdefgh"


async def test_a_second_close_does_not_move_the_end(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=False, released=True)
    rig.say(b"abcd")
    rig.uplink.close(1)
    rig.say(b"efgh")
    rig.uplink.close(1)
    session = RecordingSession()
    await rig.pump(session)
    assert session.audio == b"abcd"


async def test_a_closed_stream_is_over_and_never_sent_again(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=True, released=True)
    await rig.pump(RecordingSession(), lambda: rig.say(b"abcd"), lambda: rig.uplink.close(1))
    rig.uplink.restart()
    again = RecordingSession()
    await rig.pump(again, lambda: rig.say(b"efgh"))
    assert again.calls == []


async def test_of_a_closed_stream_what_has_not_left_stays(rig: Rig) -> None:
    """The listening light goes out with the close."""
    rig.uplink.open(1, None, stream=True, released=True)
    rig.say(b"abcdefgh")
    rig.uplink.close(1)
    session = RecordingSession()
    await rig.pump(session)
    assert session.calls == ["end of stream"]


async def test_an_open_stream_starts_again_where_the_last_answer_left_it(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=True, released=True)
    session = RecordingSession()
    await rig.pump(session, lambda: rig.say(b"abcd"), lambda: rig.uplink.note_answered(1))
    await rig.pump(session, lambda: rig.say(b"efgh"))
    rig.uplink.restart()
    again = RecordingSession()
    await rig.pump(again, lambda: rig.say(b"ijkl"))
    assert again.audio == b"efghijkl"


async def test_a_cancelled_stream_is_ended_at_the_server(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=True, released=True)
    session = RecordingSession()
    await rig.pump(session, lambda: rig.say(b"abcd"), lambda: rig.uplink.settle(1))
    assert session.calls == [b"abcd", "end of stream"]


async def test_a_new_utterance_does_not_reach_back_into_one_that_waits_for_a_connection(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=False, released=True)
    rig.say(b"abcd")
    rig.uplink.close(1)
    rig.uplink.open(2, None, stream=False, released=True)
    rig.say(b"efgh")
    rig.uplink.close(2)
    session = RecordingSession()
    await rig.pump(session)
    assert session.audio == b"abcdefgh"


async def test_on_hold_nothing_is_sent_and_nothing_is_lost(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=False, released=True)
    rig.uplink.hold(True)
    session = RecordingSession()
    await rig.pump(session, lambda: rig.say(b"abcd"), lambda: rig.uplink.close(1))
    assert session.calls == []
    await rig.pump(session, lambda: rig.uplink.hold(False))
    assert session.calls == ["start", b"abcd", "end"]


async def test_of_an_utterance_that_outgrew_the_ring_while_it_waited_the_end_is_sent() -> None:
    rig = Rig(capacity_bytes=8)
    rig.uplink.open(1, None, stream=False, released=True)
    rig.say(b"abcdefghijkl")
    rig.uplink.close(1)
    session = RecordingSession()
    await rig.pump(session)
    assert session.audio == b"efghijkl"


async def test_a_text_on_its_way_is_no_audio(rig: Rig) -> None:
    session = RecordingSession()
    session.tcp = Evidence(outstanding_bytes=4, acknowledged_bytes=0)
    await rig.pump(session, lambda: rig.uplink.write_text(1, "hello"))
    assert session.marks == ["text hello"]
    assert not rig.uplink.leaving


# --- an utterance that goes on after it was closed ------------------------------------------------


async def test_one_that_goes_on_after_its_end_was_given_is_sent_again_whole(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=False, released=True)
    session = RecordingSession()
    again: list[int] = []
    await rig.pump(
        session,
        lambda: rig.say(b"abcdef"),
        lambda: rig.uplink.close(1),
        lambda: rig.say(b"gh"),
        lambda: again.append(rig.uplink.reopen(1)),
        lambda: rig.say(b"ij"),
        lambda: rig.uplink.close(1),
    )
    assert session.marks == ["start", "end", "start", "end"]
    assert session.audio == b"abcdef" + b"abcdefghij"
    assert again == [6]
    assert rig.uplink.resent_bytes == 6
    assert rig.sent.count(UtteranceGiven(1)) == 2


async def test_one_that_goes_on_before_its_end_was_given_just_goes_on(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=False, released=True)
    rig.say(b"abcdef")
    rig.uplink.close(1)
    rig.say(b"gh")
    assert rig.uplink.reopen(1) == 0
    assert rig.uplink.hungry
    session = RecordingSession()
    await rig.pump(session, lambda: rig.uplink.close(1))
    assert session.marks == ["start", "end"]
    assert session.audio == b"abcdefgh"


async def test_one_that_goes_on_while_its_end_is_leaving_is_not_taken_for_finished(rig: Rig) -> None:
    class Slow(RecordingSession):
        leaving = asyncio.Event()

        async def end_activity(self) -> None:
            await self.leaving.wait()
            self._note("end")

    session = Slow()
    rig.uplink.open(1, None, stream=False, released=True)
    await rig.pump(
        session,
        lambda: rig.say(b"abcd"),
        lambda: rig.uplink.close(1),
        lambda: rig.say(b"efgh"),
        lambda: rig.uplink.reopen(1),
        session.leaving.set,
        lambda: rig.uplink.close(1),
    )
    assert session.marks == ["start", "end", "start", "end"]
    assert session.audio == b"abcd" + b"abcdefgh"
    assert rig.sent.count(UtteranceGiven(1)) == 1


async def test_one_that_is_open_or_another_one_is_not_opened_again(rig: Rig) -> None:
    rig.uplink.open(1, None, stream=False, released=True)
    assert rig.uplink.reopen(1) == rig.uplink.reopen(2) == 0


# --- what was not answered goes with what is said next


def say_and_close(rig: Rig, turn: int, pcm: bytes) -> None:
    """An utterance of exactly this."""
    rig.uplink.open(turn, None, stream=False, released=True)
    rig.say(pcm)
    rig.uplink.close(turn)


async def test_what_never_left_goes_with_the_next_utterance_in_one_turn(rig: Rig) -> None:
    say_and_close(rig, 1, b"abcdef")
    say_and_close(rig, 2, b"ghijk")
    session = RecordingSession()
    await rig.pump(session)
    assert (session.marks, session.audio) == (["start", "end"], b"abcdefghijk")


async def test_what_this_connection_has_got_whole_is_not_sent_to_it_again(rig: Rig) -> None:
    session = RecordingSession()
    say_and_close(rig, 1, b"abcdef")
    await rig.pump(session, lambda: say_and_close(rig, 2, b"ghijk"))
    assert session.marks == ["start", "end", "start", "end"]
    assert session.audio == b"abcdefghijk"
    assert rig.uplink.resent_bytes == 0


async def test_another_connection_gets_both_in_one_turn(rig: Rig) -> None:
    say_and_close(rig, 1, b"abcdef")
    await rig.pump(RecordingSession(), lambda: say_and_close(rig, 2, b"ghijk"))
    rig.uplink.restart()
    session = RecordingSession()
    await rig.pump(session)
    assert (session.marks, session.audio) == (["start", "end"], b"abcdefghijk")
    assert rig.uplink.resent_bytes == len(b"abcdefghijk")


async def test_what_this_connection_has_got_in_part_goes_on_in_the_same_turn(rig: Rig) -> None:
    session = RecordingSession()
    rig.uplink.open(1, None, stream=False, released=True)

    def go_on() -> None:
        rig.uplink.hold(True)
        rig.uplink.close(1)
        rig.uplink.open(2, None, stream=False, released=True)
        rig.say(b"ghijk")
        rig.uplink.close(2)
        rig.uplink.hold(False)

    await rig.pump(session, lambda: rig.say(b"abcdef"), go_on)
    assert (session.marks, session.audio) == (["start", "end"], b"abcdefghijk")


async def test_nothing_of_it_leaves_before_somebody_speaks_again(rig: Rig) -> None:
    say_and_close(rig, 1, b"abcdef")
    rig.uplink.open(2, None, stream=False, released=False)
    session = RecordingSession()
    await rig.pump(session)
    assert session.calls == []
    assert rig.uplink.settle(2) is False
    await rig.pump(session)
    assert session.calls == []


async def test_what_was_answered_or_cancelled_does_not_go_with_the_next(rig: Rig) -> None:
    say_and_close(rig, 1, b"abcdef")
    rig.uplink.settle(1)
    say_and_close(rig, 2, b"ghijk")
    session = RecordingSession()
    await rig.pump(session)
    assert session.audio == b"ghijk"


async def test_a_stream_and_a_text_go_with_nothing(rig: Rig) -> None:
    rig.uplink.write_text(1, "hello")
    say_and_close(rig, 2, b"abcdef")
    rig.uplink.write_text(3, "hello")
    say_and_close(rig, 4, b"ghijk")
    session = RecordingSession()
    await rig.pump(session)
    assert session.audio == b"ghijk"


async def test_one_that_goes_on_after_its_end_was_given_is_sent_again_with_what_was_before(rig: Rig) -> None:
    session = RecordingSession()
    say_and_close(rig, 1, b"abcdef")
    say_and_close(rig, 2, b"ghij")

    def go_on() -> None:
        rig.uplink.reopen(2)
        rig.say(b"klm")
        rig.uplink.close(2)

    await rig.pump(session, go_on)
    assert session.marks == ["start", "end", "start", "end"]
    assert session.audio == b"abcdefghij" + b"abcdefghijklm"


async def test_of_more_than_a_minute_that_was_not_answered_the_oldest_is_forgotten_and_counted() -> None:
    size = MAX_UNANSWERED_BYTES // 2 + 1000
    rig = Rig(4 * size, message_bytes=size)
    for turn, sign in enumerate((b"a", b"b", b"c"), start=1):
        rig.now_s += 100.0
        rig.uplink.open(turn, None, stream=False, released=True)
        rig.now_s += 100.0
        rig.ring.write(sign * size)
        rig.uplink.close(turn)
    session = RecordingSession()
    await rig.pump(session)
    assert session.audio == b"a" * (size - 2000) + b"b" * size + b"c" * size
    assert rig.uplink.counters()["unanswered_lost_bytes"] == 2000


class Heard:
    """What a server makes of the calls on one connection: the audio of each turn."""

    def __init__(self, session: RecordingSession) -> None:
        self.turns: list[bytes] = []
        self.open = False
        for call in session.calls:
            if call == "start":
                assert not self.open, "a turn in a turn"
                self.open = True
                self.turns.append(b"")
            elif call == "end":
                assert self.open
                self.open = False
            elif isinstance(call, bytes):
                assert self.open, "audio outside of a turn is thrown away"
                self.turns[-1] += call


@given(
    st.lists(
        st.tuples(
            st.integers(min_value=1, max_value=9), st.booleans(), st.integers(min_value=0, max_value=12)
        ),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_breaks_the_newest_connection_has_heard_all_that_was_said_once(
    said: list[tuple[int, bool, int]],
) -> None:
    """Each utterance is some bytes long; then the connection may break; and it may have failed before."""

    async def play() -> None:
        rig, session = Rig(), RecordingSession(said[0][2] or 10**9)
        whole = b""
        for turn, (size, breaks, fails_at) in enumerate(said, start=1):
            pcm = bytes(range(len(whole), len(whole) + size))
            whole += pcm
            await rig.pump(session, partial(say_and_close, rig, turn, pcm))
            if breaks or fails_at:
                rig.uplink.restart()
                session = RecordingSession(fails_at or 10**9)
        rig.uplink.restart()
        session = RecordingSession()
        await rig.pump(session)
        heard = Heard(session)
        assert (heard.turns, heard.open) == ([whole], False)

    asyncio.run(play())


@given(st.lists(st.integers(min_value=1, max_value=9), min_size=1, max_size=5))
def test_a_connection_that_stands_hears_each_word_once(sizes: list[int]) -> None:
    async def play() -> None:
        rig, session, whole = Rig(), RecordingSession(), b""
        for turn, size in enumerate(sizes, start=1):
            pcm = bytes(range(len(whole), len(whole) + size))
            whole += pcm
            await rig.pump(session, partial(say_and_close, rig, turn, pcm))
        assert b"".join(Heard(session).turns) == whole

    asyncio.run(play())


# --- by the clock


async def test_a_microphone_that_gives_hours_in_seconds_has_said_no_more_than_the_clock_allows() -> None:
    rig = Rig(10**7, message_bytes=32_000)
    rig.uplink.open(1, None, stream=False, released=True)
    session = RecordingSession()
    hour = bytes(MIC_FORMAT.bytes(60.0))

    def ten_seconds_pass() -> None:
        rig.now_s += 10.0
        rig.say(hour)

    await rig.pump(session, ten_seconds_pass, lambda: rig.uplink.close(1))
    assert MIC_FORMAT.seconds(len(session.audio)) == 10.0 * (1 + TOLERANCE) + LIMIT_S
    assert (
        MIC_FORMAT.seconds(rig.uplink.counters()["uplink_ahead_bytes"])
        == 60.0 - 10.0 * (1 + TOLERANCE) - LIMIT_S
    )


async def test_of_an_open_stream_no_more_leaves_than_the_clock_allows() -> None:
    rig = Rig(10**7, message_bytes=1600)
    rig.uplink.open(1, None, stream=True, released=True)
    session = RecordingSession()

    def half_a_second_passes() -> None:
        rig.now_s += 0.5
        rig.say(bytes(MIC_FORMAT.bytes(30.0)))

    await rig.pump(session, half_a_second_passes, half_a_second_passes)
    assert MIC_FORMAT.seconds(len(session.audio)) == 1.0 * (1 + TOLERANCE) + LIMIT_S


async def test_what_was_said_before_the_trigger_is_no_sound_ahead_of_the_clock() -> None:
    rig = Rig(10**7, message_bytes=320_000)
    rig.say(bytes(MIC_FORMAT.bytes(20.0)))
    rig.uplink.open(1, 0, stream=False, released=True)
    session = RecordingSession()
    await rig.pump(session, lambda: rig.uplink.close(1))
    assert MIC_FORMAT.seconds(len(session.audio)) == 20.0
    assert rig.uplink.counters()["uplink_ahead_bytes"] == 0
