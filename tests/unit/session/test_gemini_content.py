"""Speech and answers over plain HTTP: the real SDK over a real socket to the stand-in or an odd server."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import aclosing
from typing import Any

import pytest
from odd_http import answering, google_error, http
from standin_support import FAST, plan, speech

from daemon.config.secret import Secret
from daemon.config.settings import LiveSettings
from daemon.server_events import TurnComplete, Usage
from daemon.session.content import (
    AnswerPart,
    Contribution,
    FunctionCall,
    FunctionResult,
    NotSpoken,
    Spoken,
    Words,
)
from daemon.session.failures import FailureKind, LinkError
from daemon.session.gemini import content
from daemon.session.gemini.client import LiveClient
from daemon.session.gemini.wire import MAX_BODY_BYTES, MAX_BODY_MARKS
from daemon.standin.door.credentials import ApiKeys
from daemon.standin.plan import Plan
from daemon.standin.server import StandIn
from daemon.standin.voices import read_aloud
from daemon.tools.declaring.declarations import Declaration

KEY = Secret("s3cret-key")
HELLO = "The washing machine has finished."
ASKED = (Contribution(by_model=False, parts=(Spoken(speech(0.5)),)),)
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Declaration("weather", "Tells the weather.", CITY, behavior="BLOCKING")


def client_of(standin: StandIn) -> LiveClient:
    trust = standin.client_ssl_context()
    return LiveClient(LiveSettings(setup_timeout_s=5.0), KEY, base_url=standin.base_url, trust=trust)


def standin_of(what: Plan | None = None, **options: Any) -> StandIn:
    return StandIn(plan=what, pace=FAST, **options)


async def spoken(client: LiveClient, text: str = HELLO, **options: Any) -> bytes:
    async with aclosing(client.content.speak(text, **options)) as pieces:
        return b"".join([piece async for piece in pieces])


async def answered(
    client: LiveClient, said: tuple[Contribution, ...] = ASKED, **options: Any
) -> list[AnswerPart]:
    async with aclosing(client.content.answer(said, **options)) as parts:
        return [part async for part in parts]


def words_of(parts: list[AnswerPart]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Words))


class TestSpeech:
    async def test_the_service_is_given_the_text_word_for_word_with_voice_and_language(self) -> None:
        async with standin_of() as standin:
            sound = await spoken(client_of(standin), voice="Kore", language="de-DE")
            asked = standin.record.contents[-1]
        assert asked.text == HELLO and asked.model == "gemini-3.8-flash-lite-tts"
        assert asked.body == {
            "contents": [{"role": "user", "parts": [{"text": HELLO}]}],
            "generationConfig": {
                "responseModalities": ["AUDIO"],
                "speechConfig": {
                    "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}},
                    "languageCode": "de-DE",
                },
            },
        }
        assert sound == read_aloud(HELLO, "Kore")

    async def test_it_comes_piece_by_piece(self) -> None:
        async with standin_of() as standin:
            async with aclosing(client_of(standin).content.speak(HELLO)) as pieces:
                first = await anext(pieces)
        assert 0 < len(first) < len(read_aloud(HELLO))

    async def test_the_model_is_that_of_the_settings_unless_another_is_named(self) -> None:
        async with standin_of() as standin:
            trust = standin.client_ssl_context()
            settings = LiveSettings(speech_model="gemini-3.8-flash-tts")
            client = LiveClient(settings, KEY, base_url=standin.base_url, trust=trust)
            await spoken(client)
            await spoken(client, model="gemini-3.8-flash-lite-tts")
            asked = [one.model for one in standin.record.contents]
        assert asked == ["gemini-3.8-flash-tts", "gemini-3.8-flash-lite-tts"]

    async def test_without_a_voice_none_is_named(self) -> None:
        async with standin_of() as standin:
            await spoken(client_of(standin))
            assert standin.record.contents[-1].body["generationConfig"] == {"responseModalities": ["AUDIO"]}

    async def test_a_refused_text_is_told_with_the_service_s_word(self) -> None:
        refusing = plan('when = "content"\ndo = { action = "reject", reason = "PROHIBITED_CONTENT" }')
        async with standin_of(refusing) as standin:
            with pytest.raises(NotSpoken, match="PROHIBITED_CONTENT"):
                await spoken(client_of(standin))

    async def test_an_answer_without_sound_is_no_speech(self) -> None:
        silent = plan('when = "content"\ndo = { action = "speak", voice = "none" }')
        async with standin_of(silent) as standin:
            with pytest.raises(NotSpoken, match="no sound came"):
                await spoken(client_of(standin))

    async def test_a_text_that_takes_too_long_is_given_up(self) -> None:
        endless = plan('when = "content"\ndo = { action = "speak", voice = "long" }')
        async with standin_of(endless) as standin:
            with pytest.raises(NotSpoken, match="longer than 1 s"), pytest.MonkeyPatch.context() as patch:
                patch.setattr(content, "MAX_SPEECH_S", 1.0)
                await spoken(client_of(standin))

    async def test_who_leaves_is_sent_nothing_more(self) -> None:
        long = plan('when = "content"\ndo = { action = "speak", voice = "long" }')
        async with standin_of(long) as standin:
            async with aclosing(client_of(standin).content.speak(HELLO)) as pieces:
                await anext(pieces)
            await standin.wait_for(lambda record: not record.connections[-1].open)
            assert standin.record.contents[-1].complete_s is None


def speech_of(*parts: dict[str, Any], reason: str = "STOP") -> bytes:
    """A whole stream with these parts, as the service writes it."""
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": reason}
    body = f"data: {json.dumps({'candidates': [candidate]})}\r\n\r\n"
    return http(200, body, "Content-Type: text/event-stream")


def blob(data: str, kind: str) -> dict[str, Any]:
    return {"inlineData": {"mimeType": kind, "data": data}}


class TestWhatIsTakenForSound:
    @staticmethod
    async def heard(*parts: dict[str, Any]) -> bytes:
        async with answering(speech_of(*parts)) as (base_url, _):
            return await spoken(LiveClient(LiveSettings(), KEY, base_url=base_url))

    @pytest.mark.parametrize(
        "kind", ["audio/L16;codec=pcm;rate=24000", "audio/l16; rate=24000; channels=1", "audio/pcm", ""]
    )
    async def test_the_kinds_that_the_service_is_known_to_name(self, kind: str) -> None:
        assert await self.heard(blob("AQIDBA==", kind)) == b"\1\2\3\4"

    async def test_half_a_sample_waits_for_its_other_half_and_the_last_half_is_left_out(self) -> None:
        assert await self.heard(blob("AQID", "audio/pcm"), blob("BAU=", "audio/pcm")) == b"\1\2\3\4"

    async def test_a_file_s_head_is_no_sound(self) -> None:
        file = base64.b64encode(content.wav_of(b"\1\2\3\4")).decode()
        assert await self.heard(blob(file, "audio/wav")) == b"\1\2\3\4"

    async def test_a_file_without_sound_is_silence(self) -> None:
        with pytest.raises(NotSpoken, match="no sound"):
            await self.heard(blob("UklGRg==", "audio/wav"))

    @pytest.mark.parametrize("kind", ["audio/mpeg", "audio/L16;rate=16000", "image/jpeg"])
    async def test_another_format_is_not_played(self, kind: str) -> None:
        with pytest.raises(NotSpoken, match="another format"):
            await self.heard(blob("AQID", kind))


class TestAnswers:
    async def test_an_utterance_is_sent_as_a_file_and_its_answer_is_streamed(self) -> None:
        async with standin_of() as standin:
            parts = await answered(client_of(standin), instruction="Be brief.")
            asked = standin.record.contents[-1]
        assert words_of(parts) == "(echo of 0.5 s)"
        assert isinstance(parts[-2], Usage) and parts[-2].prompt_tokens > 0
        assert parts[-1] == TurnComplete("")
        assert asked.heard_s == pytest.approx(0.5)
        assert asked.body["systemInstruction"]["parts"] == [{"text": "Be brief."}]
        assert asked.body["contents"][0]["parts"][0]["inlineData"]["mimeType"] == "audio/wav"

    async def test_the_words_come_while_they_are_written(self) -> None:
        text = "One two three four. Five six seven eight. Nine."
        async with standin_of(
            plan(f'when = "content"\ndo = {{ action = "write", text = "{text}" }}')
        ) as standin:
            parts = await answered(client_of(standin))
        assert words_of(parts) == text
        assert len([part for part in parts if isinstance(part, Words)]) > 1

    async def test_what_was_said_before_goes_with_it(self) -> None:
        before = (
            Contribution(by_model=False, parts=(Words("Who are you?"),)),
            Contribution(by_model=True, parts=(Words("A parrot.", signature=b"s"),)),
        )
        async with standin_of() as standin:
            await answered(client_of(standin), before + ASKED)
            contents = standin.record.contents[-1].body["contents"]
        assert [one["role"] for one in contents] == ["user", "model", "user"]
        assert contents[1]["parts"] == [{"text": "A parrot.", "thoughtSignature": "(1 bytes)"}]

    async def test_a_call_is_answered_by_going_on_with_the_conversation(self) -> None:
        calling = plan(
            'when = "content"\ndo = [{ action = "call_tool", name = "weather", args = { city = "Rome" } }, '
            '{ action = "call_tool", name = "weather", args = { city = "Oslo" } }]'
        )
        async with standin_of(calling) as standin:
            client = client_of(standin)
            calls = [
                one for one in await answered(client, declarations=[WEATHER]) if isinstance(one, FunctionCall)
            ]
            results = tuple(FunctionResult(one.call_id, one.name, {"output": "sunny"}) for one in calls)
            said = (
                *ASKED,
                Contribution(by_model=True, parts=tuple(calls)),
                Contribution(by_model=False, parts=results),
            )
            parts = await answered(client, said, declarations=[WEATHER])
            declared = standin.record.contents[-1].body["tools"]
        assert [one.arguments for one in calls] == [{"city": "Rome"}, {"city": "Oslo"}]
        assert [bool(one.signature) for one in calls] == [True, False]
        assert words_of(parts) == "(echo of 0.5 s)"
        assert "behavior" not in declared[0]["functionDeclarations"][0]
        assert declared[0]["functionDeclarations"][0]["parameters"]["properties"]["city"]["type"] == "STRING"

    @pytest.mark.parametrize(
        ("declarations", "tools"),
        [([], [{"googleSearch": {}}]), ([WEATHER], [{"functionDeclarations": ["weather"]}])],
    )
    async def test_it_searches_only_where_it_has_no_functions(
        self, declarations: list[Declaration], tools: list[Any]
    ) -> None:
        async with standin_of() as standin:
            await answered(client_of(standin), declarations=declarations, search=True)
            told = standin.record.contents[-1].body["tools"]
        for tool in told:
            if "functionDeclarations" in tool:
                tool["functionDeclarations"] = [one["name"] for one in tool["functionDeclarations"]]
        assert told == tools

    async def test_a_refused_answer_ends_with_the_service_s_word(self) -> None:
        async with standin_of(
            plan('when = "content"\ndo = { action = "reject", reason = "SAFETY" }')
        ) as standin:
            assert await answered(client_of(standin)) == [Usage(0, 0), TurnComplete("SAFETY")]

    async def test_a_refused_question_ends_with_the_service_s_word(self) -> None:
        body = 'data: {"promptFeedback": {"blockReason": "BLOCKLIST"}}\r\n\r\n'
        async with answering(http(200, body)) as (base_url, _):
            parts = await answered(LiveClient(LiveSettings(), KEY, base_url=base_url))
        assert parts == [TurnComplete("BLOCKLIST")]

    async def test_thoughts_odd_calls_and_odd_counts_are_passed_over(self) -> None:
        odd = [
            {"text": "I think.", "thought": True},
            {"text": ""},
            {"functionCall": {"args": {}}},
            {"functionCall": {"name": "x" * 300}},
            {"functionCall": {"name": "f", "args": {"a": "x" * 70_000}}},
            {"functionCall": {"name": "f"}, "thoughtSignature": "A" * 100_000},
            {"text": "Yes."},
        ]
        candidate = {"content": {"role": "model", "parts": odd}, "finishReason": "STOP"}
        usage = {"promptTokenCount": 10**12, "candidatesTokenCount": 1}
        body = f"data: {json.dumps({'candidates': [candidate], 'usageMetadata': usage})}\r\n\r\n"
        async with answering(http(200, body)) as (base_url, _):
            call, *rest = await answered(LiveClient(LiveSettings(), KEY, base_url=base_url))
        assert isinstance(call, FunctionCall) and call.name == "f" and call.call_id and call.signature == b""
        assert rest == [Words("Yes."), TurnComplete("")]


# --- what goes wrong --------------------------------------------------------------------------------


def status(code: int, body: str = "") -> Plan:
    return plan(f'when = "content"\ndo = {{ action = "http_status", status = {code}, body = "{body}" }}')


FAULTS: dict[str, tuple[Plan, FailureKind]] = {
    "quota": (status(429, "You exceeded your current quota"), FailureKind.QUOTA),
    "trouble of the service": (status(503), FailureKind.TRANSIENT),
    "an internal error": (status(500), FailureKind.TRANSIENT),
    "reset before the answer": (plan('when = "content"\ndo = "reset"'), FailureKind.NETWORK),
    "reset within it": (
        plan('when = "content_piece"\nnth = 2\ndo = "reset"'),
        FailureKind.NETWORK,
    ),
}


class TestFailures:
    @pytest.mark.parametrize(("what", "kind"), FAULTS.values(), ids=FAULTS)
    async def test_each_is_told_in_the_words_of_all_failures(self, what: Plan, kind: FailureKind) -> None:
        async with standin_of(what) as standin:
            with pytest.raises(LinkError) as caught:
                await answered(client_of(standin))
        assert caught.value.failure.kind is kind, str(caught.value)
        assert KEY.reveal() not in str(caught.value)

    async def test_a_key_that_is_not_good(self) -> None:
        async with standin_of(keys=ApiKeys(only=frozenset(["another"]))) as standin:
            with pytest.raises(LinkError) as caught:
                await spoken(client_of(standin))
        assert caught.value.failure.kind is FailureKind.REFUSED_KEY

    async def test_a_model_that_is_not_there(self) -> None:
        async with standin_of() as standin:
            with pytest.raises(LinkError) as caught:
                await spoken(client_of(standin), model="gemini-none-tts")
        assert caught.value.failure.kind is FailureKind.REFUSED_MODEL

    async def test_a_voice_that_is_not_there(self) -> None:
        async with standin_of() as standin:
            with pytest.raises(LinkError) as caught:
                await spoken(client_of(standin), voice="Nobody")
        assert caught.value.failure.kind is FailureKind.REFUSED_CONFIG

    @pytest.mark.parametrize(
        ("when", "limit", "kind"),
        [
            ("content", "FIRST_PIECE_S", FailureKind.NETWORK),
            ('content_piece"\nnth = 2\n# "', "NEXT_PIECE_S", FailureKind.TRANSIENT),
        ],
    )
    async def test_silence_has_a_deadline(
        self, when: str, limit: str, kind: FailureKind, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(content, limit, 0.1)
        async with standin_of(plan(f'when = "{when}"\ndo = {{ action = "stall", seconds = 20 }}')) as standin:
            with pytest.raises(LinkError) as caught:
                await answered(client_of(standin))
        assert caught.value.failure.kind is kind

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (http(200, "<html>sign in</html>"), FailureKind.BUG),
            (http(307, "", "Location: https://example.com/"), FailureKind.INTERCEPTED),
            (google_error(403, "PERMISSION_DENIED", "no"), FailureKind.REFUSED_KEY),
            (http(200, 'data: {"candidates": []}\r\n\r\n'), FailureKind.TRANSIENT),
            (http(200, ""), FailureKind.TRANSIENT),
            (http(200, "data: {\r\n\r\n"), FailureKind.BUG),
            (http(200, "data: [" + "{}," * MAX_BODY_MARKS + "{}]\r\n\r\n"), FailureKind.BUG),
            (http(200, "data: " + "x" * MAX_BODY_BYTES), FailureKind.BUG),
        ],
        ids=["portal", "redirect", "forbidden", "no end", "nothing", "no JSON", "many values", "much"],
    )
    async def test_an_odd_answer_is_bounded_and_told(self, answer: bytes, kind: FailureKind) -> None:
        async with answering(answer) as (base_url, _):
            with pytest.raises(LinkError) as caught:
                await answered(LiveClient(LiveSettings(), KEY, base_url=base_url))
        assert caught.value.failure.kind is kind, str(caught.value)

    async def test_the_caller_s_own_error_is_its_own(self) -> None:
        async with standin_of() as standin:
            with pytest.raises(asyncio.CancelledError):
                async with aclosing(client_of(standin).content.answer(ASKED)) as parts:
                    async for _ in parts:
                        raise asyncio.CancelledError
