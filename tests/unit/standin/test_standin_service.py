"""What a plan may choose of the service, and what it may send: each through the real SDK."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.genai import errors, types
from google.genai.live import AsyncSession
from standin_support import (
    FAST,
    audio_of,
    config,
    contents,
    handle_from,
    kinds,
    raw_client,
    say,
    send_audio,
    session,
    setup_message,
    speech,
    take_turn,
    take_until,
    tell,
)
from websockets.exceptions import InvalidStatus

from daemon.standin.actions import Ground, Think, When, WorkAWhile, Write
from daemon.standin.door.credentials import ApiKeys
from daemon.standin.plan import Plan, Rule
from daemon.standin.server import StandIn
from daemon.standin.service import Service
from daemon.standin.voices import Echo, Recall, Tone

TRANSCRIPTS: Any = {
    "input_audio_transcription": types.AudioTranscriptionConfig(),
    "output_audio_transcription": types.AudioTranscriptionConfig(),
}
OLD = "gemini-3.1-flash-live-preview"
OLDER = "gemini-2.5-flash-native-audio-preview-12-2025"


def choosing(**choices: Any) -> Plan:
    """A plan without rules."""
    return Plan(service=Service(**choices))


def replying(*actions: Any) -> Plan:
    """A plan that does this in the first reply."""
    return Plan((Rule(When.REPLY_START, actions),))


def heard_words(messages: list[types.LiveServerMessage]) -> list[str]:
    """The pieces of the user's transcript."""
    said = [content.input_transcription for content in contents(messages)]
    return [(one.text or "").strip() for one in said if one]


class TestTranscripts:
    async def test_pieces_come_while_each_side_speaks(self) -> None:
        plan = choosing(transcripts="pieces")
        async with StandIn(Tone(0.5), plan, pace=FAST) as standin:
            async with session(standin, setup=config(**TRANSCRIPTS)) as live:
                await live.send_realtime_input(activity_start=types.ActivityStart())
                await send_audio(live, speech(1.2))
                early = await take_until(live, "input_transcription")
                assert standin.record.turns[0].ended_s is None
                await live.send_realtime_input(activity_end=types.ActivityEnd())
                messages = [early, *await take_turn(live)]
                assert heard_words(messages) == [
                    "(0.5 s of speech)",
                    "(0.5 s of speech)",
                    "(0.2 s of speech)",
                ]
                spoken = [c.output_transcription for c in contents(messages) if c.output_transcription]
                assert [one.text for one in spoken] == [
                    "(echo of 0.2 s) ",
                    "(echo of 0.2 s) ",
                    "(echo of 0.1 s) ",
                ]

    async def test_a_model_that_transcribes_sends_hypotheses_and_says_nothing(self) -> None:
        setup = types.LiveConnectConfig(response_modalities=[types.Modality.TEXT], **TRANSCRIPTS)
        model = "gemini-3.5-transcribe-live"
        async with StandIn(pace=FAST) as standin, session(standin, model=model, setup=setup) as live:
            await send_audio(live, speech(1.1) + bytes(32_000))
            messages = await take_turn(live)
            interim = [c.interim_input_transcription for c in contents(messages)]
            assert [one.text for one in interim if one][:2] == ["(0.5 s of speech)", "(1.0 s of speech)"]
            final = [c.input_transcription for c in contents(messages) if c.input_transcription]
            assert [one.finished for one in final] == [True]
            assert audio_of(messages) == b""

    async def test_a_model_that_translates_answers_sound_and_takes_no_text(self) -> None:
        translation = types.TranslationConfig(target_language_code="pl", echo_target_language=True)
        setup = config(translation_config=translation)
        model = "gemini-3.5-live-translate-preview"
        async with StandIn(pace=FAST) as standin, session(standin, model=model, setup=setup) as live:
            await say(live, speech(0.3))
            assert audio_of(await take_turn(live))
            await live.send_realtime_input(text="hello")
            with pytest.raises(errors.APIError, match="invalid argument"):
                await take_until(live, "turn_complete")


class TestContents:
    async def test_one_message_may_hold_sound_words_and_the_end(self) -> None:
        async with StandIn(Tone(0.3), choosing(combined=True), pace=FAST) as standin:
            async with session(standin, setup=config(**TRANSCRIPTS)) as live:
                await say(live, speech(0.2))
                messages = await take_turn(live)
                last = messages[-1]
                assert audio_of(messages) and audio_of([last])
                assert {"generation_complete", "turn_complete"} <= set(kinds([last]))
                first = next(one for one in messages if audio_of([one]))
                assert "output_transcription" in kinds([first])

    async def test_the_oldest_models_never_combine(self) -> None:
        async with StandIn(Tone(0.3), choosing(combined=True), pace=FAST) as standin:
            async with session(standin, model=OLDER, setup=config(**TRANSCRIPTS)) as live:
                await say(live, speech(0.2))
                assert all(len(kinds([one])) == 1 for one in (await take_turn(live))[:-1])

    async def test_thoughts_and_text_are_parts_of_the_turn(self) -> None:
        plan = replying(Think("They want the time."), Write("It is noon."))
        async with StandIn(Tone(0.2), plan, pace=FAST) as standin, session(standin) as live:
            await say(live, speech(0.2))
            messages = await take_turn(live)
            turns = [content.model_turn for content in contents(messages) if content.model_turn]
            parts = [part for turn in turns for part in turn.parts or [] if part.text]
            assert [(part.text, bool(part.thought)) for part in parts] == [
                ("They want the time.", True),
                ("It is noon.", False),
            ]
            assert audio_of(messages)

    async def test_an_answer_may_be_grounded(self) -> None:
        plan = replying(Ground(query="weather", uri="https://example.com", title="Rain"))
        async with StandIn(Tone(0.2), plan, pace=FAST) as standin, session(standin) as live:
            await say(live, speech(0.2))
            found = [c.grounding_metadata for c in contents(await take_turn(live)) if c.grounding_metadata]
            assert [one.web_search_queries for one in found] == [["weather"]]
            chunks = found[0].grounding_chunks or []
            assert [chunk.web and chunk.web.uri for chunk in chunks] == ["https://example.com"]

    @pytest.mark.parametrize("turn_complete", [True, False])
    @pytest.mark.parametrize("generation_complete", [True, False])
    async def test_work_is_announced_and_its_answer_follows(
        self, turn_complete: bool, generation_complete: bool
    ) -> None:
        work = WorkAWhile(0.05, 0.2, generation_complete=generation_complete, turn_complete=turn_complete)
        async with StandIn(Tone(0.4), replying(work), pace=FAST) as standin, session(standin) as live:
            await say(live, speech(0.2))
            messages = await take_turn(live)
            statuses = [c.interaction_status for c in contents(messages) if c.interaction_status]
            assert [status.value for status in statuses] == ["IN_PROGRESS", "IDLE"]
            assert len(audio_of(messages)) == round((0.2 + 0.4) * 48_000)
            assert sum(bool(c.turn_complete) for c in contents(messages)) == 1 + turn_complete
            assert sum(bool(c.generation_complete) for c in contents(messages)) == 1 + generation_complete
            assert standin.record.turns[0].reply.audio_bytes == len(audio_of(messages))

    async def test_every_turn_may_tell_that_the_service_is_idle(self) -> None:
        plan = choosing(interaction_status=True)
        async with StandIn(Tone(0.2), plan, pace=FAST) as standin, session(standin) as live:
            await say(live, speech(0.2))
            assert contents(await take_turn(live))[-1].interaction_status == types.InteractionStatus.IDLE

    async def test_detection_tells_when_speech_begins_and_ends(self) -> None:
        plan = choosing(voice_activity=True)
        async with StandIn(Tone(0.2), plan, pace=FAST) as standin:
            async with session(standin, setup=config(manual=False)) as live:
                await send_audio(live, bytes(32_000) + speech(1.0) + bytes(16_000))
                messages = await take_turn(live)
                told = [one.voice_activity for one in messages if one.voice_activity]
                assert [one.voice_activity_type and one.voice_activity_type.value for one in told] == [
                    "ACTIVITY_START",
                    "ACTIVITY_END",
                ]
                offsets = [float((one.audio_offset or "").removesuffix("s")) for one in told]
                assert offsets == [pytest.approx(1.06, abs=0.05), pytest.approx(2.3, abs=0.05)]


class TestDetection:
    @pytest.mark.parametrize("chunk_s", [0.02, 0.1, 1.0, 4.0])
    async def test_the_size_of_the_messages_does_not_matter(self, chunk_s: float) -> None:
        said = bytes(19_200) + speech(1.2) + bytes(38_400) + speech(0.6, seed=2) + bytes(38_400)
        async with StandIn(Tone(0.1), pace=FAST) as standin:
            async with session(standin, setup=config(manual=False)) as live:
                await send_audio(live, said, chunk_bytes=round(chunk_s * 32_000))
                await standin.wait_for(
                    lambda record: sum(one.ended_s is not None for one in record.turns) == 2
                )
                first, second = standin.record.turns
                assert first.audio_s == pytest.approx(0.3 + 1.2 + 0.3, abs=0.13)
                assert second.audio_s == pytest.approx(0.3 + 0.6 + 0.3, abs=0.13)
                assert speech(1.2) in first.pcm and speech(0.6, seed=2) in second.pcm


class TestHistory:
    async def test_a_voice_answers_from_what_was_said_before_and_after_a_resumption(self) -> None:
        async with StandIn(Recall(), pace=FAST) as standin:
            async with session(standin) as live:
                await say(live, speech(0.5, seed=3))
                await take_turn(live)
                await say(live, speech(0.2))
                assert len(audio_of(await take_turn(live))) == round(0.5 * 48_000)
                handle = await handle_from([await take_until(live, "session_resumption_update")])
            setup = config(session_resumption=types.SessionResumptionConfig(handle=handle), **TRANSCRIPTS)
            async with session(standin, setup=setup) as live:
                await say(live, speech(0.3))
                assert len(audio_of(await take_turn(live))) == round(0.2 * 48_000)

    async def test_content_is_remembered_without_having_been_answered(self) -> None:
        async with StandIn(Recall(), pace=FAST) as standin:
            async with session(standin, setup=config(**TRANSCRIPTS)) as live:
                told = types.Content(role="user", parts=[types.Part(text="my name is Ada")])
                await live.send_client_content(turns=told, turn_complete=False)
                await say(live, speech(0.2))
                messages = await take_turn(live)
                words = [c.output_transcription.text for c in contents(messages) if c.output_transcription]
                assert words == ["(before: my name is Ada)"]

    async def test_each_turn_costs_all_that_was_said_before(self) -> None:
        setup = config(system_instruction="x" * 40)
        async with StandIn(Tone(1.0), pace=FAST) as standin, session(standin, setup=setup) as live:
            counts = []
            for _ in range(3):
                await say(live, speech(0.4))
                usage = (await take_turn(live))[-1].usage_metadata
                assert usage is not None
                counts.append((usage.prompt_token_count, usage.response_token_count))
            assert counts == [(20, 25), (55, 25), (90, 25)]

    async def test_compression_keeps_the_context_small(self) -> None:
        window = types.SlidingWindow(target_tokens=20)
        setup = config(
            context_window_compression=types.ContextWindowCompressionConfig(
                trigger_tokens=50, sliding_window=window
            )
        )
        async with StandIn(Tone(1.0), pace=FAST) as standin, session(standin, setup=setup) as live:
            prompts = []
            for _ in range(3):
                await say(live, speech(0.4))
                usage = (await take_turn(live))[-1].usage_metadata
                prompts.append(usage.prompt_token_count if usage else None)
            assert prompts == [10, 45, 20]


class TestLimits:
    async def test_a_connection_ends_in_time_and_says_so_before(self) -> None:
        plan = choosing(connection_s=0.4, go_away_s=0.2)
        async with StandIn(plan=plan, pace=FAST) as standin, session(standin) as live:
            handle = await handle_from([await take_until(live, "session_resumption_update")])
            notice = (await take_until(live, "go_away")).go_away
            assert notice is not None and notice.time_left == "0.2s"
            assert await end_of(live) == (1011, "Deadline expired before operation could complete.")
            await standin.wait_for(lambda record: not record.connections[0].open)
            resumed = config(session_resumption=types.SessionResumptionConfig(handle=handle))
            async with session(standin, setup=resumed):
                assert standin.record.connections[1].resumed

    @pytest.mark.parametrize("compressed", [False, True])
    async def test_a_session_ends_in_time_unless_it_is_compressed(self, compressed: bool) -> None:
        plan = choosing(session_s=0.3, go_away_s=0.1)
        window = types.ContextWindowCompressionConfig(sliding_window=types.SlidingWindow())
        setup = config(context_window_compression=window if compressed else None)
        async with StandIn(plan=plan, pace=FAST) as standin, session(standin, setup=setup) as live:
            handle = await handle_from([await take_until(live, "session_resumption_update")])
            if compressed:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(end_of(live), 0.5)
                return
            assert (await end_of(live))[0] == 1011
            await standin.wait_for(lambda record: not record.connections[0].open)
            with pytest.raises(errors.APIError, match="1007"):
                async with session(
                    standin, setup=config(session_resumption=types.SessionResumptionConfig(handle=handle))
                ):
                    pass

    async def test_a_quota_is_used_up_for_all(self) -> None:
        async with StandIn(Tone(1.0), choosing(quota_tokens=30), pace=FAST) as standin:
            async with session(standin) as live:
                await say(live, speech(0.4))
                await take_turn(live)
                await say(live, speech(0.4))
                code, reason = await end_of(live)
                assert code == 1011 and "exceeded your current quota" in reason
            with pytest.raises(errors.APIError, match="exceeded your current quota"):
                async with session(standin):
                    pass

    async def test_more_connections_than_allowed_are_refused(self) -> None:
        async with StandIn(plan=choosing(connections=1), pace=FAST) as standin:
            async with session(standin):
                with pytest.raises(InvalidStatus) as raised:
                    async with session(standin):
                        pass
                assert raised.value.response.status_code == 429
            await standin.wait_for(lambda record: not record.connections[0].open)
            async with session(standin):
                pass


async def end_of(live: AsyncSession) -> tuple[int, str]:
    """Read to the end; the code and reason."""
    with pytest.raises(errors.APIError) as raised:
        await take_until(live, "nothing ends this")
    return raised.value.code, str(raised.value.details)


class TestWhereReportsConflict:
    @pytest.mark.parametrize("choice", ["refused", "taken"])
    async def test_content_on_3_1(self, choice: str) -> None:
        async with StandIn(Tone(0.2), choosing(content_on_3_1=choice), pace=FAST) as standin:
            async with session(standin, model=OLD) as live:
                told = types.Content(role="user", parts=[types.Part(text="hello")])
                await live.send_client_content(turns=told, turn_complete=True)
                if choice == "taken":
                    assert audio_of(await take_turn(live))
                else:
                    assert (await end_of(live))[0] == 1007

    @pytest.mark.parametrize("choice", ["refused", "taken"])
    async def test_audio_during_a_call_on_2_5(self, choice: str) -> None:
        rules = Plan.from_toml('[[rule]]\nwhen="reply_start"\ndo={action="call_tool", name="f"}').rules
        plan = Plan(rules, Service(audio_in_call_on_2_5=choice))
        async with StandIn(Tone(0.2), plan, pace=FAST) as standin, session(standin, model=OLDER) as live:
            await say(live, speech(0.2))
            call = (await take_until(live, "tool_call")).tool_call
            assert call is not None and call.function_calls is not None
            await send_audio(live, speech(0.1))
            if choice == "refused":
                assert (await end_of(live))[0] == 1008
                return
            answer = types.FunctionResponse(id=call.function_calls[0].id, name="f", response={})
            await live.send_tool_response(function_responses=answer)
            assert audio_of(await take_turn(live))


class TestFunctions:
    @pytest.mark.parametrize(
        ("model", "behavior", "taken"),
        [
            (OLDER, "BLOCKING", True),
            (OLDER, "NON_BLOCKING", True),
            (OLD, "BLOCKING", True),
            (OLD, "NON_BLOCKING", False),
            ("gemini-3.8-live", "BLOCKING", True),
            ("gemini-3.8-live-extended-thinking", "BLOCKING", False),
            ("gemini-3.8-live-extended-thinking", "NON_BLOCKING", True),
            ("gemini-3.8-live-extended-thinking", "UNSPECIFIED", True),
        ],
    )
    async def test_what_a_declaration_may_say_of_waiting(
        self, model: str, behavior: str, taken: bool
    ) -> None:
        tools = [{"functionDeclarations": [{"name": "f", "behavior": behavior}]}]
        thinking = {"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}}
        extra = thinking if model.endswith("thinking") else {}
        async with StandIn(pace=FAST) as standin, raw_client(standin) as websocket:
            await tell(websocket, setup_message(model=f"models/{model}", tools=tools, **extra))
            await standin.wait_for(
                lambda record: record.connections[0].setup_complete_s or not record.connections[0].open
            )
            assert (standin.record.connections[0].setup_complete_s is not None) == taken

    async def test_a_function_that_came_later_blocks_no_reply_on_3_8(self) -> None:
        rules = Plan.from_toml('[[rule]]\nwhen="reply_start"\ndo={action="call_tool", name="later"}')
        async with StandIn(Tone(0.2), rules, pace=FAST) as standin, session(standin) as live:
            declared = types.Tool(function_declarations=[types.FunctionDeclaration(name="later")])
            await live.send_context_update(tools=[declared])
            await say(live, speech(0.2))
            messages = await take_turn(live)
            assert "tool_call" in kinds(messages) and audio_of(messages)

    async def test_a_wrong_declaration_that_comes_later_is_refused(self) -> None:
        async with StandIn(pace=FAST) as standin, session(standin) as live:
            declared = types.Tool(function_declarations=[types.FunctionDeclaration(name="no name")])
            await live.send_context_update(tools=[declared])
            assert await end_of(live) == (1007, "Invalid function name: no name.")


async def test_pictures_are_kept_with_their_time() -> None:
    async with StandIn(Echo(), pace=FAST) as standin, session(standin) as live:
        await live.send_realtime_input(video=types.Blob(data=b"\xff\xd8one", mime_type="image/jpeg"))
        await live.send_realtime_input(video=types.Blob(data=b"\xff\xd8two", mime_type="image/jpeg"))
        await standin.wait_for(lambda record: len(record.connections[0].video) == 2)
        frames = standin.record.connections[0].video
        assert [frame.data for frame in frames] == [b"\xff\xd8one", b"\xff\xd8two"]
        assert frames[0].at_s <= frames[1].at_s
        assert not any("one" in str(event.payload) for event in standin.record.events)


async def test_a_key_that_is_none_of_the_good_ones_is_refused() -> None:
    async with StandIn(keys=ApiKeys(only=frozenset(["right"])), pace=FAST) as standin:
        with pytest.raises(errors.APIError, match="API key not valid"):
            async with session(standin, key="wrong"):
                pass
        async with session(standin, key="right"):
            pass
