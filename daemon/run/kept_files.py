"""What outlives the process: each day's usage, and the session's handle."""

from __future__ import annotations

import time
from collections.abc import Callable

from daemon.conductor.accounts import UNSET, Accounts, Day, read_days
from daemon.config.settings import LiveSettings
from daemon.runtime.clock import clock_is_set
from daemon.runtime.keeper import Content
from daemon.runtime.local_clock import local_time
from daemon.runtime.store import Store
from daemon.session.kept_handle import SESSION_FILE, SessionNote
from daemon.session.link import Handle

USAGE_FILE = "usage.json"


def local_day(at_s: float | None = None) -> str:
    """The local calendar day of a wall clock time (None: now) as "2026-11-21", or UNSET."""
    wall_s = time.time() if at_s is None else at_s
    return local_time(wall_s).date().isoformat() if clock_is_set(wall_s) else UNSET


def load_days(store: Store | None) -> dict[str, Day]:
    """The usage of earlier runs."""
    return (store.load(USAGE_FILE, read_days) if store else None) or {}


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
