"""Small state files that survive a power cut: each is written whole or not at all, and read with suspicion.

Files are JSON, or plain text where people are to read them, with mode 0600. A new content goes into a
temporary file in the same directory, is forced to the disk, and takes the old one's name (rename(2) is
atomic). Nothing here raises OSError: a speaker must not stop speaking because a card is full. All calls but
`keep_aside` block on the disk; one at a time, from any thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from daemon.outside import json_of, one_line
from hw.files import read_bytes

log = logging.getLogger(__name__)

Content = TypeVar("Content")

LIMIT_BYTES = 64 * 1024
"""Longest file that is read, if nothing else is said: 60 days of usage are some 8 KB."""


REASON_CHARS = 200
"""Longest reason why a file cannot be used; a parser may quote the content."""


def state_folder(env: Mapping[str, str]) -> Path | None:
    """Where state is kept: the unit's StateDirectory, else the XDG state directory; None without a home."""
    if service := env.get("STATE_DIRECTORY"):  # set by systemd; several are separated by colons
        return Path(service.split(":")[0])
    user = env.get("XDG_STATE_HOME", "")
    if user.startswith("/"):  # XDG base directory specification: a relative one is to be ignored
        return Path(user) / "conure"
    home = env.get("HOME")
    return Path(home) / ".local/state/conure" if home else None


class Store:
    """The state files of one directory. `failures` counts writes that failed."""

    def __init__(self, folder: Path) -> None:
        """The directory is made, with mode 0700, when something is first written."""
        self._folder = folder
        self._failing: set[str] = set()
        self.failures = 0

    def load(
        self,
        name: str,
        parse: Callable[[Any], Content],
        limit_bytes: int = LIMIT_BYTES,
        *,
        decode: Callable[[bytes], Any] = json_of,
    ) -> Content | None:
        """What `parse` makes of the file; None if there is none.

        One that is longer than `limit_bytes`, cannot be read, or is refused by `decode` or `parse`, with
        whatever exception, is kept aside as NAME.bad, in the place of an earlier one, and counts as none:
        what fails at its content would fail at each start.
        """
        path = self._folder / name
        try:
            return parse(decode(read_bytes(path, limit_bytes)))
        except FileNotFoundError:
            return None
        except Exception as error:  # noqa: BLE001 - see above
            fate, reason = _put_aside(path), one_line(str(error), REASON_CHARS) or type(error).__name__
            log.warning("starting afresh: %s cannot be used (%s); %s", path, reason, fate)
            return None

    def keep(self, name: str, content: Mapping[str, Any] | str | None) -> bool:
        """Make this the file's content, a text as it is and all else as JSON, or remove the file (None).

        Returns whether that succeeded.
        """
        path = self._folder / name
        try:
            if content is None:
                path.unlink(missing_ok=True)
            else:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                text = content if isinstance(content, str) else json.dumps(content, indent=1)
                write_whole(path, text.encode())
        except OSError as error:
            self._note_failure(name, error)
            return False
        if name in self._failing:
            self._failing.remove(name)
            log.info("%s is saved again", path)
        return True

    async def keep_aside(self, name: str, content: Mapping[str, Any] | str | None) -> bool:
        """As `keep`, on a thread. Cancelled, it still waits for the write, so that two never meet."""
        job = asyncio.ensure_future(asyncio.to_thread(self.keep, name, content))
        try:
            return await asyncio.shield(job)
        finally:
            await asyncio.wait({job})

    def _note_failure(self, name: str, error: OSError) -> None:
        """One WARNING for an episode; its repetitions go to debug."""
        self.failures += 1
        level = logging.DEBUG if name in self._failing else logging.WARNING
        self._failing.add(name)
        words = error.strerror or error
        log.log(level, "%s cannot be saved, going on without: %s", self._folder / name, words)


def _put_aside(path: Path) -> str:
    """Rename a file that cannot be used; returns in words what became of it."""
    bad = path.with_name(f"{path.name}.bad")
    try:
        path.replace(bad)
    except OSError as error:
        return f"it stays where it is ({error.strerror})"
    return f"it is kept as {bad.name}"


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file's content, also across a power cut. Raises OSError; the old content then stays."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)  # left by a power cut
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 - Path.open takes no mode for a new file
            if os.geteuid() == 0:  # else the service, whose folder it is, could not read what root writes
                owner = path.parent.stat()
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)  # half a file is of no use, and the disk may be full
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Force the new name to the disk too (fsync(2): syncing a file does not sync its directory)."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
