"""Tokens for browsers: who gets one, what it is locked to, and what is said where there is none."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_pages import PHONE, FakeSpeaker, pages

from daemon.config.settings import LiveSettings
from daemon.config.web import WebSettings
from daemon.errors import ConfigError, ControlError
from daemon.session.failures import Failure, FailureKind, LinkError
from daemon.session.tokens import TokenWish
from daemon.tools.instruction import TOOLS
from daemon.web.api.allowance import DAY_S, IN_A_DAY, IN_A_MINUTE, MINUTE_S, OF_ALL_IN_A_DAY, Allowance
from daemon.web.api.ephemeral import TokenDesk, entries
from daemon.web.api.kept_status import KeptStatus
from daemon.web.entry import Right, Visitor

NOON_S = 1_796_040_000.0
TOKEN = "auth_tokens/very-secret"
LIVE = LiveSettings(voice="Puck", instruction="You are a parrot.")
GUEST = Visitor(name="a guest", key="device:cd34", rights=frozenset({Right.TOKENS}))


@dataclass
class Service:
    """Makes tokens, or raises what stands in `error`."""

    error: Exception | None = None
    wishes: list[TokenWish] = field(default_factory=list)

    async def make(self, wish: TokenWish) -> str:
        """As `MakeToken` says."""
        self.wishes.append(wish)
        if self.error is not None:
            raise self.error
        return TOKEN


@dataclass
class Desk:
    """A desk whose clocks a test turns."""

    service: Service = field(default_factory=Service)
    speaker: FakeSpeaker = field(default_factory=FakeSpeaker)
    web: WebSettings = field(default_factory=lambda: WebSettings(tokens=True))
    now_s: float = 0.0
    wall_s: float = NOON_S

    def __post_init__(self) -> None:
        self.desk = TokenDesk(
            self.web,
            LIVE,
            self.service.make,
            speaker=self.speaker,
            status=KeptStatus(self.speaker, lambda: self.now_s),
            clock=lambda: self.now_s,
            wall_clock=lambda: self.wall_s,
        )

    async def ask(self, body: bytes = b"", visitor: Visitor = PHONE) -> Any:
        """The answer to one request."""
        async with pages(entries(self.desk), visitor) as client:
            return await client.post("/api/token", content=body)


class TestATokenThatIsMade:
    async def test_is_told_under_all_its_names_with_its_times(self) -> None:
        answer = await Desk().ask()
        assert answer.status_code == 201
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json() == {
            "token": TOKEN,
            "session_token": TOKEN,
            "session_name": TOKEN,
            "expires_at": "2026-11-30T12:15:00+00:00",
            "new_session_expires_at": "2026-11-30T12:01:00+00:00",
            "uses": 1,
            "model": "gemini-3.8-live",
            "websocket_url": "wss://generativelanguage.googleapis.com/ws/google.ai.generativelanguage.v1alpha"
            ".GenerativeService.BidiGenerateContentConstrained",
            "api_version": "v1alpha",
        }

    async def test_lives_as_long_as_the_settings_say(self) -> None:
        desk = Desk(web=WebSettings(tokens=True, token_minutes=60))
        told = (await desk.ask()).json()
        lived = datetime.fromisoformat(told["expires_at"]).timestamp() - NOON_S
        assert lived == 3600.0 == desk.service.wishes[0].expires.timestamp() - NOON_S

    @pytest.mark.parametrize(
        ("body", "voice"),
        [(b"", "Puck"), (b"{}", "Puck"), (b'{"voice":"kore"}', "Kore"), (b'{"x":1}', "Puck")],
    )
    async def test_has_the_voice_that_is_wished_for_or_the_speaker_s(self, body: bytes, voice: str) -> None:
        desk = Desk()
        assert (await desk.ask(body)).status_code == 201
        assert desk.service.wishes[0].voice == voice

    async def test_is_no_other_s_to_read(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            await Desk().ask()
        assert "device:ab12" in caplog.text
        assert TOKEN not in caplog.text

    async def test_is_counted(self) -> None:
        desk = Desk()
        await desk.ask()
        await desk.ask(b"[]")
        assert desk.desk.minted == 1


class TestWhatItsModelIsTold:
    async def test_is_the_speaker_s_instruction_without_its_tools_and_facts(self) -> None:
        desk = Desk(speaker=FakeSpeaker({"equipment": {"instruction": "Ann lives here."}}))
        await desk.ask()
        told = desk.service.wishes[0].instruction
        assert told.startswith("You are a parrot.")
        assert TOOLS not in told and "Ann" not in told

    async def test_may_have_the_facts_where_the_settings_say_so(self) -> None:
        said = f"You are a parrot.\n{TOOLS}\nAnn lives here."
        speaker = FakeSpeaker({"equipment": {"instruction": said}})
        desk = Desk(speaker=speaker, web=WebSettings(tokens=True, token_facts=True))
        await desk.ask()
        assert desk.service.wishes[0].instruction == "You are a parrot.\nAnn lives here."

    @pytest.mark.parametrize("answer", [ControlError("away"), None, {}, []])
    async def test_has_none_where_the_speaker_tells_none(self, answer: Any) -> None:
        speaker = FakeSpeaker({"equipment": answer})
        desk = Desk(speaker=speaker, web=WebSettings(tokens=True, token_facts=True))
        assert (await desk.ask()).status_code == 201
        assert desk.service.wishes[0].instruction.startswith("You are a parrot.")


class TestWhoGetsNone:
    async def refused(self, desk: Desk, status: int, code: str, body: bytes = b"") -> Any:
        """The answer, which must be this one."""
        answer = await desk.ask(body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert answer.json()["error"].endswith(".")
        return answer

    async def test_nobody_unless_it_is_allowed(self) -> None:
        desk = Desk(web=WebSettings())
        await self.refused(desk, 404, "tokens_off")
        assert desk.service.wishes == []

    async def test_nobody_while_the_clock_is_not_set(self) -> None:
        await self.refused(Desk(wall_s=1000.0), 503, "clock_not_set")

    @pytest.mark.parametrize(("used", "status"), [(0.99, 201), (1.0, 429), (None, 201)])
    async def test_nobody_when_the_day_s_budget_is_used_up(self, used: float | None, status: int) -> None:
        desk = Desk(speaker=FakeSpeaker({"status": {"usage": {"budget_ratio": used}}}))
        assert (await desk.ask()).status_code == status

    @pytest.mark.parametrize("body", [b"{", b"[]", b'{"voice": 7}', b'{"voice": null}'])
    async def test_who_asks_for_what_is_no_wish(self, body: bytes) -> None:
        await self.refused(Desk(), 400, "bad_body", body)

    async def test_who_wants_a_voice_that_is_none(self) -> None:
        answer = await self.refused(Desk(), 400, "unknown_voice", b'{"voice":"Polly"}')
        assert "Kore" in answer.json()["error"]

    async def test_who_asks_too_often_and_is_told_when_to_come_again(self) -> None:
        desk = Desk()
        for _ in range(IN_A_MINUTE):
            assert (await desk.ask()).status_code == 201
        desk.now_s = 20.0
        answer = await self.refused(desk, 429, "too_many_tokens")
        assert answer.headers["retry-after"] == "40"
        assert (await desk.ask(visitor=GUEST)).status_code == 201
        desk.now_s = MINUTE_S
        assert (await desk.ask()).status_code == 201

    @pytest.mark.parametrize(
        ("kind", "status", "code"),
        [
            (FailureKind.REFUSED_KEY, 502, "key_refused"),
            (FailureKind.REFUSED_CONFIG, 502, "service_refused"),
            (FailureKind.QUOTA, 429, "service_quota"),
            (FailureKind.NETWORK, 503, "service_away"),
            (FailureKind.INTERCEPTED, 503, "service_away"),
            (FailureKind.BUG, 502, "service_refused"),
        ],
    )
    async def test_anybody_whom_the_service_refuses_with_the_words_of_all_failures(
        self, kind: FailureKind, status: int, code: str
    ) -> None:
        failure = Failure(kind, "connecting: http 400: a detail")
        answer = await self.refused(Desk(Service(LinkError(failure))), status, code)
        assert answer.json()["error"] == failure.treatment.says
        assert answer.json()["remedy"] == failure.treatment.remedy
        assert "a detail" not in answer.text

    async def test_anybody_where_there_is_no_key(self) -> None:
        await self.refused(Desk(Service(ConfigError(["no key"]))), 502, "key_missing")


def test_it_needs_a_right_of_its_own() -> None:
    (entry,) = entries(Desk().desk)
    assert (entry.methods, entry.needs) == (frozenset({"POST"}), Right.TOKENS)


class TestTheAllowance:
    def test_of_a_day_is_a_window_that_moves(self) -> None:
        allowance = Allowance()
        for number in range(IN_A_DAY):
            assert allowance.take("one", number * MINUTE_S) == 0.0
        now_s = IN_A_DAY * MINUTE_S
        assert allowance.take("one", now_s) == DAY_S - now_s
        assert allowance.take("one", DAY_S) == 0.0

    def test_of_all_together_has_its_own_limit(self) -> None:
        allowance = Allowance()
        for number in range(OF_ALL_IN_A_DAY):
            assert allowance.take(f"device {number}", float(number)) == 0.0
        assert allowance.take("another", OF_ALL_IN_A_DAY) == DAY_S - OF_ALL_IN_A_DAY

    @given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 600))))
    def test_never_lets_more_through_and_tells_the_truth_about_when(
        self, asked: list[tuple[str, float]]
    ) -> None:
        allowance = Allowance()
        let_in: list[tuple[str, float]] = []
        now_s = 0.0
        for key, pause_s in asked:
            now_s += pause_s
            wait_s = allowance.take(key, now_s)
            if wait_s == 0.0:
                let_in.append((key, now_s))
            own_s = [at_s for one, at_s in let_in if one == key]
            assert sum(at_s > now_s - MINUTE_S for at_s in own_s) <= IN_A_MINUTE
            assert len(let_in) <= OF_ALL_IN_A_DAY
            assert 0.0 <= wait_s <= DAY_S
