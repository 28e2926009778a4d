"""Ephemeral tokens: made by `POST auth_tokens`, good for a few sessions, with a set-up that is locked.

Facts: google-genai `tokens.py` and the guide to ephemeral tokens. Times are those of the wall clock, which is
handed in. Event loop only.
"""

from __future__ import annotations

import copy
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from daemon.standin.door.credentials import TOKEN_PREFIX
from daemon.standin.grammar.protocol import POLICY, Refusal, camel_case, invalid

LIFE = timedelta(minutes=30)
NEW_SESSION_WINDOW = timedelta(seconds=60)
LONGEST_LIFE = timedelta(hours=20)
"""Defaults and limit of the guide."""

TOKEN_LIMIT = 256
"""Tokens that are remembered; the oldest is unknown beyond this."""


@dataclass(slots=True, eq=False)
class Token:
    """What one token allows."""

    expires: datetime
    new_sessions_until: datetime
    uses_left: int | None
    """None: any number."""
    setup: dict[str, Any] | None
    """What is locked; None: nothing."""
    locked: frozenset[str] | None
    """Dotted paths that are; None: everything."""

    def applied_to(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The set-up that is in force: what is locked replaces what the client asked for, without a word.

        The handle is the client's own: it says which session to go on with.
        """
        if self.setup is None:
            return asked
        if self.locked is None:
            return _with_handle(copy.deepcopy(self.setup), asked)
        result = copy.deepcopy(asked)
        for path in sorted(self.locked):
            _lock(result, self.setup, path.split("."))
        return _with_handle(result, asked)


class Tokens:
    """All tokens of one server."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """`now` is the wall clock, with its zone."""
        self._now = now
        self._tokens: OrderedDict[str, Token] = OrderedDict()

    def make(self, body: dict[str, Any]) -> str:
        """A new token's name, for a request that was checked against the grammar. Raises Refusal."""
        now = self._now()
        expires = body.get("expireTime", now + LIFE)
        until = body.get("newSessionExpireTime", now + NEW_SESSION_WINDOW)
        uses = body.get("uses", 1)
        if not now < expires <= now + LONGEST_LIFE or not now < until <= now + LONGEST_LIFE or uses < 0:
            raise invalid()
        setup = body.get("bidiGenerateContentSetup")
        token = Token(
            expires=expires,
            new_sessions_until=until,
            uses_left=uses or None,
            setup=setup,
            locked=_locked(body.get("fieldMask", "")),
        )
        name = TOKEN_PREFIX + secrets.token_hex(32)
        self._tokens[name] = token
        if len(self._tokens) > TOKEN_LIMIT:
            self._tokens.popitem(last=False)
        return name

    def admit(self, name: str, *, resumes: bool) -> Token:
        """Use it for a session: a new one, or one that it `resumes`, which is no use. Raises Refusal."""
        token, now = self._tokens.get(name), self._now()
        if token is None or token.expires <= now:
            raise Refusal(POLICY, "Token is not valid, or has expired.")
        if resumes:
            return token
        if token.new_sessions_until <= now:
            raise Refusal(POLICY, "Token cannot be used for new sessions any more.")
        if token.uses_left == 0:
            raise Refusal(POLICY, "Token has been used too many times.")
        if token.uses_left is not None:
            token.uses_left -= 1
        return token


def _locked(mask: str) -> frozenset[str] | None:
    paths = [path.strip() for path in mask.split(",") if path.strip()]
    return frozenset(".".join(map(camel_case, path.split("."))) for path in paths) if paths else None


def _lock(result: dict[str, Any], setup: dict[str, Any], path: list[str]) -> None:
    """Give the value at this path as `setup` has it; what is not there is taken out."""
    *parents, last = path
    for name in parents:
        setup = _inside(setup, name) or {}
        if not isinstance(result.get(name), dict):
            if not setup:
                return
            result[name] = {}
        result = result[name]
    if last in setup:
        result[last] = copy.deepcopy(setup[last])
    else:
        result.pop(last, None)


def _inside(setup: dict[str, Any], name: str) -> dict[str, Any] | None:
    value = setup.get(name)
    return value if isinstance(value, dict) else None


def _with_handle(result: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    handle = asked.get("sessionResumption", {}).get("handle")
    if handle is not None and "sessionResumption" in result:
        result["sessionResumption"] = {**result["sessionResumption"], "handle": handle}
    return result
