"""A small file that the gateway and `conure web …` both read and change. Any thread; `change` blocks.

Whoever changes it holds a lock beside it, reads it anew, and replaces it whole. Whoever reads it reads it
again when another file has taken its place, which stat(2) tells in microseconds.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from daemon.errors import ConureError
from daemon.runtime.store import Store

LOCK_S = 5.0
"""Longest wait for another's change, which takes as long as a card needs for a few kilobytes."""
LOCK_RETRY_S = 0.02

Content = TypeVar("Content")
Identity = tuple[int, int, int]


class SharedFile(Generic[Content]):
    """One file of a folder, as a value."""

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        parse: Callable[[Any], Content],
        plain: Callable[[Content], dict[str, Any]],
        empty: Content,
    ) -> None:
        """`parse` makes the value from JSON and may raise anything; `plain` is the way back."""
        self._folder = folder
        self._name = name
        self._store = Store(folder)
        self._parse = parse
        self._plain = plain
        self._empty = empty
        self._seen: Identity | None = None
        self._content = empty

    def read(self) -> Content:
        """What is in it; the empty value if it is not there, or cannot be used."""
        identity = self._identity()
        if identity != self._seen:
            self._seen, self._content = identity, self._load()
        return self._content

    def change(self, change: Callable[[Content], Content]) -> Content:
        """Replace the value, and return it. Raises what `change` raises; ConureError if it is not saved."""
        with self._locked():
            content = change(self._load())
            if not self._store.keep(self._name, self._plain(content)):
                raise ConureError(f"{self._folder / self._name} cannot be written; the log tells why")
        self._seen, self._content = None, content
        return content

    def _load(self) -> Content:
        loaded = self._store.load(self._name, self._parse)
        return self._empty if loaded is None else loaded

    def _identity(self) -> Identity | None:
        try:
            found = (self._folder / self._name).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        path = self._folder / f"{self._name}.lock"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise ConureError(f"{path} cannot be used: {error.strerror or error}") from error
        try:
            _lock(handle, path)
            yield
        finally:
            os.close(handle)


def _lock(handle: int, path: Path) -> None:
    until_s = time.monotonic() + LOCK_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= until_s:
                raise ConureError(f"{path} is held by another program for more than {LOCK_S:g} s") from error
            time.sleep(LOCK_RETRY_S)
