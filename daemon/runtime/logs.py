"""Where log lines go: to the journal with fields, or as plain text to standard error.

A thread of their own writes them. A journal that waits for its card, a terminal that was stopped, or a pipe
that nobody reads blocks whoever writes; that must not be the event loop, which would block the conversation.

What libraries warn of and print goes the same way. Every line is cleaned and cut, and keys in it are masked;
of lines that are not our own only so many are written.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import os
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from queue import Full, Queue
from typing import Any, TextIO

from daemon.masking import mask_keys
from daemon.runtime.cells import clean

FOREIGN = (
    "google", "google_genai", "httpx", "httpx2", "httpcore", "websockets", "asyncio", "hpack",
    "mcp", "client",
)  # fmt: skip
"""Libraries whose lines below WARNING are never shown: at DEBUG, websockets writes the request's headers, and
with them the API key. "client" is a logger of mcp's."""

STDERR = 2

AS_PRINTED = {"PRINTED": "1"}
"""A field of lines that were printed, and not logged."""

MAX_WAITING = 512
"""Lines that may wait to be written; policy for one more: refuse it, count it, and say so later."""

MAX_CHARS = 4096
"""Of a line; policy: cut."""

MAX_TRACE_LINES = 60
"""Of the trace of an exception; policy: keep the newest calls."""

FOREIGN_BURST = 100
"""Lines that are not our own and may come at once: a trace of a thread that ended, a library's complaint."""

FOREIGN_PAUSE_S = 1.0
"""After a burst one more may come in this time; policy for others: refuse and count."""

OURS = ("daemon", "hw")

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


class _ForeignBound(logging.Filter):
    """Lets through so many lines of libraries, and all of ours. Any thread; two at once may count as one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._left = float(FOREIGN_BURST)
        self._at_s = clock()
        self.refused = 0

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.split(".")[0] in OURS:
            return True
        now_s = self._clock()
        self._left = min(FOREIGN_BURST, self._left + (now_s - self._at_s) / FOREIGN_PAUSE_S)
        self._at_s = now_s
        if self._left < 1:
            self.refused += 1
            return False
        self._left -= 1
        return True


class Aside(logging.Handler):
    """Gives lines to another handler, on a thread of its own. Any thread; never waits.

    `dropped` counts the lines for which there was no room, `unwritten` those that could not be written.
    """

    def __init__(self, target: logging.Handler) -> None:
        super().__init__()
        self._target = target
        self._waiting: Queue[logging.LogRecord | None] = Queue(MAX_WAITING)
        self.dropped = 0
        self.unwritten = 0
        target.handleError = self._note_unwritten  # type: ignore[method-assign]  # its own prints
        # daemon=True: who takes nothing must not keep the process.
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Put the line in the queue; its words are made now, for what they tell of may change."""
        try:
            self._waiting.put_nowait(tidy(record))
        except Full:
            self.dropped += 1
        except Exception as error:  # noqa: BLE001 - a line ends nobody, as in `logging` itself
            where = f"{record.pathname}:{record.lineno}"
            self.emit(_record_of(f"a log line of {where} cannot be put into words: {type(error).__name__}"))

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

    def _note_unwritten(self, record: logging.LogRecord) -> None:
        self.unwritten += 1

    def _run(self) -> None:
        told = 0
        while (record := self._waiting.get()) is not None:
            # Not `handle`, whose lock `logging.shutdown` would wait for; nobody else uses it.
            self._target.emit(record)
            if self.dropped > told:
                lost, told = self.dropped - told, self.dropped
                self._target.emit(_record_of(f"{lost} log lines were lost, for nobody took them"))
            self._waiting.task_done()


def tidy(record: logging.LogRecord) -> logging.LogRecord:
    """A line with its words made, cleaned and cut, and without a key. Raises what making the words raises."""
    line = copy.copy(record)
    line.msg, line.args = tidy_text(record.getMessage()), None
    if record.exc_info and record.exc_info[0] is not None:
        trace = "".join(traceback.format_exception(*record.exc_info)).splitlines()[-MAX_TRACE_LINES:]
        line.exc_text, line.exc_info = "\n".join(map(tidy_text, trace)), None
    line.stack_info = None
    return line


def tidy_text(text: str) -> str:
    """One line of at most MAX_CHARS that commands no terminal and holds no key."""
    return mask_keys(clean(text[: 2 * MAX_CHARS]))[:MAX_CHARS]


def _record_of(words: str) -> logging.LogRecord:
    return logging.LogRecord(__name__, logging.WARNING, __file__, 0, words, None, None)


def flush() -> None:
    """Let what was logged be written before what comes next, for at most FLUSH_S."""
    for handler in logging.getLogger().handlers:
        handler.flush()


def dropped() -> int:
    """How many lines were lost or refused."""
    handlers = logging.getLogger().handlers
    lost = sum(handler.dropped + handler.unwritten for handler in handlers if isinstance(handler, Aside))
    return lost + sum(
        bound.refused for handler in handlers for bound in handler.filters if isinstance(bound, _ForeignBound)
    )


def counters() -> dict[str, int]:
    """The same for `conure status`."""
    return {"log_lines_dropped": dropped()}


def configure(level: str, environ: Mapping[str, str] = os.environ) -> None:
    """Send the daemon's lines of this severity and above to the journal, else to standard error."""
    handler = Aside(journal_handler() if is_journal(environ, STDERR) else _text_handler())
    handler.addFilter(_context)
    handler.addFilter(_ForeignBound())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in FOREIGN:
        logging.getLogger(name).setLevel(logging.WARNING)
    take_warnings()


def take_warnings() -> None:
    """Let what libraries warn of be lines. "always", since Python else keeps the text of each for ever."""
    warnings.showwarning = _log_warning
    warnings.simplefilter("always", UserWarning)


def _log_warning(message: Warning | str, category: type[Warning], *_place: Any, **_more: Any) -> None:
    logging.getLogger("py.warnings").warning("%s: %s", category.__name__, message)


class _Printed(io.TextIOBase):
    """A standard stream whose lines go by the log. Any thread; never waits."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._held = ""

    def write(self, text: str) -> int:
        """Give the whole lines to the log; policy for a line that does not end: cut."""
        with self._lock:
            *lines, rest = (self._held + text[-2 * MAX_CHARS :]).split("\n")
            self._held = rest[:MAX_CHARS]
        for line in lines:
            logging.getLogger("printed").warning("%s", line, extra=AS_PRINTED)
        return len(text)

    def isatty(self) -> bool:
        """As the stream itself."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """As the stream itself."""
        return self._stream.fileno()


@contextlib.contextmanager
def taking_prints(*, standard_output: bool) -> Iterator[None]:
    """Let what is printed meanwhile on standard error, and on standard output where asked, be lines."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stderr(_Printed(sys.stderr)))
        if standard_output:
            stack.enter_context(contextlib.redirect_stdout(_Printed(sys.stdout)))
        try:
            yield
        finally:
            flush()


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
    handler.setFormatter(_Words(f"{with_time}%(levelname)s %(message)s", "%H:%M:%S"))
    return handler


class _Words(logging.Formatter):
    """What was printed stands there as it was printed."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with time and severity unless it was printed."""
        return record.getMessage() if "PRINTED" in record.__dict__ else super().format(record)
