"""Where log lines go: to the journal with fields, or as plain text to standard error.

They go by a thread of their own. A journal that waits for its card, a terminal that was stopped and a pipe
that nobody reads block whoever writes: else that would be the event loop, and the conversation with it.
"""

from __future__ import annotations

import copy
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from queue import Full, Queue

FOREIGN = ("google", "google_genai", "httpx", "httpx2", "httpcore", "websockets", "asyncio", "hpack")
"""Libraries whose lines below WARNING are never shown: at DEBUG, websockets writes the request's headers, and
with them the API key."""

STDERR = 2

MAX_WAITING = 512
"""Lines that may wait to be written; policy for one more: refuse it, count it, and say so later."""

FLUSH_S = 0.5
"""At the end what waits may be written for so long."""

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


class Aside(logging.Handler):
    """Gives lines to another handler, on a thread of its own. Any thread; never waits.

    `dropped` counts the lines for which there was no room.
    """

    def __init__(self, target: logging.Handler) -> None:
        super().__init__()
        self._target = target
        self._waiting: Queue[logging.LogRecord | None] = Queue(MAX_WAITING)
        self.dropped = 0
        # daemon=True: who takes nothing must not keep the process.
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Put the line in the queue; its words are made now, for what they tell of may change."""
        line = copy.copy(record)
        try:
            line.msg, line.args = record.getMessage(), None
            self._waiting.put_nowait(line)
        except Full:
            self.dropped += 1
        except Exception:  # noqa: BLE001 - a line that cannot be written ends nobody, as in `logging` itself
            self.handleError(record)

    def flush(self) -> None:
        """Wait until all has been written, for at most FLUSH_S."""
        waiting = self._waiting
        with waiting.all_tasks_done:
            waiting.all_tasks_done.wait_for(lambda: not waiting.unfinished_tasks, FLUSH_S)

    def close(self) -> None:
        """Write what waits, as `flush` does, and end the thread."""
        self.flush()
        if not self._waiting.full():  # else the thread hangs, and ends with the process
            self._waiting.put_nowait(None)
        super().close()

    def _run(self) -> None:
        told = 0
        while (record := self._waiting.get()) is not None:
            # Not `handle`, whose lock `logging.shutdown` would wait for; nobody else uses it.
            self._target.emit(record)
            if self.dropped > told:
                lost, told = self.dropped - told, self.dropped
                self._target.emit(_record_of(f"{lost} log lines were lost, for nobody took them"))
            self._waiting.task_done()


def _record_of(words: str) -> logging.LogRecord:
    return logging.LogRecord(__name__, logging.WARNING, __file__, 0, words, None, None)


def flush() -> None:
    """Let what was logged be written before what comes next, for at most FLUSH_S."""
    for handler in logging.getLogger().handlers:
        handler.flush()


def dropped() -> int:
    """How many lines were lost."""
    handlers = logging.getLogger().handlers
    return sum(handler.dropped for handler in handlers if isinstance(handler, Aside))


def counters() -> dict[str, int]:
    """The same for `conure status`."""
    return {"log_lines_dropped": dropped()}


def configure(level: str, environ: Mapping[str, str] = os.environ) -> None:
    """Send the daemon's lines of this severity and above to the journal, else to standard error."""
    handler = Aside(journal_handler() if is_journal(environ, STDERR) else _text_handler())
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
