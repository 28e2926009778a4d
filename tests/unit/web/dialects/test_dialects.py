"""Each dialect as a script: what a client says becomes acts, what happens becomes messages."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.web.dialects import acts as do
from daemon.web.dialects.audio_live import LAST_WORDS_S, AudioLiveDialect
from daemon.web.dialects.audio_stream import AnswerEvents, event
from daemon.web.dialects.own import OwnDialect
from daemon.web.dialects.proxy_core import CONFIG_WITHIN_S, STAYS, OnOffer, ProxyCoreDialect
from daemon.web.dialects.questions import QuestionDialect
from daemon.web.talk import news as n
from daemon.web.talk.news import TalkWishes, Trouble

OFFER = OnOffer(model="gemini-3.8-live", voices=("Kore", "Puck"), temperature=False, max_output_tokens=False)
BUSY = Trouble(code="busy", sentence="There are 2 talks already.", close_code=1013, retry_after_s=60.0)


def proxy_core(*, is_page: bool = False) -> ProxyCoreDialect:
    dialect = ProxyCoreDialect(OFFER, address="127.0.0.1", is_page=is_page)
    dialect.opened(0.0)
    return dialect


def wishes_of(**fields: Any) -> TalkWishes:
    """Those of a client of ai-proxy-core."""
    return TalkWishes(connect_s=4.0, **fields)


def told(acts: list[do.Act]) -> list[Any]:
    """The messages among them, read as JSON."""
    return [json.loads(act.message) for act in acts if isinstance(act, do.Tell)]


def config(**data: Any) -> str:
    return json.dumps({"type": "config", "data": data})


# --- ai-proxy-core


def test_without_a_config_the_talk_begins_after_a_moment_and_in_text_alone() -> None:
    dialect = proxy_core()
    assert dialect.next_due_s == CONFIG_WITHIN_S
    assert dialect.due(0.2) == []
    assert dialect.due(CONFIG_WITHIN_S) == [do.BeginTalk(wishes=wishes_of(text_only=True))]
    assert dialect.due(9.0) == []
    assert dialect.next_due_s is None


def test_a_config_begins_it_at_once_and_is_acknowledged_after_system() -> None:
    dialect = proxy_core()
    wishes = config(
        voice="PUCK", system_instruction="Be brief", response_modalities=["AUDIO"], client_id="c1"
    )
    assert dialect.take(wishes, 0.0) == [
        do.BeginTalk(wishes=wishes_of(voice="Puck", instruction="Be brief", text_only=False))
    ]
    assert told(dialect.tell(n.TalkReady(), 0.5)) == [
        {"type": "system", "data": "Connected to Gemini Live"},
        {
            "type": "config_success",
            "message": "Configuration acknowledged",
            "client_id": "c1",
            "ip": "127.0.0.1",
        },
    ]


def test_what_cannot_be_honoured_is_named_where_no_client_looks() -> None:
    dialect = proxy_core()
    dialect.tell(n.TalkReady(), 0.0)
    said = {
        "model": "gemini-1.5-flash", "voice": "Nobody", "app": "demo", "session_id": "1", "colour": "red",
        "generation_config": {"temperature": 0.7, "max_output_tokens": 1000, "response_modalities": ["TEXT"]},
    }  # fmt: skip
    acknowledged = told(dialect.take(json.dumps({"type": "config", **said}), 0.0))[0]
    assert acknowledged["ignored"] == ["model", "voice", "colour", "temperature", "max_output_tokens"]


@pytest.mark.parametrize(("wish", "taken"), [(1000, 1000), (0, 0), (1.5, 0), ("many", 0), (70_000, 0)])
def test_a_longest_reply_is_honoured_where_the_model_takes_one(wish: object, taken: int) -> None:
    dialect = ProxyCoreDialect(replace(OFFER, max_output_tokens=True), address="127.0.0.1", is_page=False)
    asked = config(generation_config={"max_output_tokens": wish})
    assert dialect.take(asked, 0.0) == [
        do.BeginTalk(wishes=wishes_of(text_only=True, max_output_tokens=taken))
    ]
    acknowledged = told(dialect.tell(n.TalkReady(), 0.5))[1]
    assert acknowledged.get("ignored") == (None if taken else ["max_output_tokens"])


def test_a_later_config_changes_the_set_up_until_something_was_said() -> None:
    dialect = proxy_core()
    dialect.take(config(), 0.0)
    dialect.tell(n.TalkReady(), 0.0)
    assert dialect.take(config(voice="Kore"), 1.0)[0] == do.Rewish(wishes_of(voice="Kore", text_only=True))
    assert [type(act) for act in dialect.take(config(voice="Kore"), 1.0)] == [do.Tell]
    dialect.take('{"type":"text","text":"Hello"}', 2.0)
    changed = dialect.take(config(voice="Puck", response_modalities=["AUDIO"]), 3.0)
    assert changed[0] == do.Rewish(wishes_of(voice="Kore", text_only=False))
    assert told(changed)[0]["message"] == STAYS


def test_a_reply_comes_in_sentences_and_its_rest_once_it_is_whole() -> None:
    dialect = proxy_core()
    assert told(dialect.tell(n.WordsHeard(1, "model", "One. Tw"), 0.0)) == [
        {"type": "response", "text": "One."}
    ]
    assert told(dialect.tell(n.WordsHeard(1, "model", "o"), 0.0)) == []
    assert told(dialect.tell(n.ReplyWhole(1), 0.0)) == [{"type": "response", "text": "Two"}]
    assert told(dialect.tell(n.TurnDone(1), 0.0)) == []


def test_what_the_original_does_not_tell_is_told_only_to_who_asks_for_it() -> None:
    happens = (
        n.WordsHeard(1, "user", "Hi"), n.ReplyWasCut(1), n.TurnDone(2), n.PhaseShown(n.TalkPhase.LISTENING),
    )  # fmt: skip
    quiet, curious = proxy_core(), proxy_core()
    curious.take(config(events=True), 0.0)
    assert [kind for one in happens for kind in told(quiet.tell(one, 0.0))] == []
    assert [one["type"] for happened in happens for one in told(curious.tell(happened, 0.0))] == [
        "transcript", "interrupted", "turn_complete",
    ]  # fmt: skip


def test_sound_is_raw_for_programs_and_whole_files_in_time_for_pages() -> None:
    pcm = bytes(48_000)
    program, page = proxy_core(), proxy_core(is_page=True)
    raw = told(program.tell(n.ReplySound(1, pcm), 0.0))[0]
    assert (raw["sampleRate"], base64.b64decode(raw["data"]), raw["format"]) == (24_000, pcm, "pcm16")
    page.due(1.0)
    first = told(page.tell(n.ReplySound(1, pcm), 1.0))
    assert [base64.b64decode(one["data"])[:4] for one in first] == [b"RIFF"]
    assert told(page.tell(n.ReplyWhole(1), 1.0)) == []
    assert page.next_due_s == pytest.approx(1.585)
    assert len(told(page.due(1.6))) == 1
    assert page.next_due_s is None


def test_a_cut_stops_the_files() -> None:
    page = proxy_core(is_page=True)
    page.due(1.0)
    page.tell(n.ReplySound(1, bytes(480_000)), 1.0)
    page.tell(n.ReplyWasCut(1), 1.1)
    assert page.next_due_s is None


def test_a_page_leaves_sound_where_it_is_while_enough_waits() -> None:
    page = proxy_core(is_page=True)
    page.tell(n.ReplySound(1, bytes(48_000 * 25)), 1.0)
    assert not page.takes_sound


@pytest.mark.parametrize(("container", "is_page", "files"), [("wav", False, True), ("none", True, False)])
def test_a_client_may_choose_its_container(container: str, is_page: bool, files: bool) -> None:
    dialect = proxy_core(is_page=is_page)
    dialect.take(config(audio_container=container), 0.0)
    sound = told(dialect.tell(n.ReplySound(1, bytes(48_000)), 0.0))[0]
    assert ("container" in sound) is files


def test_sound_is_taken_in_each_form_and_its_name_is_a_hint() -> None:
    dialect = proxy_core()
    dialect.due(1.0)
    data = base64.b64encode(b"abcd").decode()
    for name in ("base64", "data", "b64"):
        for hint in ("mime_type", "mimeType", "format", "codec"):
            message = {"type": "audio", "data": {name: data, hint: "audio/webm"}}
            assert dialect.take(json.dumps(message), 0.0) == [do.HearBytes(b"abcd", "audio/webm")]
    assert dialect.take(json.dumps({"type": "audio", "data": data}), 0.0) == [do.HearBytes(b"abcd")]
    assert (
        dialect.take('{"type":"audio_end"}', 0.0) == dialect.take('{"type":"end"}', 0.0) == [do.SpeechOver()]
    )


def test_an_end_with_trouble_is_told_under_each_name_that_clients_look_for() -> None:
    acts = proxy_core().tell(n.TalkEnded("refused", BUSY), 0.0)
    error = told(acts)[0]
    assert error["data"] == error["error"] == error["message"] == "There are 2 talks already."
    assert acts[-1] == do.Leave(1013, "busy")


# --- the live audio app


def test_slices_are_heard_and_the_end_is_confirmed_at_once() -> None:
    dialect = AudioLiveDialect(both=False)
    assert dialect.opened(0.0) == [do.BeginTalk(wishes=TalkWishes(text_only=True))]
    data = base64.b64encode(b"slice").decode()
    assert dialect.take(json.dumps({"type": "audio_chunk", "audio": data}), 0.0) == [do.HearBytes(b"slice")]
    complete = dialect.take('{"type":"audio_complete"}', 0.0)
    assert complete[0] == do.SpeechOver()
    assert told(complete) == [{"type": "processing_complete"}]
    assert dialect.take('{"type":"stop"}', 0.0) == [do.Leave(1000, "stopped")]


def test_an_answer_in_text_is_over_once_whether_the_service_says_so_or_not() -> None:
    dialect = AudioLiveDialect(both=False)
    dialect.tell(n.ReplyWhole(1), 1.0)
    assert dialect.next_due_s == 1.0 + LAST_WORDS_S
    assert told(dialect.tell(n.WordsHeard(1, "model", " late"), 1.2)) == [
        {"type": "text", "content": " late", "is_complete": False}
    ]
    assert dialect.due(1.0 + LAST_WORDS_S) == []
    assert told(dialect.due(1.2 + LAST_WORDS_S)) == [{"type": "turn_complete"}]
    assert told(dialect.tell(n.TurnDone(1), 5.0)) == []
    assert told(dialect.tell(n.TurnDone(2), 6.0)) == [{"type": "turn_complete"}]


def test_what_the_user_said_is_shown_where_that_is_asked_for() -> None:
    assert len(told(AudioLiveDialect(both=False).tell(n.WordsHeard(1, "user", "Hi"), 0.0))) == 1
    both = told(AudioLiveDialect(both=True).tell(n.WordsHeard(1, "user", "Hi"), 0.0))
    assert both[1] == {"type": "text", "content": "You: Hi\n", "is_complete": False}


# --- events and questions


def test_events_are_short_ascii_and_in_order() -> None:
    events = AnswerEvents(0.0, model="gemini-flash", paced=False)
    acts = [*events.opened(), *events.tell(n.WordsHeard(1, "model", "Grüße! " * 100), 0.1)]
    acts += [*events.tell(n.ReplyWhole(1), 0.2), *events.due(1.0)]
    lines = [act.message for act in acts if isinstance(act, do.Tell)]
    assert all(isinstance(one, bytes) and one.isascii() and len(one) < 1000 for one in lines)
    names = [next(iter(json.loads(one[6:]))) for one in lines]
    assert names == ["start", *["chunk"] * 6, "turn_complete", "done"]
    assert acts[-1] == do.Leave()


def test_no_answer_is_an_error_and_then_done() -> None:
    events = AnswerEvents(0.0, model="gemini-flash", paced=False)
    acts = events.tell(n.TurnDone(1, "no_answer"), 20.0)
    assert acts[1:] == [event(done=True), do.Leave()]
    assert acts == events.failed("No answer came (no_answer).")


def test_a_question_is_answered_in_chunks() -> None:
    dialect = QuestionDialect()
    assert dialect.take('{"type":"question","question":"Why?"}', 0.0) == [do.WriteText("Why?")]
    assert dialect.take('{"question":"Why?"}', 0.0) == [do.WriteText("Why?")]
    assert told(dialect.tell(n.WordsHeard(1, "model", "Because"), 0.0))[0]["content"] == "Because"
    assert told(dialect.tell(n.TurnDone(1), 0.0)) == [{"type": "complete"}]


# --- our own


def own() -> OwnDialect:
    dialect = OwnDialect(device="Firefox on Android", limits={"idle_s": 60.0})
    dialect.opened(0.0)
    return dialect


def test_start_begins_a_talk_and_names_the_device() -> None:
    wishes = TalkWishes(voice="Kore", manual=True, device="Firefox on Android")
    said = '{"type":"start","voice":"Kore","push_to_talk":true,"take_over":true}'
    assert own().take(said, 0.0) == [do.BeginTalk(wishes=wishes, take_over=True)]


def test_frames_are_sound_or_pictures_of_a_bounded_size() -> None:
    dialect = own()
    dialect.take('{"type":"start"}', 0.0)
    assert dialect.take(b"\1\0\0\0ab", 0.0) == [do.HearBytes(b"ab", "audio/pcm;rate=16000")]
    assert dialect.take(b"\2\0\0\0\xff\xd8", 0.0) == [do.ShowPicture(b"\xff\xd8")]
    assert dialect.take(b"\7\0\0\0", 0.0) == []
    for frame in (b"\1", b"\1\0\0\0" + bytes(8193), b"\2\0\0\0" + bytes(256 * 1024 + 1)):
        assert told(dialect.take(frame, 0.0))[0]["type"] == "error"


def test_a_turn_is_told_in_two_bytes() -> None:
    assert own().tell(n.ReplySound(65_537, b"xy"), 0.0) == [do.Tell(b"\1\0\1\0xy")]


def test_who_does_not_start_is_left() -> None:
    dialect = own()
    assert dialect.due(9.9) == []
    assert dialect.due(10.0)[-1] == do.Leave(1008, "not started")


# --- all of them

DIALECTS = (proxy_core, own, lambda: AudioLiveDialect(both=True), QuestionDialect)


NAMES = st.sampled_from(["type", "data", "text", "audio", "question", "voice", "generation_config"])
KINDS = st.sampled_from(["config", "message", "text", "audio", "start", "audio_chunk", "stop"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20) | KINDS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("make", DIALECTS)
@given(message=st.text(max_size=300) | st.binary(max_size=300) | st.builds(json.dumps, VALUES))
def test_whatever_a_client_sends_gives_acts_and_never_an_error(make: Any, message: str | bytes) -> None:
    acts = make().take(message, 0.0)
    assert isinstance(acts, list)


@given(st.binary(max_size=200))
def test_base64_is_read_in_each_of_its_forms(data: bytes) -> None:
    if data:
        plain = base64.b64encode(data).decode()
        for text in (plain, plain.rstrip("="), base64.urlsafe_b64encode(data).decode(), plain + "\n"):
            assert do.bytes_of(text) == data
