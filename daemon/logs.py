"""Where log lines go: to the journal with fields, or as plain text to standard error."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping

FOREIGN = ("google", "google_genai", "httpx", "httpx2", "httpcore", "websockets", "asyncio", "hpack")
"""Libraries whose lines below WARNING are never shown: at DEBUG, websockets writes the request's headers, and
with them the API key."""

STDERR = 2

Fields = Callable[[], Mapping[str, object]]
"""Names in capitals, as the journal has them (CONURE_STATE), and their values now. Any thread."""


class _Context(logging.Filter):
    """Gives each line the fields of the moment; a line's own come first. Refuses none."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: Fields = dict

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in self.fields().items():
            record.__dict__.setdefault(name, value)
        return True


_context = _Context()


def configure(level: str, environ: Mapping[str, str] = os.environ) -> None:
    """Send the daemon's lines of this severity and above to the journal, else to standard error."""
    handler = journal_handler() if is_journal(environ, STDERR) else _text_handler()
    handler.addFilter(_context)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in FOREIGN:
        logging.getLogger(name).setLevel(logging.WARNING)


def add_fields(fields: Fields) -> None:
    """From now on each line carries these too, where it goes to the journal."""
    _context.fields = fields


def is_journal(environ: Mapping[str, str], descriptor: int) -> bool:
    """Whether what is written there ends up in the journal (JOURNAL_STREAM of systemd.exec(5))."""
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return (device, inode) == (str(found.st_dev), str(found.st_ino))


def journal_handler() -> logging.Handler:
    """systemd's own, for the journal. Raises ImportError without systemd-python."""
    from systemd.journal import JournalHandler

    handler: logging.Handler = JournalHandler(SYSLOG_IDENTIFIER="conure")
    handler.setFormatter(logging.Formatter("%(message)s"))
    return handler


def _text_handler() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    with_time = "%(asctime)s.%(msecs)03d " if sys.stderr.isatty() else ""
    handler.setFormatter(logging.Formatter(f"{with_time}%(levelname)s %(message)s", "%H:%M:%S"))
    return handler
