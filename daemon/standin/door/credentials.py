"""Who comes in: what a request's target and headers say, and with which words it is turned away. Pure."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from daemon.standin.grammar.protocol import POLICY, Refusal, invalid

REDACTED = "(redacted)"
TOKEN_PREFIX = "auth_tokens/"  # noqa: S105 - how the names of tokens begin

_LIVE = re.compile(
    r"/+ws/google\.ai\.generativelanguage\.(\w+)\.GenerativeService\.BidiGenerateContent(Constrained)?"
)
"""With any number of slashes before it: @google/genai writes two where its `baseUrl` has no path."""

_CONTENT = re.compile(r"/+(\w+)/models/([\w.-]+):(generateContent|streamGenerateContent)")
_MODEL = re.compile(r"/+\w+/models/([\w.-]+)")
_TOKENS = re.compile(r"/+(v1|v1beta|v1alpha)/auth_tokens")
_SECRET_QUERY = re.compile(r"(?<=[?&])((?:api_?)?key|access_token)=[^&]*", re.IGNORECASE)
_SECRET_HEADERS = frozenset({"x-goog-api-key", "authorization", "cookie"})


@dataclass(frozen=True, slots=True)
class Door:
    """What a client wants of the Live service, and what it shows."""

    api_version: str
    constrained: bool
    """The way in for ephemeral tokens, and for nothing else."""
    key: str
    """Empty where there is none."""
    token: str
    """Its whole name, `auth_tokens/…`; empty where there is none."""


def live_door(target: str, headers: Mapping[str, str]) -> Door | None:
    """The door that an upgrade's target names, or None. Names of headers are in lower case."""
    path, _, query = target.partition("?")
    match = _LIVE.fullmatch(path)
    if match is None:
        return None
    return Door(match[1], match[2] is not None, key_of(query, headers), _token_of(query, headers))


@dataclass(frozen=True, slots=True)
class ContentPath:
    """What a POST asks of which model."""

    api_version: str
    model: str
    streams: bool
    """Whether the answer is wanted piece by piece."""
    as_events: bool
    """Whether by server-sent events (`alt=sse`)."""


def content_path(target: str) -> ContentPath | None:
    """What the target asks for, or None where it asks for no content."""
    path, _, query = target.partition("?")
    match = _CONTENT.fullmatch(path)
    if match is None:
        return None
    return ContentPath(match[1], match[2], match[3] != "generateContent", _from_query(query, "alt") == "sse")


def model_of(target: str) -> str | None:
    """The model that a GET asks about, or None where it asks for something else."""
    match = _MODEL.fullmatch(target.partition("?")[0])
    return match[1] if match else None


def is_token_path(target: str) -> bool:
    """Whether a POST to this target asks for an ephemeral token."""
    return _TOKENS.fullmatch(target.partition("?")[0]) is not None


def key_of(query: str, headers: Mapping[str, str]) -> str:
    """The API key; empty where there is none. A token is no key, though google-genai shows it as one."""
    key = headers.get("x-goog-api-key", "") or _from_query(query, "key")
    return "" if key.startswith(TOKEN_PREFIX) else key


def _token_of(query: str, headers: Mapping[str, str]) -> str:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    token = value.strip() if scheme.lower() in ("token", "bearer") else ""
    return token or _from_query(query, "access_token")


def _from_query(query: str, name: str) -> str:
    return parse_qs(query).get(name, [""])[0]


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """Which API keys are good: `only` these, or any that is not `bad`."""

    only: frozenset[str] = frozenset()
    bad: frozenset[str] = frozenset()

    def check(self, key: str) -> None:
        """Raises Refusal for no key, and for one that is not good."""
        if not key:
            raise Refusal(POLICY, "Method doesn't allow unregistered callers.")
        if _is_one_of(key, self.bad) or (self.only and not _is_one_of(key, self.only)):
            raise invalid("API key not valid. Please pass a valid API key.")


def _is_one_of(key: str, known: Iterable[str]) -> bool:
    shown = key.encode(errors="surrogateescape")
    return any(hmac.compare_digest(shown, one.encode(errors="surrogateescape")) for one in known)


def without_secrets(target: str) -> str:
    """The target with its keys and tokens taken out."""
    return _SECRET_QUERY.sub(rf"\1={REDACTED}", target)


def public_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Names in lower case; what carries a key is replaced by `REDACTED`."""
    return {name.lower(): REDACTED if name.lower() in _SECRET_HEADERS else value for name, value in headers}
