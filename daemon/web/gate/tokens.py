"""Tokens for programs, each with the rights that it was made for. Kept as the SHA-256 of the token, by name.

`conure web token NAME --for talk,metrics` makes one; `tokens.json` is read again when it has changed.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.errors import ConureError
from daemon.web.entry import Right, Visitor
from daemon.web.gate.devices import SECRET_BYTES
from daemon.web.gate.pairing import digest_of
from daemon.web.gate.shared_file import SharedFile

FILE = "tokens.json"

MAX_TOKENS = 32
"""Tokens; policy for one more: refuse it."""

PREFIX = "conure_"
"""So that whoever finds one in a file knows what it opens, and a scanner for secrets can find it."""

NAME_FORM = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayToken:
    """One program that is let in."""

    name: str
    digest: str
    rights: frozenset[Right]

    def as_visitor(self) -> Visitor:
        """As the endpoints see it."""
        return Visitor(name=self.name, key=f"token:{self.name}", rights=self.rights)


Known = tuple[GatewayToken, ...]


class GatewayTokens:
    """The tokens of a folder. Reading takes microseconds; what changes them blocks on the disk."""

    def __init__(self, folder: Path) -> None:
        self._file: SharedFile[Known] = SharedFile(folder, FILE, parse=_parse, plain=_plain, empty=())

    def all(self) -> Known:
        """All of them."""
        return self._file.read()

    def by_token(self, secret: str) -> GatewayToken | None:
        """The one with this secret."""
        digest = digest_of(secret)
        return next((token for token in self.all() if token.digest == digest), None)

    def has(self, name: str) -> bool:
        """Whether there is one of this name."""
        return any(token.name == name for token in self.all())

    def make(self, name: str, rights: Iterable[Right]) -> str:
        """Make one, in the place of an earlier one of this name; returns the token, which nothing keeps.

        Raises ConureError.
        """
        if not NAME_FORM.fullmatch(name):
            raise ConureError(f"{name!r} is no name of a token: 1 to 32 small letters, digits and hyphens")
        secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        token = GatewayToken(name=name, digest=digest_of(secret), rights=frozenset(rights))
        self._file.change(lambda known: _with_one_more(_without(known, name), token))
        return secret

    def revoke(self, name: str) -> bool:
        """Let this one in no more; returns whether there was one. Raises ConureError."""
        there = self.has(name)
        if there:
            self._file.change(lambda known: _without(known, name))
        return there


def rights_of(words: str) -> frozenset[Right]:
    """Rights from a list like "talk,metrics". Raises ConureError."""
    try:
        rights = frozenset(Right(word.strip()) for word in words.split(","))
    except ValueError as error:
        known = ", ".join(Right)
        raise ConureError(f"{words!r} names no rights; there are {known}, separated by commas") from error
    return rights


def _without(known: Known, name: str) -> Known:
    return tuple(token for token in known if token.name != name)


def _with_one_more(known: Known, token: GatewayToken) -> Known:
    if len(known) >= MAX_TOKENS:
        raise ConureError(f"there are {MAX_TOKENS} tokens already; revoke one with `conure web revoke NAME`")
    return (*known, token)


def _plain(known: Known) -> dict[str, Any]:
    rows = [{"name": one.name, "digest": one.digest, "rights": sorted(one.rights)} for one in known]
    return {"tokens": rows}


def _parse(data: Any) -> Known:
    return tuple(
        GatewayToken(
            name=str(row["name"]), digest=str(row["digest"]), rights=frozenset(map(Right, row["rights"]))
        )
        for row in data["tokens"][:MAX_TOKENS]
    )
