"""What a fault plan does, as the real SDK sees it."""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import Any

import numpy as np
import pytest
from google.genai import errors, types
from google.genai.live import AsyncSession
from standin_support import (
    FAST,
    audio_of,
    contents,
    handle_from,
    kinds,
    plan,
    resuming,
    say,
    send_audio,
    session,
    speech,
    take_turn,
    take_until,
)
from websockets.exceptions import ConnectionClosed, InvalidStatus

from daemon.standin.actions import Close, HalfOpen, Speak, StopAnswering
from daemon.standin.server import StandIn
from daemon.standin.voices import Tone
from daemon.standin.world import Pace

QUIET_S = 0.3
"""How long a test listens to be sure that nothing is said; everything else here takes a few ms."""


async def closing(live: AsyncSession) -> tuple[int, Any]:
    """Read to the end; the code and reason that the SDK reports."""
    with pytest.raises(errors.APIError) as raised:
        await take_until(live, "nothing ends this")
    return raised.value.code, raised.value.details


async def is_silent(live: AsyncSession) -> bool:
    """Whether the server says nothing for a while."""
    try:
        async with asyncio.timeout(QUIET_S):
            await take_turn(live)
    except TimeoutError:
        return True
    return False


class TestBeforeTheSession:
    async def test_a_refused_connection_is_reset_and_the_next_is_not(self) -> None:
        async with StandIn(plan=plan('when = "connect"\ndo = "refuse"'), pace=FAST) as standin:
            with pytest.raises(ConnectionResetError):
                async with session(standin):
                    pass
            async with session(standin):
                assert [c.faults for c in standin.record.connections] == [["Refuse"], []]

    @pytest.mark.parametrize(("kind", "says"), [("untrusted", "unable to get"), ("expired", "has expired")])
    async def test_tls_fails(self, kind: str, says: str) -> None:
        rule = f'when = "connect"\ndo = {{ action = "tls_failure", kind = "{kind}" }}'
        async with StandIn(plan=plan(rule), pace=FAST) as standin:
            with pytest.raises(ssl.SSLCertVerificationError, match=says):
                async with session(standin):
                    pass
            async with session(standin):
                pass
            assert standin.record.connections[0].close_reason == f"TLS {kind}"

    @pytest.mark.parametrize("status", [401, 403, 404, 409, 429, 503])
    async def test_the_upgrade_is_answered_by_a_status(self, status: int) -> None:
        rule = f'when = "upgrade"\ndo = {{ action = "http_status", status = {status}, body = "because" }}'
        async with StandIn(plan=plan(rule), pace=FAST) as standin:
            with pytest.raises(InvalidStatus) as raised:
                async with session(standin):
                    pass
            assert raised.value.response.status_code == status
            assert raised.value.response.body == b"because"
            async with session(standin):
                pass

    async def test_the_upgrade_comes_too_late(self) -> None:
        rule = 'when = "upgrade"\ndo = { action = "stall", seconds = 30 }'
        async with StandIn(plan=plan(rule)) as standin:
            with pytest.raises(TimeoutError):
                async with session(standin, open_timeout=0.2):
                    pass


class TestTheSetup:
    async def test_it_is_never_answered(self) -> None:
        async with StandIn(plan=plan('when = "setup"\ndo = "stop_answering"')) as standin:
            connecting = asyncio.create_task(session(standin).__aenter__())
            await standin.wait_for(lambda record: record.connections and record.connections[0].setup)
            done, _ = await asyncio.wait([connecting], timeout=QUIET_S)
            assert not done
            connecting.cancel()
            await asyncio.wait([connecting])
            assert standin.record.connections[0].setup_complete_s is None

    async def test_it_is_answered_by_something_else(self) -> None:
        async with StandIn(plan=plan('when = "setup"\ndo = "wrong_setup_answer"'), pace=FAST) as standin:
            async with session(standin) as live:
                assert live.setup_complete is None

    @pytest.mark.parametrize(
        ("preset", "code", "reason"),
        [
            ("quota", 1011, "You exceeded your current quota, please check your plan and billing details."),
            ("leaked_key", 1008, "Your API key was reported as leaked. Please use another API key."),
        ],
    )
    async def test_it_is_refused_for_what_only_the_user_can_mend(
        self, preset: str, code: int, reason: str
    ) -> None:
        async with StandIn(plan=plan(f'when = "setup"\ndo = "{preset}"')) as standin:
            with pytest.raises(errors.APIError) as raised:
                async with session(standin):
                    pass
            assert (raised.value.code, raised.value.details) == (code, reason)

    async def test_resuming_is_refused_once(self) -> None:
        async with StandIn(plan=plan('when = "resume"\ndo = "poisoned_handle"'), pace=FAST) as standin:
            async with session(standin) as live:
                handle = await handle_from([await take_until(live, "session_resumption_update")])
            with pytest.raises(errors.APIError) as raised:
                async with session(standin, setup=resuming(handle)):
                    pass
            assert raised.value.code == 1007
            async with session(standin, setup=resuming(handle)):
                pass

    async def test_a_resumed_session_hears_but_never_answers(self) -> None:
        transcripts = types.AudioTranscriptionConfig()
        async with StandIn(plan=plan('when = "resume"\ndo = "never_answer"'), pace=FAST) as standin:
            async with session(standin) as live:
                handle = await handle_from([await take_until(live, "session_resumption_update")])
            setup = resuming(handle)
            setup.input_audio_transcription = transcripts
            async with session(standin, setup=setup) as live:
                await say(live, speech(0.2))
                await take_until(live, "input_transcription")
                assert await is_silent(live)
                assert standin.record.turns[0].ended_s is not None


class TestTheConnection:
    @pytest.mark.parametrize("when", ["activity_start", "audio_ms=400", "activity_end", "reply_ms=400"])
    async def test_it_is_reset_at_any_moment(self, when: str) -> None:
        async with StandIn(Tone(2.0), plan(f'when = "{when}"\ndo = "reset"'), pace=FAST) as standin:
            async with session(standin) as live:
                with pytest.raises(Exception, match=r"1006|closed|no close frame"):
                    await say(live, speech(1.0))
                    await closing_error(live)
                await standin.wait_for(lambda record: not record.connections[0].open)
                connection = standin.record.connections[0]
                assert (connection.close_code, connection.closed_by_server) == (1006, True)
                if when == "audio_ms=400":
                    assert connection.turns[0].audio_s == pytest.approx(0.4)
                if when == "reply_ms=400":
                    assert connection.turns[0].reply.audio_bytes == 19_200

    async def test_it_is_closed_in_mid_reply(self) -> None:
        rule = 'when = "reply_ms=600"\ndo = { action = "close", code = 1011, reason = "Internal" }'
        async with StandIn(Tone(2.0), plan(rule), pace=FAST) as standin, session(standin) as live:
            await say(live, speech(0.2))
            assert await closing(live) == (1011, "Internal")

    async def test_the_server_reads_no_more(self) -> None:
        rule = 'when = "audio_ms=80"\ndo = "stop_reading"'
        async with StandIn(plan=plan(rule), pace=FAST) as standin, session(standin) as live:
            await say(live, speech(4.0))
            assert await is_silent(live)
            assert standin.record.turns[0].audio_s < 2.0

    async def test_the_server_hears_and_says_nothing(self) -> None:
        rule = 'when = "reply_ms=400"\ndo = "stop_answering"'
        async with StandIn(Tone(2.0), plan(rule), pace=FAST) as standin, session(standin) as live:
            await say(live, speech(0.2))
            await standin.wait_for(lambda record: record.connections[0].faults)
            await send_audio(live, speech(0.4))
            await standin.wait_for(lambda record: record.connections[0].discarded_s > 0.39)
            assert standin.record.turns[0].reply.audio_bytes == 19_200

    @pytest.mark.parametrize("holds", [False, True])
    async def test_a_half_open_connection_may_hold_its_session(self, holds: bool) -> None:
        async with StandIn(pace=FAST) as standin, session(standin) as live:
            handle = await handle_from([await take_until(live, "session_resumption_update")])
            await standin.inject(HalfOpen(holds_session=holds))
            assert await is_silent(live)
            if holds:
                with pytest.raises(errors.APIError, match="1011"):
                    async with session(standin, setup=resuming(handle)):
                        pass
            else:
                async with session(standin, setup=resuming(handle)):
                    assert standin.record.connections[1].resumed
                    standin.abort(connection=1)
                    await standin.wait_for(lambda record: not record.connections[0].open)
                    with pytest.raises(errors.APIError, match="1011"):
                        async with session(standin, setup=resuming(handle)):
                            pass

    async def test_it_ends_some_time_after_go_away(self) -> None:
        rule = 'when = "setup"\ndo = { action = "go_away", time_left_s = 0.1 }'
        async with StandIn(plan=plan(rule)) as standin, session(standin) as live:
            assert await closing(live) == (1011, "Deadline expired before operation could complete.")

    async def test_go_away_without_a_time_and_then_silence(self) -> None:
        rule = 'when = "activity_start"\ndo = { action = "go_away", then = "silence" }'
        rule = rule.replace("then", "after_s = 0.0, then")
        async with StandIn(plan=plan(rule)) as standin, session(standin) as live:
            await live.send_realtime_input(activity_start=types.ActivityStart())
            await take_until(live, "go_away")
            await standin.wait_for(lambda r: r.connections[0].faults == ["SayGoAway", "StopAnswering"])
            await live.send_realtime_input(activity_end=types.ActivityEnd())
            assert await is_silent(live)

    async def test_an_idle_connection_is_closed(self) -> None:
        rule = 'when = "idle_s=0.1"\ndo = "deadline"'
        async with StandIn(plan=plan(rule)) as standin, session(standin) as live:
            assert (await closing(live))[0] == 1011


async def closing_error(live: AsyncSession) -> None:
    """Read until the SDK raises."""
    await take_until(live, "nothing ends this")


class TestTheReply:
    async def test_a_stall_does_not_outlast_the_server(self) -> None:
        began_s = time.monotonic()
        async with StandIn(plan=plan('when = "setup"\ndo = { action = "stall", seconds = 60 }')) as standin:
            connecting = asyncio.create_task(session(standin).__aenter__())
            await standin.wait_for(lambda record: record.connections and record.connections[0].faults)
        with pytest.raises((errors.APIError, ConnectionClosed)):
            await connecting
        assert time.monotonic() - began_s < 30

    async def test_it_stalls_once_and_goes_on(self) -> None:
        rule = 'when = "reply_ms=600"\nnth = 2\ndo = { action = "stall", seconds = 0.4 }'
        pace = Pace(thinking_s=0.0, speed=200.0, playout=0.0)
        async with StandIn(Tone(1.0), plan(rule), pace=pace) as standin, session(standin) as live:
            durations = []
            for turn in range(2):
                await say(live, speech(0.2))
                assert len(audio_of(await take_turn(live))) == 48_000
                reply = standin.record.turns[turn].reply
                assert reply.first_audio_s and reply.last_audio_s
                durations.append(reply.last_audio_s - reply.first_audio_s)
            assert durations[1] - durations[0] == pytest.approx(0.4, abs=0.2)

    @pytest.mark.parametrize(
        ("what", "error"),
        [
            ("unknown", TypeError),
            ("error", TypeError),
            ("flat_error", errors.ClientError),
            ("not_json", ValueError),
            ("not_text", UnicodeDecodeError),
            ("wrong_type", ValueError),
        ],
    )
    async def test_an_odd_message_leaves_the_connection_good(self, what: str, error: type[Exception]) -> None:
        rule = f'when = "reply_start"\ndo = {{ action = "send", what = "{what}" }}'
        async with StandIn(Tone(0.4), plan(rule), pace=FAST) as standin, session(standin) as live:
            await say(live, speech(0.2))
            with pytest.raises(error):
                await take_turn(live)
            assert len(audio_of(await take_turn(live))) == 19_200

    async def test_a_message_of_2_mib_needs_a_client_that_takes_it(self) -> None:
        rule = 'when = "reply_start"\nnth = "every"\ndo = { action = "send", what = "huge" }'
        async with StandIn(Tone(0.2), plan(rule), pace=FAST) as standin:
            async with session(standin) as live:
                await say(live, speech(0.2))
                assert (await closing(live))[0] == 1006
            async with session(standin, max_size=None) as live:
                await say(live, speech(0.2))
                assert len(audio_of(await take_turn(live))) == 9_600

    async def test_interrupted_and_audio_come_in_one_message(self) -> None:
        rule = 'when = "reply_ms=400"\ndo = "interrupted_with_audio"'
        async with StandIn(Tone(2.0), plan(rule), pace=FAST) as standin, session(standin) as live:
            await say(live, speech(0.2))
            messages = await take_turn(live)
            (cut,) = [m for m in messages if m.server_content and m.server_content.interrupted]
            assert audio_of([cut])
            assert kinds(messages)[-2:] == ["turn_complete", "usage_metadata"]
            assert "generation_complete" not in kinds(messages)

    async def test_interrupted_comes_without_a_turn(self) -> None:
        rule = 'when = "activity_start"\ndo = { action = "send", what = "interrupted" }'
        async with StandIn(Tone(0.2), plan(rule), pace=FAST) as standin, session(standin) as live:
            await live.send_realtime_input(activity_start=types.ActivityStart())
            await take_until(live, "interrupted")
            await live.send_realtime_input(activity_end=types.ActivityEnd())
            assert audio_of(await take_turn(live))

    async def test_turn_complete_comes_twice(self) -> None:
        rule = 'when = "turn_complete"\ndo = "turn_complete_twice"'
        async with StandIn(Tone(0.2), plan(rule), pace=FAST) as standin, session(standin) as live:
            await say(live, speech(0.2))
            assert audio_of(await take_turn(live))
            assert kinds(await take_turn(live)) == ["turn_complete", "usage_metadata"]

    async def test_turn_complete_never_comes(self) -> None:
        rule = 'when = "activity_end"\ndo = "turn_complete_missing"'
        async with StandIn(Tone(0.2), plan(rule), pace=FAST) as standin, session(standin) as live:
            await say(live, speech(0.2))
            await take_until(live, "generation_complete")
            assert await is_silent(live)
            assert standin.record.turns[0].reply.turn_complete_s is None
            await say(live, speech(0.2))
            assert audio_of(await take_turn(live))

    async def test_it_is_almost_silent(self) -> None:
        rule = 'when = "reply_start"\ndo = "near_silence"'
        async with StandIn(Tone(0.2), plan(rule), pace=FAST) as standin, session(standin) as live:
            await say(live, speech(0.2))
            samples = np.frombuffer(audio_of(await take_turn(live)), "<i2")
            assert len(samples) == 48_000
            assert 0 < np.abs(samples).max() <= 1

    async def test_it_is_rejected_without_audio(self) -> None:
        rule = 'when = "reply_start"\ndo = "reject"'
        async with StandIn(Tone(0.2), plan(rule), pace=FAST) as standin, session(standin) as live:
            await say(live, speech(0.2))
            messages = await take_turn(live)
            assert not audio_of(messages)
            assert "generation_complete" not in kinds(messages)
            reason = contents(messages)[-1].turn_complete_reason
            assert reason is types.TurnCompleteReason.RESPONSE_REJECTED


class TestInjecting:
    async def test_it_acts_on_what_is_set_up_and_says_how_many(self) -> None:
        async with StandIn() as standin:
            assert await standin.inject(StopAnswering()) == 0
            async with session(standin) as live:
                assert await standin.inject(Close(1008, "The operation was aborted.")) == 1
                assert await closing(live) == (1008, "The operation was aborted.")

    async def test_what_has_its_own_moment_needs_a_plan(self) -> None:
        async with StandIn() as standin, session(standin):
            with pytest.raises(ValueError, match="Speak needs a plan"):
                await standin.inject(Speak())
