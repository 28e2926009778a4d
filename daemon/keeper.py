"""What outlives the process, and when it is written: each day's usage, and the session's handle.

The event loop asks for the contents; the disk is written on a thread, for a card may take a second over it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from daemon.link import Handle
from daemon.settings import LiveSettings
from daemon.store import Store
from daemon.usage import UNSET, Accounts, Day, read_days
from daemon.wall_clock import clock_is_set

Result = TypeVar("Result")
Content = Mapping[str, Any]

SAVE_EVERY_S = 60.0
"""A power cut costs this much of the accounts. What has not changed is not written: cards wear out."""

USAGE_FILE = "usage.json"
SESSION_FILE = "session.json"


def local_day(at_s: float | None = None) -> str:
    """The local calendar day of a wall clock time (None: now) as "2026-11-21", or UNSET."""
    wall_s = time.time() if at_s is None else at_s
    return time.strftime("%Y-%m-%d", time.localtime(wall_s)) if clock_is_set(wall_s) else UNSET


def load_days(store: Store | None) -> dict[str, Day]:
    """The usage of earlier runs."""
    return (store.load(USAGE_FILE, read_days) if store else None) or {}


class Keeper:
    """Writes files when their content has changed. Event loop only."""

    def __init__(
        self,
        store: Store | None,
        files: Mapping[str, Callable[[], Content | None]],
        *,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        """`files` names what gives each file's content, which is now as it was loaded; None: no file.

        Without a store nothing is kept. `sleep` takes seconds.
        """
        self._store = store
        self._files = files
        self._sleep = sleep
        self._kept = {name: content() for name, content in files.items()}

    @property
    def failures(self) -> int:
        """Writes that failed."""
        return self._store.failures if self._store else 0

    async def run(self) -> None:
        """Save what has changed, at most once a minute, and once more when cancelled."""
        try:
            while True:
                await self._sleep(SAVE_EVERY_S)
                await self._save_changes()
        finally:
            await self._save_changes()

    async def _save_changes(self) -> None:
        if self._store is None:
            return
        for name, content_of in self._files.items():
            content = content_of()
            if content == self._kept[name]:
                continue
            if await to_its_end(asyncio.to_thread(self._store.keep, name, content)):
                self._kept[name] = content


async def to_its_end(job: Coroutine[Any, Any, Result]) -> Result:
    """The job's result. Cancelled, it still waits for the job, so that two writes never meet."""
    task = asyncio.ensure_future(job)
    try:
        return await asyncio.shield(task)
    finally:
        await asyncio.wait({task})


def files_to_keep(
    accounts: Accounts,
    live: LiveSettings,
    handle: Callable[[], Handle | None],
    *,
    clock: Callable[[], float],
    wall_clock: Callable[[], float] = time.time,
) -> dict[str, Callable[[], Content | None]]:
    """What a `Keeper` keeps; `handle` gives the link's present one."""
    files: dict[str, Callable[[], Content | None]] = {USAGE_FILE: accounts.as_dict}
    if live.keep_session:
        note = SessionNote(live.model, handle, clock=clock, wall_clock=wall_clock)
        files[SESSION_FILE] = note.content
    return files


# --- the session -----------------------------------------------------------------------------------


class SessionNote:
    """The resumption handle as a file's content, its monotonic time turned into wall clock time.

    That is done once for each handle: done again, the two clocks would differ by a little each time.
    """

    def __init__(
        self,
        model: str,
        handle: Callable[[], Handle | None],
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        """`handle` gives the present one; a handle is of use to the model that gave it, and to no other."""
        self._model = model
        self._handle = handle
        self._clock = clock
        self._wall_clock = wall_clock
        self._noted: Handle | None = None
        self._content: Content | None = None

    def content(self) -> Content | None:
        """What `load_handle` takes back; None while there is no handle."""
        handle = self._handle()
        if handle != self._noted:
            self._noted = handle
            self._content = None if handle is None else self._describe(handle)
        return self._content

    def _describe(self, handle: Handle) -> Content:
        given_at_s = self._wall_clock() - (self._clock() - handle.given_s)
        return {
            "model": self._model,
            "handle": handle.value,
            "given_at_s": int(given_at_s),
        }  # never from the future


def load_handle(
    store: Store | None,
    live: LiveSettings,
    *,
    life_s: float,
    clock: Callable[[], float],
    wall_clock: Callable[[], float] = time.time,
) -> Handle | None:
    """The handle of an earlier run, if it is wanted, for this model, and younger than `life_s`.

    One that is not is removed. A handle from the future is one of a clock that was wrong.
    """
    if store is None:
        return None
    kept = store.load(SESSION_FILE, _read_session) if live.keep_session else None
    if kept is not None:
        model, value, given_at_s = kept
        age_s = wall_clock() - given_at_s
        if model == live.model and 0 <= age_s < life_s:
            return Handle(value, clock() - age_s)
    store.keep(SESSION_FILE, None)
    return None


def _read_session(data: Any) -> tuple[str, str, float]:
    """Model, handle, and when it was given. Raises ValueError, without a word of the content."""
    match data:
        case {"model": str(model), "handle": str(handle), "given_at_s": int(given_at_s)} if handle:
            return model, handle, given_at_s
    raise ValueError("it does not hold a session")
