"""Masks what looks like a key, whoever wrote it and wherever it stands. Pure."""

from __future__ import annotations

import re

MASK = "********"

_KEYS = re.compile(
    r"AIza[0-9A-Za-z_-]{8,}"  # API keys of Google's: 39 characters
    r"|AQ\.[0-9A-Za-z_-]{16,}"  # the newer kind, bound to a service account
    r"|auth_tokens/[0-9A-Za-z_-]+"  # ephemeral tokens of the Live API
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # name and password in an address
)


def mask_keys(text: str) -> str:
    """`text` with whatever looks like a key masked. What is cut to length is to be masked before."""
    return _KEYS.sub(MASK, text)
