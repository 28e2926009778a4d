"""The stand-in server through the real SDK: turns, replies, interruption, tools."""

from __future__ import annotations

import numpy as np
import pytest
from google.genai import errors, types
from standin_support import (
    FAST,
    audio_of,
    config,
    contents,
    kinds,
    say,
    send_audio,
    session,
    speech,
    take_turn,
    take_until,
)

from daemon.standin.plan import Plan
from daemon.standin.server import StandIn
from daemon.standin.voices import Echo, LongSpeech, NoAudio, Tone, resample
from daemon.standin.world import Pace


def correlation(left: bytes, right: bytes) -> float:
    """Of two signals of one rate, without shifting them."""
    count = min(len(left), len(right)) // 2
    one, other = (np.frombuffer(pcm, "<i2")[:count].astype(np.float64) for pcm in (left, right))
    return float(np.dot(one, other) / (np.linalg.norm(one) * np.linalg.norm(other)))


class TestATurn:
    async def test_the_echo_is_what_was_said(self) -> None:
        said = speech(1.5)
        async with StandIn(pace=FAST) as standin, session(standin) as live:
            await say(live, said)
            heard = audio_of(await take_turn(live))
            assert len(heard) == len(said) * 3 // 2
            assert correlation(resample(heard, 24_000, 16_000), said) > 0.99

    async def test_every_sample_is_recorded_with_its_time(self) -> None:
        said = speech(1.0)
        async with StandIn(pace=FAST) as standin, session(standin) as live:
            await say(live, said)
            await take_turn(live)
            (turn,) = standin.record.turns
            assert turn.pcm == said == turn.heard()
            assert turn.audio_s == pytest.approx(1.0)
            assert turn.ended_s is not None
            times = [turn.started_s, *(message.at_s for message in turn.audio), turn.ended_s]
            assert times == sorted(times)
            names = [event.kind for event in standin.record.events]
            assert names == ["setup", "activity_start", *["audio"] * 25, "activity_end"]

    async def test_messages_come_in_the_services_order(self) -> None:
        transcripts = types.AudioTranscriptionConfig()
        setup = config(input_audio_transcription=transcripts, output_audio_transcription=transcripts)
        async with StandIn(Tone(0.5), pace=FAST) as standin, session(standin, setup=setup) as live:
            await say(live, speech(0.4))
            messages = await take_turn(live)
            assert kinds(messages) == [
                "session_resumption_update",
                "input_transcription",
                "session_resumption_update",
                "model_turn",
                "output_transcription",
                "model_turn",
                "generation_complete",
                "turn_complete",
                "usage_metadata",
            ]
            resumable = [
                m.session_resumption_update.resumable for m in messages if m.session_resumption_update
            ]
            assert resumable == [True, None] or resumable == [True, False]
            texts = [c.output_transcription.text for c in contents(messages) if c.output_transcription]
            assert texts == ["(echo of 0.4 s)"]
            usage = messages[-1].usage_metadata
            assert usage is not None and usage.prompt_token_count == 10

    async def test_reply_messages_are_200_ms_and_faster_than_real_time(self) -> None:
        pace = Pace(thinking_s=0.0, speed=10.0, playout=0.0)
        async with StandIn(Tone(2.0), pace=pace) as standin, session(standin) as live:
            await say(live, speech(0.2))
            messages = await take_turn(live)
            sizes = [len(audio_of([message])) for message in messages if audio_of([message])]
            assert sizes == [9600] * 10
            reply = standin.record.turns[0].reply
            assert reply.first_audio_s is not None and reply.last_audio_s is not None
            assert 0.15 < reply.last_audio_s - reply.first_audio_s < 1.5

    async def test_turn_complete_waits_for_the_play_out(self) -> None:
        pace = Pace(thinking_s=0.0, speed=50.0)
        async with StandIn(Tone(0.6), pace=pace) as standin, session(standin) as live:
            await say(live, speech(0.2))
            await take_turn(live)
            reply = standin.record.turns[0].reply
            assert reply.first_audio_s and reply.generation_complete_s and reply.turn_complete_s
            assert reply.turn_complete_s - reply.first_audio_s == pytest.approx(0.6, abs=0.15)
            assert reply.generation_complete_s < reply.turn_complete_s

    async def test_a_turn_may_bring_no_audio(self) -> None:
        async with StandIn(NoAudio(), pace=FAST) as standin, session(standin) as live:
            await say(live, speech(0.2))
            messages = await take_turn(live)
            assert audio_of(messages) == b""
            assert kinds(messages)[-3:] == ["generation_complete", "turn_complete", "usage_metadata"]

    async def test_audio_outside_a_turn_is_discarded(self) -> None:
        async with StandIn(pace=FAST) as standin, session(standin) as live:
            await send_audio(live, speech(0.4, seed=1))
            await say(live, speech(0.2, seed=2))
            await take_turn(live)
            (connection,) = standin.record.connections
            assert connection.discarded_s == pytest.approx(0.4)
            assert connection.turns[0].pcm == speech(0.2, seed=2)
            assert connection.pcm == speech(0.4, seed=1) + speech(0.2, seed=2)

    async def test_text_is_a_turn(self) -> None:
        async with StandIn(pace=FAST) as standin, session(standin) as live:
            await live.send_realtime_input(text="hello")
            assert audio_of(await take_turn(live))
            content = types.Content(role="user", parts=[types.Part(text="good morning")])
            await live.send_client_content(turns=content, turn_complete=True)
            assert audio_of(await take_turn(live))
            assert [(turn.opened_by, turn.text) for turn in standin.record.turns] == [
                ("text", "hello"),
                ("content", "good morning"),
            ]

    async def test_other_rates_are_taken_and_brought_to_16_khz(self) -> None:
        said = speech(0.6)
        async with StandIn(pace=FAST) as standin, session(standin) as live:
            await live.send_realtime_input(activity_start=types.ActivityStart())
            blob = types.Blob(data=resample(said, 16_000, 48_000), mime_type="audio/pcm;rate=48000")
            await live.send_realtime_input(audio=blob)
            await live.send_realtime_input(activity_end=types.ActivityEnd())
            await take_turn(live)
            assert correlation(standin.record.turns[0].heard(), said) > 0.99

    async def test_the_voice_can_be_changed_between_turns(self) -> None:
        async with StandIn(NoAudio(), pace=FAST) as standin, session(standin) as live:
            await say(live, speech(0.2))
            assert not audio_of(await take_turn(live))
            standin.voice = Echo()
            await say(live, speech(0.2))
            assert audio_of(await take_turn(live))

    async def test_what_is_forgotten_leaves_the_open_connection_and_nothing_that_was_said(self) -> None:
        async with StandIn(pace=FAST) as standin:
            async with session(standin) as live:
                await say(live, speech(1.0))
                await take_turn(live)
                standin.record.forget()
                (connection,) = standin.record.connections
                assert connection.open
                assert not connection.turns and not connection.audio and not standin.record.events
                await say(live, speech(0.5))
                await take_turn(live)
                assert [round(turn.audio_s, 1) for turn in standin.record.turns] == [0.5]
            await standin.record.wait_for(lambda record: not record.connections[0].open)
            standin.record.forget()
            assert not standin.record.connections


class TestInterruption:
    @pytest.mark.parametrize("moment", ["thinking", "generating", "playing"])
    async def test_a_new_activity_cuts_the_reply(self, moment: str) -> None:
        speed = 100.0 if moment == "playing" else 2.0
        pace = Pace(thinking_s=30.0 if moment == "thinking" else 0.0, speed=speed)
        async with StandIn(Tone(3.0), pace=pace) as standin, session(standin) as live:
            await say(live, speech(0.2))
            if moment == "thinking":
                await standin.wait_for(lambda record: record.turns and record.turns[0].ended_s)
            elif moment == "generating":
                await standin.wait_for(lambda record: record.turns and record.turns[0].reply.audio_bytes)
            else:
                await standin.wait_for(
                    lambda record: record.turns and record.turns[0].reply.generation_complete_s
                )
            await live.send_realtime_input(activity_start=types.ActivityStart())
            spoken = kinds(await take_turn(live))
            assert spoken[-3:] == ["interrupted", "turn_complete", "usage_metadata"]
            assert ("generation_complete" in spoken) == (moment == "playing")
            assert standin.record.turns[0].reply.interrupted_s is not None

    async def test_after_the_turn_nothing_is_interrupted(self) -> None:
        async with StandIn(Tone(0.2), pace=FAST) as standin, session(standin) as live:
            for _ in range(2):
                await say(live, speech(0.2))
                assert "interrupted" not in kinds(await take_turn(live))

    async def test_content_interrupts_even_without_turn_complete(self) -> None:
        async with StandIn(LongSpeech(20.0)) as standin, session(standin) as live:
            await say(live, speech(0.2))
            await standin.wait_for(lambda record: record.turns and record.turns[0].reply.audio_bytes)
            await live.send_client_content(turn_complete=False)
            assert "interrupted" in kinds(await take_turn(live))

    async def test_no_interruption_lets_the_reply_finish_first(self) -> None:
        handling = types.ActivityHandling.NO_INTERRUPTION
        detection = types.AutomaticActivityDetection(disabled=True)
        setup = config(
            realtime_input_config=types.RealtimeInputConfig(
                automatic_activity_detection=detection, activity_handling=handling
            )
        )
        async with StandIn(Tone(0.4), pace=Pace(0.05, speed=4.0)) as standin:
            async with session(standin, setup=setup) as live:
                await say(live, speech(0.2))
                await say(live, speech(0.2))
                turns = [await take_turn(live), await take_turn(live)]
                assert all("interrupted" not in kinds(turn) for turn in turns)
                assert all(len(audio_of(turn)) == 19_200 for turn in turns)


class TestAutomaticDetection:
    async def test_speech_opens_a_turn_and_silence_ends_it(self) -> None:
        async with StandIn(pace=FAST) as standin, session(standin, setup=config(manual=False)) as live:
            await send_audio(live, bytes(32_000) + speech(1.0) + bytes(16_000))
            messages = await take_turn(live)
            (turn,) = standin.record.turns
            assert (turn.opened_by, turn.ended_by) == ("speech", "silence")
            assert speech(1.0) in turn.pcm
            assert 1.2 < turn.audio_s < 1.8
            assert audio_of(messages)

    async def test_audio_stream_end_ends_the_turn(self) -> None:
        async with StandIn(pace=FAST) as standin, session(standin, setup=config(manual=False)) as live:
            await send_audio(live, speech(0.5))
            await live.send_realtime_input(audio_stream_end=True)
            await take_turn(live)
            assert standin.record.turns[0].ended_by == "audio_stream_end"

    async def test_speech_over_the_reply_interrupts_it(self) -> None:
        voice = LongSpeech(20.0)
        async with StandIn(voice) as standin, session(standin, setup=config(manual=False)) as live:
            await send_audio(live, speech(0.5) + bytes(16_000))
            await standin.wait_for(lambda record: record.turns and record.turns[0].reply.audio_bytes)
            await send_audio(live, speech(0.5))
            assert "interrupted" in kinds(await take_turn(live))


class TestTools:
    PLAN = Plan.from_toml(
        '[[rule]]\nwhen = "reply_start"\n'
        'do = { action = "call_tool", name = "set_volume", args = { percent = 30 } }\n'
    )

    async def test_the_reply_waits_for_the_answer(self) -> None:
        async with StandIn(Tone(0.2), self.PLAN, pace=FAST) as standin, session(standin) as live:
            await say(live, speech(0.2))
            call = (await take_until(live, "tool_call")).tool_call
            assert call is not None and call.function_calls is not None
            (asked,) = call.function_calls
            assert (asked.name, asked.args) == ("set_volume", {"percent": 30})
            assert standin.record.turns[0].reply.audio_bytes == 0
            answer = types.FunctionResponse(id=asked.id, name=asked.name, response={"output": "done"})
            await live.send_tool_response(function_responses=answer)
            assert audio_of(await take_turn(live))

    async def test_a_cut_cancels_the_call_and_a_late_answer_is_counted(self) -> None:
        async with StandIn(Tone(0.2), self.PLAN, pace=FAST) as standin, session(standin) as live:
            await say(live, speech(0.2))
            call = (await take_until(live, "tool_call")).tool_call
            assert call is not None and call.function_calls is not None
            await live.send_realtime_input(activity_start=types.ActivityStart())
            messages = await take_turn(live)
            (cancelled,) = [m.tool_call_cancellation for m in messages if m.tool_call_cancellation]
            assert cancelled.ids == [call.function_calls[0].id]
            answer = types.FunctionResponse(id=call.function_calls[0].id, name="set_volume", response={})
            await live.send_tool_response(function_responses=answer)
            await standin.wait_for(lambda record: record.connections[0].late_answers == 1)

    async def test_an_answer_nobody_asked_for_is_refused(self) -> None:
        async with StandIn(pace=FAST) as standin, session(standin) as live:
            answer = types.FunctionResponse(id="none", name="set_volume", response={})
            await live.send_tool_response(function_responses=answer)
            with pytest.raises(errors.APIError, match="Requested entity was not found") as raised:
                await take_until(live, "turn_complete")
            assert raised.value.code == 1008
