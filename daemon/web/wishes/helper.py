"""`conure apply`: carries out the wish that the gateway has left. Runs as root, and for one wish.

What the gateway wrote is read as its user, checked again, and put into the configuration's file, or, a
key, into the store of credentials; the speaker is started with it, and if it does not become ready, what was
before takes its place again. A wish may also be for a new start alone. A key is in nothing that is logged or
told.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from daemon.config import load
from daemon.config.schema import Problem
from daemon.errors import ConfigError, ConureError
from daemon.outside import json_of, one_line
from daemon.runtime.store import Store
from daemon.web.wishes.check import ConfigFile, problems_of, read_config
from daemon.web.wishes.key_store import KeyStore
from daemon.web.wishes.places import beside, write_whole
from daemon.web.wishes.toml_edit import edited
from daemon.web.wishes.wish import (
    OUTCOME_FILE,
    WISH_FILE,
    AnyWish,
    KeyWish,
    OutcomeKind,
    RestartWish,
    Wish,
    WishOutcome,
    plain_outcome,
    wish_of,
)
from hw.files import OddFile, read_bytes

log = logging.getLogger(__name__)

WISH_LIMIT_BYTES = 64 * 1024
"""As long as what the gateway takes from a page."""

SERVICE = "conure.service"
GATEWAY = "conure-web.service"
GATEWAY_TABLES = ("web", "live", "log")
"""What the gateway reads of the configuration, at its start; a change of all else leaves talks alone."""
START_S = 120.0
"""Longer than the unit's TimeoutStartSec and TimeoutStopSec together; systemd itself ends a start before."""


NO_START = "the speaker did not start (journalctl -u conure)"
KEPT = "saved; the speaker does not run, and takes it when it starts"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartWords:
    """What is told of a start that failed."""

    new: str
    again: str
    """The speaker runs with what was before."""
    neither: str


SETTINGS = StartWords(
    new="these settings",
    again="the ones before are in force again",
    neither="nor with the ones before, which are back",
)
OTHER_KEY = StartWords(
    new="this key",
    again="the one before is in force again",
    neither="nor with the one before, which is back",
)
FIRST_KEY = StartWords(
    new="this key", again="it runs without it, as before", neither="nor without it; none is kept, as before"
)


class SpeakerService(Protocol):
    """The speaker's service."""

    def runs(self) -> bool:
        """Whether it is to run: it does, or has failed."""
        ...

    def restart(self) -> bool:
        """Start it anew; whether it became ready."""
        ...

    def refresh_gateway(self) -> None:
        """Have the gateway start anew, when it has answered who asked."""
        ...


class SystemdService:
    """The service as systemd has it."""

    def runs(self) -> bool:
        """As `SpeakerService`: one that its owner has stopped stays so."""
        state = self._systemctl("show", "--property=ActiveState", "--value").stdout.strip()
        return state not in ("inactive", "")

    def restart(self) -> bool:
        """As `SpeakerService`: `systemctl restart` waits for READY, which a reload does not."""
        return self._systemctl("restart").returncode == 0

    def refresh_gateway(self) -> None:
        """As `SpeakerService`; its end lets answers be finished, and is not waited for."""
        self._systemctl("try-restart", "--no-block", service=GATEWAY)

    def _systemctl(self, *words: str, service: str = SERVICE) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                ["systemctl", *words, service], capture_output=True, text=True, check=False, timeout=START_S
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(words, 1, "", "")


class Helper:
    """Carries out one wish. Blocks on the disk, and until the speaker is ready."""

    def __init__(self, folder: Path, config: Path, service: SpeakerService, keys: KeyStore) -> None:
        """`folder` is the gateway's state, another user's; `config` and `keys` are what is to be changed."""
        self._folder = folder
        self._config = config
        self._service = service
        self._keys = keys

    def run(self) -> WishOutcome | None:
        """What became of the wish; None: there is none.

        Raises ConureError for a wish that stays where it is, which is not carried out, and where nothing can
        be told.
        """
        wish = self._take_wish()
        if wish is None:
            return None
        try:
            outcome = self._carry_out(wish)
        except (OSError, OddFile, ConureError) as error:
            log.warning("the wish of the page was not carried out: %s", error)
            outcome = _outcome(wish, OutcomeKind.FAILED, self._failure(wish, error))
        log.info("the wish of the page: %s", outcome.told)
        self._tell(outcome)
        in_place = outcome.kind in (OutcomeKind.APPLIED, OutcomeKind.KEPT)
        if in_place and _is_the_gateways_too(wish):
            self._service.refresh_gateway()
        return outcome

    def _failure(self, wish: AnyWish, error: Exception) -> str:
        match wish:
            case KeyWish():
                return f"the key was not kept: {error}"
            case RestartWish():
                return f"the speaker was not started anew: {error}"
            case Wish():
                return f"{self._config}: {error}"

    # --- what the gateway's user may write

    def _take_wish(self) -> AnyWish | None:
        """The wish, which is gone afterwards, whatever it is: what cannot be read must not be met again."""
        path = self._folder / WISH_FILE
        try:
            with as_owner_of(self._folder):
                wish = _wish_in(path)
                path.unlink(missing_ok=True)
        except OSError as error:
            raise ConureError(
                f"{path} cannot be removed, so it is not carried out: {error.strerror}"
            ) from error
        return wish

    def _tell(self, outcome: WishOutcome) -> None:
        with as_owner_of(self._folder):
            if not Store(self._folder).keep(OUTCOME_FILE, plain_outcome(outcome)):
                raise ConureError(f"{self._folder / OUTCOME_FILE} cannot be written (see above)")

    # --- what is to be changed

    def _carry_out(self, wish: AnyWish) -> WishOutcome:
        match wish:
            case KeyWish():
                return self._keep_key(wish)
            case RestartWish():
                return self._restart(wish)
            case Wish():
                return self._change_settings(wish)

    def _restart(self, wish: RestartWish) -> WishOutcome:
        if self._service.restart():
            return _outcome(wish, OutcomeKind.APPLIED, "the speaker has started anew")
        return _outcome(wish, OutcomeKind.FAILED, NO_START)

    def _change_settings(self, wish: Wish) -> WishOutcome:
        config = read_config(self._config.resolve())
        if config.version != wish.version:
            return _outcome(wish, OutcomeKind.STALE, "the file was changed meanwhile; look at it again")
        problems = problems_of(config, wish.changes)
        if problems:
            return _outcome(wish, OutcomeKind.REFUSED, "these settings cannot work", *problems)
        faults = _replace(config, edited(config.text, wish.changes))
        if faults:
            return _outcome(wish, OutcomeKind.REFUSED, "these settings cannot work", *faults)
        if not self._service.runs():
            return _outcome(wish, OutcomeKind.KEPT, KEPT)
        return self._start_with(wish, SETTINGS, lambda: _put_back(config))

    def _keep_key(self, wish: KeyWish) -> WishOutcome:
        """The first key starts a speaker that does not run: it ended, or never began, for want of one."""
        try:
            key = load.key_from_text(wish.key.reveal())
        except ValueError as error:
            return _outcome(wish, OutcomeKind.REFUSED, f"the key {error}")
        is_first = not self._keys.has_one()
        self._keys.replace(key)
        if is_first or self._service.runs():
            words = FIRST_KEY if is_first else OTHER_KEY
            outcome = self._start_with(wish, words, self._keys.put_back)
        else:
            outcome = _outcome(wish, OutcomeKind.KEPT, KEPT)
        self._keys.forget_before()
        return outcome

    def _start_with(self, wish: AnyWish, words: StartWords, put_back: Callable[[], None]) -> WishOutcome:
        if self._service.restart():
            return _outcome(wish, OutcomeKind.APPLIED, "applied; the speaker runs with it")
        put_back()
        again = words.again if self._service.restart() else words.neither
        told = f"the speaker did not start with {words.new}; {again} (journalctl -u conure)"
        return _outcome(wish, OutcomeKind.WENT_BACK, told)


def _wish_in(path: Path) -> AnyWish | None:
    try:
        return wish_of(json_of(read_bytes(path, WISH_LIMIT_BYTES)))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("what the page has left is no wish: %s", one_line(str(error), 200))
        return None


def _is_the_gateways_too(wish: AnyWish) -> bool:
    """Whether the gateway has read, at its start, what the wish is for."""
    if not isinstance(wish, Wish):
        return isinstance(wish, KeyWish)
    return any(name.partition(".")[0] in GATEWAY_TABLES for name in wish.changes)


def _outcome(wish: AnyWish, kind: OutcomeKind, told: str, *problems: Problem) -> WishOutcome:
    return WishOutcome(number=wish.number, kind=kind, told=told, problems=problems)


def _replace(config: ConfigFile, text: str) -> list[Problem]:
    """Put the text in the file's place, and the old one beside it; the mistakes that keep it from that.

    The new text is loaded from a file of its own, as the speaker will load it.
    """
    new = beside(config.path, ".new")
    try:
        write_whole(new, text, _mode_of(config.path))
        load.load(new, {})
        if config.version:
            shutil.copy2(config.path, beside(config.path, ".before"))
        new.replace(config.path)
    except ConfigError as error:
        return [Problem((), line.removeprefix(f"{new}: ")) for line in error.problems]
    finally:
        new.unlink(missing_ok=True)
    return []


def _put_back(before: ConfigFile) -> None:
    if not before.version:
        before.path.unlink(missing_ok=True)
        return
    new = beside(before.path, ".new")
    write_whole(new, before.text, _mode_of(before.path))
    new.replace(before.path)


def _mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777 if path.exists() else 0o644


@contextlib.contextmanager
def as_owner_of(folder: Path) -> Iterator[None]:
    """Act as the folder's owner while the block lasts, if this is root: a link in it leads no further."""
    found = folder.stat()
    if os.geteuid() != 0 or found.st_uid == 0:
        yield
        return
    group = os.getegid()
    os.setegid(found.st_gid)
    os.seteuid(found.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
