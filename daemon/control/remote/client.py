"""The speaker as its gateway sees it: commands, and one `watch` for all who listen. Event loop only.

Both sides of the socket are bounded: of the speaker's few places this takes one for the watch and MAX_ASKING
for commands, and who listens here too slowly loses the oldest notes and is told how many.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Any, Protocol

from daemon.control.client import ANSWER_LIMIT_BYTES, REQUEST_LIMIT_BYTES, TIMEOUT_S
from daemon.control.remote.first_of import first_of
from daemon.control.remote.recent import RecentWords
from daemon.errors import ControlError

log = logging.getLogger(__name__)

Note = dict[str, Any]

MAX_ASKING = 3
"""Commands under way at one time; one more waits. The speaker serves eight clients, the terminal's too."""
MAX_WAITING = 256
"""Notes that a listener may be behind; policy: its oldest are dropped, counted, and told as a `gap`."""
RETRY_S = (0.25, 0.5, 1.0, 2.0)
"""Pauses between attempts to reach the speaker; the last one for ever. It is back on the page within 5 s."""

HERE: Note = {"event": "speaker", "speaker": "here"}
AWAY = "the speaker is away; it may be starting again"
ALONE = "this gateway has no speaker"


class SpeakerDoor(Protocol):
    """A speaker that can be asked and listened to."""

    @property
    def present(self) -> bool:
        """Whether it answers."""
        ...

    async def ask(self, command: str, **args: Any) -> Any:
        """Carry out a command of the control socket, and return its result. Raises ControlError."""
        ...

    def notes(self, *, level: bool = False) -> AsyncGenerator[Note]:
        """What happens: first `speaker` (here or away), `snapshot`, and `said` (what was said lately); then
        each note, for ever.

        `level`: also how loud the microphone is, some times a second.
        """
        ...


class SpeakerAway(ControlError):
    """Nobody answers at the control socket."""


class NoSpeaker:
    """A gateway that stands alone: it has talks and tokens, and nothing to command."""

    present = False

    async def ask(self, command: str, **args: Any) -> Any:
        """As `SpeakerDoor` says: it never can."""
        raise SpeakerAway(ALONE)

    async def notes(self, *, level: bool = False) -> AsyncGenerator[Note]:
        """That there is none; then nothing, for ever."""
        yield {"event": "speaker", "speaker": "none", "problem": ALONE}
        await asyncio.Event().wait()


class _Ear:
    """Somebody who listens."""

    def __init__(self, *, level: bool) -> None:
        self.level = level
        self.notes: deque[Note] = deque()
        self.dropped = 0
        self.filled = asyncio.Event()

    def hear(self, note: Note) -> None:
        if len(self.notes) >= MAX_WAITING:
            self.notes.popleft()
            self.dropped += 1
        self.notes.append(note)
        self.filled.set()

    def take(self) -> tuple[list[Note], int]:
        """All that waits, or how many are missed: then a snapshot is worth more than what is left of them."""
        notes, dropped = list(self.notes), self.dropped
        self.notes.clear()
        self.filled.clear()
        self.dropped = 0
        return notes, dropped + len(notes) if dropped else 0


class RemoteSpeaker:
    """The speaker at a control socket. `run` is its task; it goes on whether somebody answers or not."""

    def __init__(self, find: Callable[[], Path], recent: RecentWords | None = None) -> None:
        """`find` gives the socket each time it is to be reached; it may block for a moment.

        `recent` hears all notes, and is told to whoever begins to listen; by default nothing is remembered.
        """
        self._find = find
        self._recent = recent or RecentWords(0.0, time.monotonic)
        self._asking = asyncio.Semaphore(MAX_ASKING)
        self._ears: set[_Ear] = set()
        self._heard_by_others = asyncio.Event()
        self._answers = asyncio.Event()
        """Set when a command was answered: then the watch need not wait to try again."""
        self.present = False
        self.dropped = 0
        self.lost = 0
        """How often the speaker went away."""

    def counters(self) -> dict[str, int]:
        """What slow listeners have missed, and how often the speaker went away."""
        return {"web_notes_dropped": self.dropped, "web_speaker_lost": self.lost}

    # --- commands

    async def ask(self, command: str, **args: Any) -> Any:
        """As `SpeakerDoor` says. Raises SpeakerAway, or ControlError with the speaker's own words."""
        try:
            async with asyncio.timeout(TIMEOUT_S), self._asking, self._asked(command, args) as reader:
                answer = await _line(reader)
        except TimeoutError as error:
            raise ControlError(f"the speaker did not answer within {TIMEOUT_S:g} s") from error
        self._answers.set()
        return _result(answer)

    @contextlib.asynccontextmanager
    async def _asked(self, command: str, args: dict[str, Any]) -> AsyncIterator[asyncio.StreamReader]:
        request = json.dumps({"command": command, "args": args}).encode() + b"\n"
        if len(request) > REQUEST_LIMIT_BYTES:
            raise ControlError(f"that is too long: {len(request)} bytes of at most {REQUEST_LIMIT_BYTES}")
        try:
            reader, writer = await asyncio.open_unix_connection(
                await asyncio.to_thread(self._find), limit=ANSWER_LIMIT_BYTES
            )
        except (OSError, ControlError) as error:
            raise SpeakerAway(AWAY) from error
        try:
            writer.write(request)
            yield reader
        except OSError as error:
            raise SpeakerAway(AWAY) from error
        finally:
            writer.transport.abort()

    # --- notes

    async def notes(self, *, level: bool = False) -> AsyncGenerator[Note]:
        """As `SpeakerDoor` says. After a `gap` a fresh snapshot follows."""
        ear = _Ear(level=level)
        self._ears.add(ear)
        self._heard_by_others.set()
        try:
            for note in await self._how_it_is():
                yield note
            while True:
                await ear.filled.wait()
                for note in await self._taken(ear):
                    yield note
        finally:
            self._ears.discard(ear)
            self._heard_by_others.set()

    async def _taken(self, ear: _Ear) -> list[Note]:
        """All that waits for this ear; what was dropped before is told first, and then how it is."""
        notes, dropped = ear.take()
        if not dropped:
            return notes
        self.dropped += dropped
        return [{"event": "gap", "count": dropped}, *await self._how_it_is()]

    async def _how_it_is(self) -> list[Note]:
        try:
            status = await self.ask("status")
        except ControlError as error:
            return [_away(error), self._said()]
        return [dict(HERE), {"event": "snapshot", "status": status}, self._said()]

    def _said(self) -> Note:
        return {"event": "said", "lines": self._recent.lines()}

    # --- the one watch

    async def run(self) -> None:
        """Watch the speaker for ever. Ends only by cancellation or by a bug."""
        failures = 0
        while True:
            try:
                await self._watch()
            except ControlError as error:
                failures = 0 if self.present else failures + 1
                self._go_away(error)
                await self._pause(RETRY_S[min(failures, len(RETRY_S) - 1)])

    async def _pause(self, pause_s: float) -> None:
        self._answers.clear()
        with contextlib.suppress(TimeoutError):  # the pause is over
            async with asyncio.timeout(pause_s):
                await self._answers.wait()

    async def _watch(self) -> None:
        """Until another watch is needed. Raises ControlError when the speaker goes away."""
        level = self._level_wanted
        async with self._asked("watch", {"level": level}) as reader:
            await first_of(self._hear_all(reader), self._wait_for_other_ears(level=level))

    @property
    def _level_wanted(self) -> bool:
        return any(ear.level for ear in self._ears)

    async def _wait_for_other_ears(self, *, level: bool) -> None:
        while self._level_wanted is level:
            self._heard_by_others.clear()
            await self._heard_by_others.wait()

    async def _hear_all(self, reader: asyncio.StreamReader) -> None:
        while True:
            note = await _line(reader)
            if "event" not in note:
                _result(note)  # it was refused
            if not self.present:
                self.present = True
                self._tell(dict(HERE))
            self._tell(note)

    def _go_away(self, error: ControlError) -> None:
        if self.present:
            self.present = False
            self.lost += 1
            log.info("the speaker went away: %s", error)
            self._tell(_away(error))

    def _tell(self, note: Note) -> None:
        self._recent.hear(note)
        for ear in self._ears:
            ear.hear(note)


def _away(error: ControlError) -> Note:
    return {"event": "speaker", "speaker": "away", "problem": str(error)}


async def _line(reader: asyncio.StreamReader) -> Note:
    """The next line. Raises SpeakerAway at the end, ControlError for what is no answer."""
    try:
        line = await reader.readline()
    except OSError as error:
        raise SpeakerAway(AWAY) from error
    except ValueError as error:
        raise ControlError(f"the speaker's answer has more than {ANSWER_LIMIT_BYTES} bytes") from error
    if not line.endswith(b"\n"):
        raise SpeakerAway(AWAY)
    try:
        table = json.loads(line)
    except ValueError:
        table = None
    if not isinstance(table, dict):
        raise ControlError("the speaker's answer is not understood: is it another version?")
    return table


def _result(answer: Note) -> Any:
    if answer.get("ok") is not True:
        raise ControlError(str(answer.get("error") or "the speaker refused without a reason"))
    return answer.get("result")
