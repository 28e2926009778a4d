"""What the stand-in refuses, and with which words: the grammar, the models, the order of messages."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin_support import FAST, MODEL, closing_of, raw_client, setup_message, tell

from daemon.standin.grammar.models import MODELS
from daemon.standin.grammar.protocol import Refusal, camel_case, parse, snake_case
from daemon.standin.grammar.schema import CLIENT_MESSAGE
from daemon.standin.grammar.setups import check_setup
from daemon.standin.plan import Plan
from daemon.standin.server import StandIn

EXTENDED = "gemini-3.8-live-extended-thinking"
OLD = "gemini-3.1-flash-live-preview"
OLDER = "gemini-2.5-flash-native-audio-preview-12-2025"

CURRENT: dict[str, Any] = {
    "model": f"models/{MODEL}",
    "generationConfig": {
        "responseModalities": ["AUDIO"],
        "temperature": 0.5,
        "speechConfig": {
            "voice_config": {"prebuilt_voice_config": {"voice_name": "Kore"}},
            "language_code": "de-DE",
        },
    },
    "systemInstruction": {"parts": [{"text": "Be brief"}], "role": "user"},
    "tools": [
        {"googleSearch": {}},
        {"functionDeclarations": [{"name": "set_volume", "parameters_json_schema": {"any": None}}]},
    ],
    "sessionResumption": {"handle": "H"},
    "inputAudioTranscription": {},
    "outputAudioTranscription": {},
    "realtimeInputConfig": {"automatic_activity_detection": {"disabled": True}},
    "contextWindowCompression": {"trigger_tokens": "25600", "sliding_window": {"target_tokens": 12800}},
}
"""A set-up with everything that the daemon may ask for, in the mixed spelling of the SDK."""


def refusal_of(setup: dict[str, Any], api_version: str = "v1beta") -> tuple[int, str]:
    """How a set-up is refused."""
    with pytest.raises(Refusal) as raised:
        check_setup(parse(json.dumps({"setup": setup})).body, api_version)
    return raised.value.code, raised.value.reason


def changed(**fields: Any) -> dict[str, Any]:
    """`CURRENT` with some fields replaced; dotted names reach deeper, with __ for the dot."""
    setup = copy.deepcopy(CURRENT)
    for name, value in fields.items():
        *path, last = name.split("__")
        place = setup
        for step in path:
            place = place[step]
        place[last] = value
    return setup


class TestTheGrammar:
    def test_both_spellings_mean_the_same(self) -> None:
        snake = parse('{"realtime_input": {"audio_stream_end": true}}')
        assert snake == parse('{"realtimeInput": {"audioStreamEnd": true}}')
        assert (snake.kind, snake.body) == ("realtimeInput", {"audioStreamEnd": True})

    @given(st.binary(max_size=50), st.booleans(), st.booleans())
    def test_both_alphabets_of_base64_are_read_with_and_without_padding(
        self, data: bytes, url_safe: bool, padded: bool
    ) -> None:
        encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
        text = encode(data).decode()
        blob = {"data": text if padded else text.rstrip("="), "mimeType": "audio/pcm"}
        assert parse(json.dumps({"realtimeInput": {"audio": blob}})).body["audio"]["data"] == data

    @given(st.sampled_from([*CLIENT_MESSAGE, *CLIENT_MESSAGE["setup"], *CLIENT_MESSAGE["realtimeInput"]]))
    def test_names_survive_both_spellings(self, name: str) -> None:
        assert camel_case(snake_case(name)) == name == camel_case(name)

    @pytest.mark.parametrize(
        ("frame", "reason"),
        [
            ("{", "Invalid JSON"),
            ("[1]", "Invalid JSON"),
            (b"\xff", "Invalid JSON"),
            ("[" * 100_000, "Invalid JSON"),
            ("{}", "Exactly one"),
            ('{"setup": {}, "clientContent": {}}', "Exactly one"),
            ('{"newThing": {}}', 'Unknown name "newThing": Cannot find field.'),
            ('{"setup": {"newThing": 1}}', "Unknown name \"newThing\" at 'setup': Cannot find field."),
            (
                '{"setup": {"generationConfig": {"warmth": 1}}}',
                "Unknown name \"warmth\" at 'setup.generation_config': Cannot find field.",
            ),
            ('{"setup": {"sessionResumption": {"handle": null}}}', "Invalid value"),
            ('{"setup": {"sessionResumption": {"transparent": true}}}', 'Unknown name "transparent"'),
            ('{"setup": {"model": 7}}', "Invalid value at 'setup.model' (string)."),
            ('{"setup": {"tools": 7}}', "Invalid value at 'setup.tools[0]'."),
            ('{"setup": {"tools": [[{}]]}}', "Invalid value at 'setup.tools[0]'."),
            ('{"setup": {"generationConfig": {"temperature": true}}}', "Invalid value"),
            ('{"realtime_input": {"audio": {}, "Audio": {}}}', 'Unknown name "Audio"'),
            ('{"realtime_input": {"activity_end": {}, "activityEnd": {}}}', "set twice"),
            ('{"realtime_input": {"activityEnd": {"x": 1}}}', 'Unknown name "x"'),
            ('{"realtime_input": {"audio": {"data": "a*b="}}}', "Base64"),
        ],
    )
    def test_what_is_not_in_it_is_refused(self, frame: str | bytes, reason: str) -> None:
        with pytest.raises(Refusal) as raised:
            parse(frame)
        assert raised.value.code == 1007
        assert reason in raised.value.reason

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["setup", "realtimeInput", "audio", "data", "tools", "parts", "x"]), inner
                )
            ),
        )
    )
    def test_nothing_but_a_refusal_is_ever_raised(self, value: Any) -> None:
        try:
            parse(json.dumps(value))
        except Refusal as refusal:
            assert refusal.code == 1007


class TestTheModels:
    def test_the_current_model_takes_what_the_daemon_asks_for(self) -> None:
        setup = check_setup(parse(json.dumps({"setup": CURRENT})).body, "v1beta")
        assert setup.manual and setup.transcribe_input and setup.resumption
        assert (setup.model_name, setup.handle) == (MODEL, "H")

    @pytest.mark.parametrize("model", [f"models/{MODEL}x", MODEL, "", "models/gemini-2.0-flash-live-001"])
    def test_an_unknown_model_is_not_found(self, model: str) -> None:
        code, reason = refusal_of(changed(model=model))
        assert code == 1008
        assert "is not found for API version v1beta, or is not supported for bidiGenerateContent" in reason

    def test_a_model_is_not_found_on_a_version_that_does_not_serve_it(self) -> None:
        code, reason = refusal_of(CURRENT, "v1alpha")
        assert (code, "API version v1alpha" in reason) == (1008, True)

    @pytest.mark.parametrize(
        ("fields", "code", "says"),
        [
            ({"generationConfig__responseModalities": ["TEXT"]}, 1007, "response modalities (TEXT)"),
            ({"generationConfig__responseModalities": ["AUDIO", "TEXT"]}, 1007, "(AUDIO, TEXT)"),
            ({"generationConfig__thinkingConfig": {"thinkingLevel": "LOW"}}, 1007, "Thinking level is not"),
            ({"generationConfig__thinkingConfig": {}}, 1007, "Thinking level is not supported"),
            ({"generationConfig__enableAffectiveDialog": False}, 1007, "Cannot find field"),
            ({"proactivity": {"proactiveAudio": False}}, 1007, "Unknown name \"proactivity\" at 'setup'"),
            ({"tools": [{"codeExecution": {}}]}, 1008, "Operation is not implemented"),
            (
                {
                    "generationConfig__speechConfig": {
                        "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Bob"}}
                    }
                },
                1007,
                "Requested voice api_name 'Bob'",
            ),
        ],
    )
    def test_the_current_model_refuses_what_it_lost(
        self, fields: dict[str, Any], code: int, says: str
    ) -> None:
        refused = refusal_of(changed(**fields))
        assert refused[0] == code
        assert says in refused[1]

    def test_extended_thinking_needs_a_level(self) -> None:
        assert refusal_of(changed(model=f"models/{EXTENDED}")) == (1007, "Thinking level must be specified")

    @pytest.mark.parametrize(("level", "fine"), [("MINIMAL", False), ("LOW", True), ("HIGH", True)])
    def test_extended_thinking_takes_three_levels(self, level: str, fine: bool) -> None:
        setup = changed(
            model=f"models/{EXTENDED}", generationConfig={"thinkingConfig": {"thinkingLevel": level}}
        )
        if fine:
            assert check_setup(parse(json.dumps({"setup": setup})).body, "v1beta").model_name == EXTENDED
        else:
            assert refusal_of(setup)[0] == 1007

    def test_the_older_model_refuses_text_with_another_code(self) -> None:
        setup = changed(model=f"models/{OLD}", generationConfig__responseModalities=["TEXT"])
        assert refusal_of(setup)[0] == 1011

    def test_every_model_takes_a_bare_setup_or_says_what_is_missing(self) -> None:
        for name, model in MODELS.items():
            body = {"model": f"models/{name}"}
            if not model.thinking_required:
                assert check_setup(body, "v1beta").model is model
                assert not check_setup(body, "v1beta").manual


START: dict[str, Any] = {"realtimeInput": {"activityStart": {}}}
END: dict[str, Any] = {"realtimeInput": {"activityEnd": {}}}
STREAM_END: dict[str, Any] = {"realtimeInput": {"audioStreamEnd": True}}
AUTOMATIC = {"setup": {"model": f"models/{MODEL}"}}


def audio(mime: str = "audio/pcm;rate=16000", size_bytes: int = 640) -> dict[str, Any]:
    """An audio message of silence."""
    data = base64.b64encode(bytes(size_bytes)).decode()
    return {"realtimeInput": {"audio": {"data": data, "mimeType": mime}}}


def content(**fields: Any) -> dict[str, Any]:
    """A `clientContent` message."""
    return {"clientContent": fields}


class TestTheOrder:
    @pytest.mark.parametrize(
        ("told", "code", "says"),
        [
            ([START], 1007, "setup must be the first message"),
            ([setup_message(), setup_message()], 1007, "setup must be the first message and only the first"),
            ([setup_message(), END], 1007, "Precondition"),
            ([setup_message(), START, START], 1007, "Precondition"),
            ([setup_message(), STREAM_END], 1007, "detection is disabled"),
            ([AUTOMATIC, START], 1007, "detection is enabled"),
            ([AUTOMATIC, END], 1007, "detection is enabled"),
            ([setup_message(), audio("audio/wav")], 1007, "invalid argument"),
            ([setup_message(), audio("audio/pcm;rate=7000")], 1007, "invalid argument"),
            ([setup_message(), audio(size_bytes=641)], 1007, "invalid argument"),
            ([setup_message(), content(turnComplete=True)], 1007, "No turn to complete"),
            ([setup_message(), START, content(turns=[], turnComplete=False)], 1007, "invalid argument"),
            ([setup_message(model=f"models/{OLD}"), content(turns=[])], 1007, "invalid argument"),
            ([setup_message(model=f"models/{OLD}"), {"contextUpdate": {}}], 1007, "invalid argument"),
            ([setup_message(), {"toolResponse": {"functionResponses": [{"id": "x"}]}}], 1008, "not found"),
        ],
    )
    async def test_what_may_not_come_now_is_refused(self, told: list[Any], code: int, says: str) -> None:
        async with StandIn(pace=FAST) as standin, raw_client(standin) as websocket:
            await tell(websocket, *told)
            closed = await closing_of(websocket)
            assert closed[0] == code
            assert says in (closed[1] or "")

    async def test_audio_in_a_pending_tool_call_is_refused_by_the_older_model(self) -> None:
        plan = Plan.from_toml('[[rule]]\nwhen="reply_start"\ndo={action="call_tool", name="f"}')
        async with StandIn(plan=plan, pace=FAST) as standin, raw_client(standin) as websocket:
            await tell(websocket, setup_message(model=f"models/{OLDER}"), START, END)
            await standin.wait_for(lambda record: record.turns and record.turns[0].reply.tool_calls)
            await tell(websocket, audio())
            assert (await closing_of(websocket))[0] == 1008

    async def test_history_is_taken_first_and_not_answered(self) -> None:
        history = {"historyConfig": {"initialHistoryInClientContent": True}}
        said = {"parts": [{"text": "hello"}], "role": "user"}
        async with StandIn(pace=FAST) as standin, raw_client(standin) as websocket:
            await tell(websocket, setup_message(model=f"models/{OLD}", **history))
            await tell(websocket, content(turns=[said]), content(turns=[said], turnComplete=True))
            await tell(websocket, START, END)
            await standin.wait_for(lambda record: record.turns and record.turns[-1].reply.turn_complete_s)
            assert [turn.opened_by for turn in standin.record.turns] == ["activity"]

    async def test_a_long_reason_is_cut_to_what_a_close_frame_holds(self) -> None:
        async with StandIn() as standin, raw_client(standin) as websocket:
            await tell(websocket, {"setup": {"x" * 500: 1}})
            code, reason = await closing_of(websocket)
            assert (code, len(reason or "")) == (1007, 123)

    async def test_video_and_legacy_chunks_are_ignored(self) -> None:
        chunk = {"mediaChunks": [{"data": "", "mimeType": "audio/pcm"}]}
        async with StandIn(pace=FAST) as standin, raw_client(standin) as websocket:
            await tell(websocket, setup_message(), {"realtimeInput": chunk}, START, END)
            await standin.wait_for(lambda record: record.turns and record.turns[0].reply.turn_complete_s)
            assert standin.record.turns[0].audio_s == 0.0
