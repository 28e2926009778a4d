"""`POST /api/token`: a token by which a browser talks to the service itself, without the API key.

The session is locked to the speaker's set-up, without its tools. What is said on it goes from the browser to
the service: the speaker counts the token, and nothing of what it costs. A token is never logged. Event loop
only.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from daemon.config.models import VOICES
from daemon.config.settings import LiveSettings
from daemon.config.web import WebSettings
from daemon.control.remote.client import SpeakerDoor
from daemon.errors import ConfigError, ControlError
from daemon.runtime.clock import clock_is_set
from daemon.runtime.local_clock import local_time
from daemon.session.failures import LinkError
from daemon.session.tokens import API_VERSION, MakeToken, TokenWish, websocket_url
from daemon.web.api.allowance import Allowance
from daemon.web.api.answers import as_json, body_of, text_in
from daemon.web.api.failures import refusal_by
from daemon.web.api.kept_status import KeptStatus
from daemon.web.api.speaker_metrics import number_at
from daemon.web.entry import Entry, Right, Visitor
from daemon.web.gate.refusals import RefusalName, WebRefused

log = logging.getLogger(__name__)

NEW_SESSION_S = 60.0
"""A session must begin so soon: the browser asks when its user wants to talk."""


class TokenDesk:
    """Answers the request."""

    def __init__(
        self,
        web: WebSettings,
        live: LiveSettings,
        make: MakeToken,
        *,
        speaker: SpeakerDoor,
        status: KeptStatus,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` and `wall_clock` give seconds; `live.base_url` is where browsers are sent."""
        self._web = web
        self._live = live
        self._make = make
        self._speaker = speaker
        self._status = status
        self._clock = clock
        self._wall_clock = wall_clock
        self._allowance = Allowance()
        self.minted = 0

    async def mint(self, request: Request) -> Response:
        """201 with the token. Raises WebRefused."""
        visitor: Visitor = request.state.visitor
        voice = text_in(await body_of(request), "voice", usual="")
        if not self._web.tokens:
            raise WebRefused(RefusalName.TOKENS_OFF)
        voice = _checked(voice)
        await self._check_budget()
        wish = await self._wish(voice or self._live.voice)
        if (wait_s := self._allowance.take(visitor.key, self._clock())) > 0:
            raise WebRefused(RefusalName.TOO_MANY_TOKENS, retry_after_s=wait_s)
        made = self._told(await self._asked(wish), wish)
        self.minted += 1
        log.info("a token for %s, good until %s", visitor.key, made["expires_at"])
        return as_json(made, 201)

    async def _check_budget(self) -> None:
        """Raise WebRefused where the day's budget is used up; a speaker that is away has told of none."""
        used = number_at(await self._status.newest() or {}, "usage.budget_ratio")
        if used is not None and used >= 1.0:
            raise WebRefused(RefusalName.BUDGET_USED_UP)

    async def _wish(self, voice: str) -> TokenWish:
        now_s = self._wall_clock()
        if not clock_is_set(now_s):
            raise WebRefused(RefusalName.CLOCK_NOT_SET)
        now = datetime.fromtimestamp(now_s, UTC).replace(microsecond=0)
        return TokenWish(
            instruction=await self._instruction(),
            voice=voice,
            expires=now + timedelta(minutes=self._web.token_minutes),
            new_sessions_until=now + timedelta(seconds=NEW_SESSION_S),
        )

    async def _instruction(self) -> str:
        """The speaker's, without what it says of tools, and with facts only where that is allowed."""
        # Loaded where it is needed: tools come with it.
        from daemon.tools.instruction import TOOLS, compose

        if self._web.token_facts:
            try:
                told = (await self._speaker.ask("equipment"))["instruction"]
                return "\n".join(line for line in str(told).split("\n") if line != TOOLS)
            except (ControlError, KeyError, TypeError) as error:
                log.debug("a token without facts: %s", error)
        return compose(self._live, local_time(), tools=False)

    async def _asked(self, wish: TokenWish) -> str:
        try:
            return await self._make(wish)
        except LinkError as error:
            log.warning("the service gave no token: %s", error)
            raise refusal_by(error.failure) from error
        except ConfigError as error:
            raise WebRefused(RefusalName.KEY_MISSING) from error

    def _told(self, token: str, wish: TokenWish) -> dict[str, Any]:
        """Under the three names that clients read it by."""
        names = dict.fromkeys(("token", "session_token", "session_name"), token)
        return names | {
            "expires_at": wish.expires.isoformat(),
            "new_session_expires_at": wish.new_sessions_until.isoformat(),
            "uses": 1,
            "model": self._live.model,
            "websocket_url": websocket_url(self._live.base_url),
            "api_version": API_VERSION,
        }


def _checked(voice: str) -> str:
    """The name as the service spells it; empty for none. Raises WebRefused."""
    known = next((name for name in VOICES if name.lower() == voice.lower()), "")
    if voice and not known:
        raise WebRefused(RefusalName.UNKNOWN_VOICE, f"There is no such voice. There are {', '.join(VOICES)}.")
    return known


def entries(desk: TokenDesk) -> list[Entry]:
    """For paired devices, and programs whose token has the right."""
    return [Entry(path="/api/token", endpoint=desk.mint, methods=frozenset({"POST"}), needs=Right.TOKENS)]
