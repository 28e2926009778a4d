"""Ephemeral tokens: what one is to allow, and where it is taken. Pure.

A token lets a browser talk to the service by itself, without the API key, in a session that is set up as the
speaker decides. The service makes it (`gemini/client.py`); it is as secret as a key while it is good.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

API_VERSION = "v1alpha"
"""The only one that makes tokens and takes them (google-genai `tokens.py`)."""

SERVICE = "generativelanguage.googleapis.com"
"""Where the service is, unless the settings lead elsewhere."""

PATH = f"/ws/google.ai.generativelanguage.{API_VERSION}.GenerativeService.BidiGenerateContentConstrained"
"""The only way in for tokens: `BidiGenerateContent` refuses them (cookbook #821)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenWish:
    """What a token is asked for: one session, locked to the settings and to this. Times have their zone."""

    instruction: str
    voice: str
    """Empty: the model's own."""
    expires: datetime
    """Then every session by it ends."""
    new_sessions_until: datetime


MakeToken = Callable[[TokenWish], Awaitable[str]]
"""Asks the service for a token and returns its name. Raises LinkError, and ConfigError without a key."""


def websocket_url(base_url: str) -> str:
    """Where a token is shown as `?access_token=`; `base_url` as in the settings, empty: Google's."""
    return f"wss://{urlsplit(base_url).netloc or SERVICE}{PATH}"
