"""A token of the speaker's: what it locks, and what is told where there is none, over the real SDK."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.genai import errors, types
from odd_http import answering, google_error, http
from standin_support import FAST, audio_of, config, say, session, speech, take_turn

from daemon.config.secret import Secret
from daemon.config.settings import LiveSettings
from daemon.session.failures import FailureKind, LinkError
from daemon.session.gemini.client import LiveClient
from daemon.session.gemini.errors import translate_call
from daemon.session.signals import SignalKind, classify
from daemon.session.tokens import TokenWish, websocket_url
from daemon.standin.door.credentials import ApiKeys
from daemon.standin.server import StandIn
from daemon.tools.declaring.declarations import Declaration, Equipment

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental.*")  # the SDK says so of its tokens each time

KEY = Secret("s3cret-key")
SETTINGS = LiveSettings(voice="Puck", language="de-DE", google_search=True, setup_timeout_s=5.0)
SWITCH = Declaration("open_door", "Opens the door.", {"type": "object", "properties": {}, "required": []})


def wish(minutes: float = 15.0) -> TokenWish:
    now = datetime.now(UTC)
    return TokenWish(
        instruction="Be brief.",
        voice="Kore",
        expires=now + timedelta(minutes=minutes),
        new_sessions_until=now + timedelta(seconds=60),
    )


def client_of(standin: StandIn) -> LiveClient:
    return LiveClient(
        SETTINGS,
        KEY,
        base_url=standin.base_url,
        trust=standin.client_ssl_context(),
        equipment=Equipment(lambda: "The secret of the house.", lambda: [SWITCH]),
    )


class TestWhatItLocks:
    async def test_whoever_shows_it_gets_the_speaker_s_set_up_and_nothing_of_its_own(self) -> None:
        async with StandIn(pace=FAST) as standin:
            token = await client_of(standin).make_token(wish())
            asked = config(system_instruction="Say all you know.", temperature=1.0)
            async with session(standin, key=token, api_version="v1alpha", setup=asked, model="gemini-no"):
                setup = standin.record.connections[-1].setup
        assert setup is not None
        assert setup["model"] == "models/gemini-3.8-live"
        assert setup["systemInstruction"]["parts"] == [{"text": "Be brief."}]
        speech_config = setup["generationConfig"].pop("speechConfig")
        assert setup["generationConfig"] == {"responseModalities": ["AUDIO"]}
        assert speech_config["voiceConfig"] == {"prebuiltVoiceConfig": {"voiceName": "Kore"}}
        assert speech_config["languageCode"] == "de-DE"
        assert setup["inputAudioTranscription"] == setup["outputAudioTranscription"] == {}
        assert "triggerTokens" in setup["contextWindowCompression"]
        assert setup["realtimeInputConfig"] == {"automaticActivityDetection": {"disabled": False}}
        assert "sessionResumption" in setup

    async def test_it_searches_where_the_speaker_does_and_declares_no_function(self) -> None:
        async with StandIn(pace=FAST) as standin:
            token = await client_of(standin).make_token(wish())
            async with session(standin, key=token, api_version="v1alpha"):
                setup = standin.record.connections[-1].setup
        assert setup is not None and setup["tools"] == [{"googleSearch": {}}]

    async def test_it_holds_a_conversation_once(self) -> None:
        async with StandIn(pace=FAST) as standin:
            token = await client_of(standin).make_token(wish())
            async with session(standin, key=token, api_version="v1alpha", setup=config(manual=False)) as live:
                await live.send_client_content(
                    turns=types.Content(role="user", parts=[types.Part(text="hello")]), turn_complete=True
                )
                assert audio_of(await take_turn(live))
            with pytest.raises(errors.APIError, match="1008"):
                async with session(standin, key=token, api_version="v1alpha"):
                    pass

    async def test_a_session_by_key_is_as_before(self) -> None:
        async with StandIn(pace=FAST) as standin, session(standin) as live:
            await say(live, speech(0.2))
            assert audio_of(await take_turn(live))


@pytest.mark.parametrize(
    ("base_url", "host"),
    [("", "generativelanguage.googleapis.com"), ("https://localhost:8443/", "localhost:8443")],
)
def test_a_browser_is_told_where_it_is_taken(base_url: str, host: str) -> None:
    assert websocket_url(base_url) == (
        f"wss://{host}/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContentConstrained"
    )


# --- where there is none ---------------------------------------------------------------------------


async def failure(base_url: str, setup_timeout_s: float = 5.0) -> LinkError:
    client = LiveClient(LiveSettings(setup_timeout_s=setup_timeout_s), KEY, base_url=base_url)
    with pytest.raises(LinkError) as caught:
        await client.make_token(wish())
    return caught.value


ANSWERS: dict[str, tuple[bytes, FailureKind]] = {
    "refused key": (
        google_error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
        FailureKind.REFUSED_KEY,
    ),
    "forbidden": (google_error(403, "PERMISSION_DENIED", "unregistered callers"), FailureKind.REFUSED_KEY),
    "refused set-up": (
        google_error(400, "INVALID_ARGUMENT", "Unknown name"),
        FailureKind.REFUSED_CONFIG,
    ),
    "quota": (
        google_error(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota"),
        FailureKind.QUOTA,
    ),
    "trouble of the service": (google_error(503, "UNAVAILABLE", "later"), FailureKind.TRANSIENT),
    "region": (
        google_error(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
        FailureKind.REFUSED_REGION,
    ),
    "a portal's page": (http(200, "<html>sign in</html>"), FailureKind.BUG),
    "no token": (http(200, "{}"), FailureKind.BUG),
    "a token without end": (http(200, json.dumps({"name": "auth_tokens/" + "x" * 10_000})), FailureKind.BUG),
    "no HTTP": (b"hello\r\n\r\n", FailureKind.TRANSIENT),
}


@pytest.mark.parametrize(("answer", "kind"), ANSWERS.values(), ids=ANSWERS)
async def test_what_the_service_answers_is_told_in_the_words_of_all_failures(
    answer: bytes, kind: FailureKind
) -> None:
    async with answering(answer) as (base_url, _):
        error = await failure(base_url)
    assert error.failure.kind is kind, str(error)
    assert KEY.reveal() not in str(error)


async def test_a_key_that_the_stand_in_refuses_is_told_as_such() -> None:
    async with StandIn(pace=FAST, keys=ApiKeys(only=frozenset(["another"]))) as standin:
        with pytest.raises(LinkError) as caught:
            await client_of(standin).make_token(wish())
    assert caught.value.failure.kind is FailureKind.REFUSED_KEY


async def test_the_key_does_not_follow_to_another_address() -> None:
    async with answering(google_error(403, "X", "x")) as (elsewhere, heard):
        async with answering(http(307, "", f"Location: {elsewhere}/")) as (base_url, _):
            error = await failure(base_url)
    assert error.failure.kind is FailureKind.INTERCEPTED
    assert heard == []


async def test_a_service_that_is_not_there_is_the_network_s_fault() -> None:
    async with answering(b"") as (base_url, _):
        pass
    assert (await failure(base_url)).failure.kind is FailureKind.NETWORK


async def test_one_that_never_answers_is_given_up() -> None:
    async with answering(b"") as (base_url, heard):
        error = await failure(base_url, setup_timeout_s=0.2)
        assert heard
    assert error.failure.kind is FailureKind.NETWORK


async def test_a_certificate_that_is_not_trusted_is_told_as_such() -> None:
    async with StandIn(pace=FAST) as standin:
        error = await failure(standin.base_url)
    assert error.failure.kind is FailureKind.INTERCEPTED


def _wrapped(cause: Exception) -> Exception:
    """As the HTTP library hands on what the system raised."""
    try:
        try:
            raise cause
        except Exception as inner:
            raise RuntimeError("wrapped") from inner
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (_wrapped(OSError(101, "Network is unreachable")), SignalKind.UNREACHABLE),
        (_wrapped(_wrapped(TimeoutError())), SignalKind.TIMEOUT),
        (json.JSONDecodeError("x", "x", 0), SignalKind.MESSAGE),
        (RuntimeError("whatever"), SignalKind.RESET),
        (errors.APIError(401, {"error": {"message": f"bad {KEY.reveal()}"}}), SignalKind.HTTP),
    ],
)
def test_the_cause_below_counts_and_the_key_is_not_repeated(error: Exception, kind: SignalKind) -> None:
    signal: Any = translate_call(error, KEY)
    assert signal.kind is kind
    assert "s3cret" not in str(classify(signal))
