"""What the user says on its way to the service: whole, in order, once for each connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from daemon.events import PieceSent, UtteranceGiven, UtteranceSent
from daemon.runtime.ring import HistoryRing
from daemon.session.failures import Failure, FailureKind, LinkError
from daemon.session.liveness import Evidence
from daemon.session.uplink import Uplink

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

    def __init__(self, capacity_bytes: int = 1000) -> None:
        self.ring = HistoryRing(capacity_bytes)
        self.sent: list[UtteranceSent | UtteranceGiven] = []
        self.pieces: list[PieceSent] = []
        self.uplink = Uplink(
            self.ring,
            message_bytes=MESSAGE,
            preroll_bytes=PREROLL,
            post=self._take,
            clock=lambda: 7.0,
        )

    def _take(self, event: UtteranceSent | UtteranceGiven | PieceSent) -> None:
        if isinstance(event, PieceSent):
            self.pieces.append(event)
        else:
            self.sent.append(event)

    def say(self, pcm: bytes) -> None:
        self.ring.write(pcm)
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


async def test_each_piece_is_told_with_its_turn_place_and_time(rig: Rig) -> None:
    rig.uplink.open(3, None, stream=False, released=True)
    await rig.pump(RecordingSession(), lambda: rig.say(b"abcdefghi"), lambda: rig.uplink.close(3))
    assert rig.pieces == [PieceSent(3, 0, 4, 7.0), PieceSent(3, 4, 8, 7.0), PieceSent(3, 8, 9, 7.0)]


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
    assert session.audio == b"efgh"


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
