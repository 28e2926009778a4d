"""Where log lines go: plain text on standard error, with the time on a terminal."""

from __future__ import annotations

import logging
import sys

FOREIGN = ("google", "google_genai", "httpx", "httpx2", "httpcore", "websockets", "asyncio", "hpack")
"""Libraries whose lines below WARNING are never shown: at DEBUG, websockets writes the request's headers, and
with them the API key."""


def configure(level: str) -> None:
    """Send the daemon's lines of this severity and above to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    with_time = "%(asctime)s.%(msecs)03d " if sys.stderr.isatty() else ""
    handler.setFormatter(logging.Formatter(f"{with_time}%(levelname)s %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in FOREIGN:
        logging.getLogger(name).setLevel(logging.WARNING)
