"""The files that outlive the process: usage by day, the session's handle …; one process keeps them."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from daemon.conductor.accounts import UNSET, Accounts, Day, read_days
from daemon.conductor.daily import Counts, DailyTimes, read_times
from daemon.config.board import sound_devices
from daemon.config.settings import LiveSettings, Settings
from daemon.errors import AlreadyRunning
from daemon.hearing.frontend.known_path import FILE as KNOWN_PATH_FILE
from daemon.hearing.frontend.known_path import NOTHING_KNOWN, KnownPath, known_path_from
from daemon.runtime.clock import clock_is_set
from daemon.runtime.keeper import Content
from daemon.runtime.local_clock import local_time
from daemon.runtime.lock import locked
from daemon.runtime.store import Store, state_folder
from daemon.session.kept_handle import SESSION_FILE, SessionNote
from daemon.session.link import Handle

log = logging.getLogger(__name__)

USAGE_FILE = "usage.json"
TIMES_FILE = "times.json"
LOCK_FILE = "lock"


def local_day(at_s: float | None = None) -> str:
    """The local calendar day of a wall clock time (None: now) as "2026-11-21", or UNSET."""
    wall_s = time.time() if at_s is None else at_s
    return local_time(wall_s).date().isoformat() if clock_is_set(wall_s) else UNSET


def load_days(store: Store | None) -> dict[str, Day]:
    """The usage of earlier runs."""
    return (store.load(USAGE_FILE, read_days) if store else None) or {}


def load_known_path(store: Store | None, settings: Settings) -> KnownPath:
    """What the sound check measured with the devices that are there now; else nothing."""
    if store is None:
        return NOTHING_KNOWN
    devices = sound_devices(settings)
    known = store.load(KNOWN_PATH_FILE, lambda data: known_path_from(data, devices) or NOTHING_KNOWN)
    if known is None:
        return NOTHING_KNOWN
    if known is NOTHING_KNOWN:
        log.info(
            "the sound check was made with other devices or ports: `conure doctor --sound` makes another"
        )
    else:
        log.info("starting from the sound check: %s", known)
    return known


def load_times(store: Store | None) -> dict[str, Counts]:
    """How long people waited in earlier runs."""
    return (store.load(TIMES_FILE, read_times) if store else None) or {}


def files_to_keep(
    accounts: Accounts,
    times: DailyTimes,
    live: LiveSettings,
    handle: Callable[[], Handle | None],
    *,
    clock: Callable[[], float],
    wall_clock: Callable[[], float] = time.time,
) -> dict[str, Callable[[], Content | None]]:
    """What a `Keeper` keeps; `handle` gives the link's present one."""
    files: dict[str, Callable[[], Content | None]] = {
        USAGE_FILE: accounts.as_dict,
        TIMES_FILE: times.as_dict,
    }
    if live.keep_session:
        note = SessionNote(live.model, handle, clock=clock, wall_clock=wall_clock)
        files[SESSION_FILE] = note.content
    return files


@contextlib.contextmanager
def sole_use(folder: Path | None) -> Iterator[None]:
    """Nobody else keeps state in this folder meanwhile: of two, each would overwrite what the other saved.

    Raises AlreadyRunning. A folder that cannot be made or locked is gone on with, as the store does.
    """
    with contextlib.ExitStack() as stack:
        if folder is not None:
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                stack.enter_context(locked(folder / LOCK_FILE))
            except AlreadyRunning as error:
                raise AlreadyRunning(f"{error} (both keep their state in {folder})") from error
            except OSError as error:
                log.warning("%s cannot be locked: %s", folder, error.strerror or error)
        yield


def folder_in_use(env: Mapping[str, str], *, stand_in: bool) -> Path | None:
    """Where a run keeps its state; None for one that keeps none: with the stand-in, and by hand."""
    return None if stand_in and "STATE_DIRECTORY" not in env else state_folder(env)
