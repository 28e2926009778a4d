"""The stand-in's door: paths as clients write them, keys, ephemeral tokens, and plain HTTP."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.genai import errors, types
from standin_support import (
    FAST,
    KEY,
    MODEL,
    PATH,
    audio_of,
    client,
    closing_of,
    config,
    handle_from,
    raw_client,
    resuming,
    say,
    session,
    setup_message,
    speech,
    take_turn,
    take_until,
    tell,
)

from daemon.standin.door.credentials import ApiKeys, live_door, without_secrets
from daemon.standin.door.http_answers import BODY_BYTES, HEAD_BYTES, whole_request
from daemon.standin.door.tokens import TOKEN_LIMIT, Tokens
from daemon.standin.grammar.protocol import Refusal
from daemon.standin.server import Keeping, StandIn

CONSTRAINED = PATH.replace("v1beta", "v1alpha") + "Constrained"
NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


pytestmark = pytest.mark.filterwarnings("ignore:.*experimental.*")  # the SDK says so of its tokens each time


class WallClock:
    """A clock that stands."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        """The time."""
        return self.now


async def token_from(standin: StandIn, **options: Any) -> str:
    """A token as the SDK asks for it."""
    options["http_options"] = types.HttpOptions(api_version="v1alpha")
    live = client(standin, verify=standin.client_ssl_context())
    made: types.AuthToken = await live.aio.auth_tokens.create(config=types.CreateAuthTokenConfig(**options))
    assert made.name is not None
    return made.name


async def post(standin: StandIn, request: bytes) -> tuple[int, dict[str, Any]]:
    """Send this as it is; the status and JSON of the answer."""
    reader, writer = await asyncio.open_connection(
        "localhost", standin.port, ssl=standin.client_ssl_context()
    )
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 5.0)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


class TestPaths:
    @pytest.mark.parametrize("slashes", ["/", "//", "///"])
    async def test_slashes_before_the_path_do_not_matter(self, slashes: str) -> None:
        path = slashes + PATH.lstrip("/")
        async with StandIn(pace=FAST) as standin, raw_client(standin, path) as websocket:
            await tell(websocket, setup_message())
            await standin.wait_for(lambda record: record.connections[0].setup_complete_s)

    @pytest.mark.parametrize(
        "path", ["/ws/", PATH + "x", PATH + "/", "/x" + PATH, PATH.replace("v1beta", "v/1")]
    )
    def test_another_path_is_none(self, path: str) -> None:
        assert live_door(path, {}) is None

    @pytest.mark.parametrize(
        ("target", "shown"),
        [
            ("/x?key=a&b=c", "/x?key=(redacted)&b=c"),
            ("/x?b=c&access_token=auth_tokens/d", "/x?b=c&access_token=(redacted)"),
            ("/x?monkey=a", "/x?monkey=a"),
        ],
    )
    def test_what_is_secret_in_a_target_is_taken_out(self, target: str, shown: str) -> None:
        assert without_secrets(target) == shown


class TestHttp:
    async def test_a_token_is_made_for_a_post(self) -> None:
        async with StandIn(pace=FAST) as standin:
            assert (await token_from(standin, uses=2)).startswith("auth_tokens/")
            (connection,) = standin.record.connections
            assert (connection.path, connection.close_reason) == ("/v1alpha/auth_tokens", "HTTP 200")
            assert KEY not in str(connection.headers)

    @pytest.mark.parametrize(
        ("request_text", "status", "says"),
        [
            ("POST /v1alpha/auth_tokens HTTP/1.1\r\n\r\n", 403, "unregistered callers"),
            ("POST /v1alpha/auth_tokens?key=stolen HTTP/1.1\r\n\r\n", 400, "API key not valid"),
            ("POST /v1alpha/auth_tokens?key=k HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]", 400, "Invalid JSON"),
            (
                'POST /v1alpha/auth_tokens?key=k HTTP/1.1\r\nContent-Length: 11\r\n\r\n{"uses":-1}',
                400,
                "invalid",
            ),
            ("POST /v1beta/models HTTP/1.1\r\n\r\n", 404, "not found"),
            ("DELETE / HTTP/1.1\r\n\r\n", 405, "DELETE is not served"),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "length"),
            (f"POST / HTTP/1.1\r\nContent-Length: {BODY_BYTES + 1}\r\n\r\n", 400, "too long"),
            ("POST / HTTP/1.1\r\nContent-Length: ²\r\n\r\n", 400, "too long"),
            ("POST " + "x" * HEAD_BYTES, 400, "too long"),
            ("hello\r\n\r\n", 400, "not HTTP"),
            ("POST / HTTP/1.1\r\n" + "a: b\r\n" * 200 + "\r\n", 400, "too many"),
        ],
    )
    async def test_whatever_else_comes_is_answered(self, request_text: str, status: int, says: str) -> None:
        async with StandIn(pace=FAST, keys=ApiKeys(bad=frozenset(["stolen"]))) as standin:
            answered, body = await post(standin, request_text.encode())
            assert answered == status == body["error"]["code"]
            assert says in body["error"]["message"]
            assert standin.record.connections[0].close_reason == f"HTTP {status}"

    async def test_a_request_may_come_byte_by_byte(self) -> None:
        async with StandIn(pace=FAST) as standin:
            reader, writer = await asyncio.open_connection(
                "localhost", standin.port, ssl=standin.client_ssl_context()
            )
            for byte in b"POST /v1alpha/auth_tokens?key=k HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}":
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0)
            assert b"auth_tokens/" in await asyncio.wait_for(reader.read(), 5.0)
            writer.close()

    def test_a_request_that_is_not_whole_is_waited_for(self) -> None:
        whole = b"POST /x HTTP/1.1\r\nA: b\r\nContent-Length: 3\r\n\r\nabc"
        assert all(whole_request(whole[:size]) is None for size in range(len(whole)))
        request = whole_request(whole)
        assert request is not None
        assert (request.method, request.target, request.body) == ("POST", "/x", b"abc")
        assert request.headers == {"a": "b", "content-length": "3"}


class TestTokens:
    async def test_a_token_opens_the_constrained_door_for_the_sdk(self) -> None:
        async with StandIn(pace=FAST) as standin:
            token = await token_from(standin)
            async with session(standin, key=token, api_version="v1alpha") as live:
                await say(live, speech(0.2))
                assert audio_of(await take_turn(live))
            assert standin.record.connections[-1].path == CONSTRAINED
            assert token not in str(standin.record.connections[-1].headers)

    @pytest.mark.parametrize("way", ["query", "header"])
    async def test_a_raw_client_may_show_it_in_two_ways(self, way: str) -> None:
        async with StandIn(pace=FAST) as standin:
            token = await token_from(standin)
            path = f"{CONSTRAINED}?access_token={token}" if way == "query" else CONSTRAINED
            shown = {} if way == "query" else {"Authorization": f"Token {token}"}
            async with raw_client(standin, path, key="", headers=shown) as websocket:
                await tell(websocket, setup_message())
                await standin.wait_for(lambda record: record.connections[-1].setup_complete_s)

    async def test_the_other_door_takes_no_token_and_this_one_no_key(self) -> None:
        async with StandIn(pace=FAST) as standin:
            token = await token_from(standin)
            for path, key in ((f"{PATH}?access_token={token}", ""), (PATH, token), (CONSTRAINED, KEY)):
                async with raw_client(standin, path, key=key) as websocket:
                    await tell(websocket, setup_message())
                    code, reason = await closing_of(websocket)
                    assert code == 1008 and "unregistered callers" in (reason or "")

    async def test_it_is_good_for_as_many_sessions_as_it_says_and_for_resuming(self) -> None:
        async with StandIn(pace=FAST) as standin:
            token = await token_from(standin, uses=1)
            async with session(standin, key=token, api_version="v1alpha") as live:
                handle = await handle_from([await take_until(live, "session_resumption_update")])
            with pytest.raises(errors.APIError, match="1008"):
                async with session(standin, key=token, api_version="v1alpha"):
                    pass
            async with session(standin, key=token, api_version="v1alpha", setup=resuming(handle)):
                assert standin.record.connections[-1].resumed

    async def test_what_is_locked_replaces_what_the_client_asks_for(self) -> None:
        locked = types.LiveConnectConstraints(
            model=MODEL, config=config(system_instruction="Be brief", temperature=0.1)
        )
        async with StandIn(pace=FAST) as standin:
            token = await token_from(standin, live_connect_constraints=locked)
            asked = config(system_instruction="Say all you know", temperature=1.0)
            async with session(standin, key=token, api_version="v1alpha", setup=asked, model="gemini-none"):
                setup = standin.record.connections[-1].setup
                assert setup is not None
                assert setup["model"] == f"models/{MODEL}"
                assert setup["systemInstruction"]["parts"] == [{"text": "Be brief"}]
                assert setup["generationConfig"]["temperature"] == 0.1

    async def test_only_what_is_set_may_be_locked(self) -> None:
        locked = types.LiveConnectConstraints(model=MODEL, config=types.LiveConnectConfig(temperature=0.1))
        async with StandIn(pace=FAST) as standin:
            token = await token_from(
                standin, live_connect_constraints=locked, lock_additional_fields=["top_p"]
            )
            asked = config(system_instruction="Say all you know", temperature=1.0, top_p=0.5)
            async with session(standin, key=token, api_version="v1alpha", setup=asked):
                setup = standin.record.connections[-1].setup
                assert setup is not None
                assert setup["systemInstruction"]["parts"] == [{"text": "Say all you know"}]
                assert setup["generationConfig"] == {"responseModalities": ["AUDIO"], "temperature": 0.1}


class TestTheLifeOfATokenByTheClock:
    @pytest.mark.parametrize(
        ("minutes", "new", "resumed"), [(0.9, True, True), (1.1, False, True), (31.0, False, False)]
    )
    def test_new_sessions_have_a_minute_and_all_have_half_an_hour(
        self, minutes: float, new: bool, resumed: bool
    ) -> None:
        for resumes, fine in ((False, new), (True, resumed)):
            clock = WallClock()
            tokens = Tokens(clock)
            name = tokens.make({})
            clock.now += timedelta(minutes=minutes)
            if fine:
                tokens.admit(name, resumes=resumes)
            else:
                with pytest.raises(Refusal) as raised:
                    tokens.admit(name, resumes=resumes)
                assert raised.value.code == 1008

    @pytest.mark.parametrize(
        ("minutes", "says"),
        [(1.1, "cannot be used for new sessions any more"), (31.0, "not valid, or has expired")],
    )
    async def test_the_sdk_is_closed_with_1008_by_the_clock_of_the_server(
        self, minutes: float, says: str
    ) -> None:
        clock = WallClock()
        async with StandIn(pace=FAST, keeping=Keeping(wall_clock=clock)) as standin:
            token = await token_from(standin)
            clock.now += timedelta(minutes=minutes)
            with pytest.raises(errors.APIError, match=f"1008.*{says}"):
                async with session(standin, key=token, api_version="v1alpha"):
                    pass

    async def test_a_token_may_be_asked_for_with_times_of_ones_own(self) -> None:
        clock = WallClock()
        async with StandIn(pace=FAST, keeping=Keeping(wall_clock=clock)) as standin:
            token = await token_from(
                standin,
                uses=0,
                expire_time=NOON + timedelta(minutes=15),
                new_session_expire_time=NOON + timedelta(minutes=10),
            )
            clock.now += timedelta(minutes=9)
            for _ in range(2):
                async with session(standin, key=token, api_version="v1alpha"):
                    pass

    def test_no_limit_of_uses_is_zero(self) -> None:
        tokens = Tokens(WallClock())
        name = tokens.make({"uses": 0})
        for _ in range(5):
            tokens.admit(name, resumes=False)

    @pytest.mark.parametrize(
        "body",
        [
            {"uses": -1},
            {"expireTime": NOON},
            {"expireTime": NOON + timedelta(hours=21)},
            {"newSessionExpireTime": NOON - timedelta(seconds=1)},
        ],
    )
    def test_what_cannot_be_is_refused(self, body: dict[str, Any]) -> None:
        with pytest.raises(Refusal):
            Tokens(WallClock()).make(body)

    def test_the_oldest_are_forgotten(self) -> None:
        tokens = Tokens(WallClock())
        names = [tokens.make({}) for _ in range(TOKEN_LIMIT + 1)]
        tokens.admit(names[1], resumes=False)
        with pytest.raises(Refusal):
            tokens.admit(names[0], resumes=False)
