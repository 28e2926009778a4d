"""What a stand-in tells while it runs: lines for whoever watches, and a file with all that was said.

The file is JSON lines: `{"at_s": 1.234, "connection": 1, "kind": "audio", "what": {…}}`, times since the
start. Of sound and pictures it holds the size only. Event loop only; the file is written in a thread.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from daemon.standin.record import AudioMessage, Event, Record, TurnRecord, without_bytes

WAITING_LINES = 10_000
"""Lines that wait to be written; beyond it the oldest are lost and counted."""

FILE_BYTES = 256 * 2**20
"""The file ends there, with a line that says so: some 15 hours of a client that sends all the time."""

WRITE_S = 0.2
NORMAL_CODES = (1000, 1001, 1006)


class Watcher:
    """Tells of each connection in a line: all that happens, or only that somebody was refused."""

    def __init__(self, tell: Callable[[str], None], *, everything: bool) -> None:
        self._tell = tell
        self._everything = everything

    def __call__(self, event: Event) -> None:
        """Called at each event."""
        words = _refusal(event) or (_happening(event) if self._everything else "")
        if words:
            self._tell(printable(f"connection {event.connection}: {words}"))


def _refusal(event: Event) -> str:
    if event.kind != "closed" or not event.payload["by_server"]:
        return ""
    code, reason = event.payload["code"], event.payload["reason"]
    if reason.startswith(("HTTP 4", "HTTP 5")):
        return f"refused with {reason}"
    return "" if code in NORMAL_CODES else f"closed with {code} {reason}"


def _happening(event: Event) -> str:
    match event.kind, event.payload:
        case "audio", _:
            return ""
        case "setup", dict() as setup:
            return f"wants {setup.get('model', 'no model')}"
        case "turn_ended", TurnRecord() as turn:
            return f"turn {turn.number} ended by {turn.ended_by} after {turn.audio_s:.2f} s of sound"
        case "sent", list() as kinds:
            return "" if kinds == ["audio"] else f"sent {', '.join(kinds)}"
        case "closed", {"reason": str() as reason} if reason.startswith("HTTP"):
            return f"answered with {reason}"
        case "closed", {"code": code, "by_server": by_server}:
            return f"closed by the {'server' if by_server else 'client'} ({code})"
        case kind, _:
            return kind.replace("_", " ")


def printable(text: str) -> str:
    """What a client wrote may hold signs that command a terminal: each becomes a question mark."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


class RecordFile:
    """An asynchronous context manager: writes all that is recorded inside it. Raises OSError at its start.

    A disk that is full later ends the writing only; `tell` says so.
    """

    def __init__(self, path: Path, record: Record, tell: Callable[[str], None]) -> None:
        self._path = path
        self._record = record
        self._tell = tell
        self.lost = 0
        """Lines that the disk was too slow for."""
        self._lines: deque[str] = deque(maxlen=WAITING_LINES)
        self._started_s = record.now_s()
        self._left_bytes = FILE_BYTES

    async def __aenter__(self) -> Self:
        """Open the file, which is made anew, and begin."""
        self._file: TextIO = await asyncio.to_thread(self._path.open, "w", encoding="utf-8")
        self._record.watchers.append(self._note)
        self._writer = asyncio.create_task(self._write_for_ever())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the rest."""
        self._record.watchers.remove(self._note)
        self._writer.cancel()
        await asyncio.wait([self._writer])
        if self.lost:
            self._lines.append(json.dumps({"kind": "lost", "what": self.lost}) + "\n")
        await asyncio.to_thread(self._finish)

    def _note(self, event: Event) -> None:
        self.lost += len(self._lines) == WAITING_LINES
        self._lines.append(json.dumps(_as_json(event, self._started_s), default=str) + "\n")

    async def _write_for_ever(self) -> None:
        try:
            while True:
                await asyncio.sleep(WRITE_S)
                await asyncio.to_thread(self._write)
        except OSError as error:
            self._left_bytes = 0
            self._tell(f"the record is written no longer: {error.strerror}")

    def _finish(self) -> None:
        with suppress(OSError), self._file:
            self._write()

    def _write(self) -> None:
        """Runs in a thread; `popleft` is atomic."""
        while self._lines and self._left_bytes > 0:
            line = self._lines.popleft()
            self._left_bytes -= len(line)
            self._file.write(line if self._left_bytes > 0 else '{"kind": "the file is full"}\n')
        self._file.flush()


def _as_json(event: Event, started_s: float) -> dict[str, Any]:
    line: dict[str, Any] = {
        "at_s": round(event.at_s - started_s, 3),
        "connection": event.connection,
        "kind": event.kind,
    }
    match event.payload:
        case None:
            pass
        case AudioMessage() as message:
            line["what"] = {"seconds": round(message.seconds, 4), "rate_hz": message.rate_hz}
        case TurnRecord() as turn:
            line["what"] = {"turn": turn.number, "ended_by": turn.ended_by, "heard_s": round(turn.audio_s, 4)}
        case payload:
            line["what"] = without_bytes(payload)
    return line
