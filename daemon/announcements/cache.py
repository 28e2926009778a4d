"""Speech that was made before, on disk: what is announced again costs nothing, and needs no network.

It holds what the service has made of announcements' texts, and nothing that a microphone heard. A file's name
is made from text, voice, language and model, so that whoever reads the folder's listing learns no text. Each
call blocks on the disk; one at a time, from any thread.
"""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path

from daemon.runtime.store import write_whole
from hw.files import OddFile, read_bytes

log = logging.getLogger(__name__)

FOLDER = "speech"
_NAME = re.compile(r"[0-9a-f]{64}\.pcm")

MAX_FILE_BYTES = 6_000_000
"""Two minutes of 24 kHz mono s16: the longest speech that is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechKey:
    """All that one sound depends on."""

    text: str
    voice: str
    language: str
    model: str

    def file_name(self) -> str:
        """Made from all of it; no part can be read out of it."""
        parts = "\0".join((self.text, self.voice, self.language, self.model))
        return f"{hashlib.sha256(parts.encode()).hexdigest()}.pcm"


class SpeechCache:
    """The files of one folder, `limit_bytes` of them at most. Policy for more: the oldest go."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        """The folder is made, with mode 0700, when something is first kept."""
        self._folder = folder
        self._limit_bytes = limit_bytes
        self.size_bytes = sum(size for _, size, _ in self._files())
        self.evicted = 0
        """Files that went because there were too many."""
        self.failures = 0
        """Files that could not be written or removed."""

    def load(self, key: SpeechKey) -> bytes:
        """The sound, 24 kHz mono s16; b"" where it is not there or is no sound."""
        path = self._folder / key.file_name()
        try:
            pcm = read_bytes(path, MAX_FILE_BYTES)
        except FileNotFoundError:
            return b""
        except (OSError, OddFile) as error:
            log.warning("the speech %s cannot be used: %s", path, error)
            return b""
        return pcm[: len(pcm) & ~1]

    def keep(self, key: SpeechKey, pcm: bytes) -> None:
        """Keep a sound, in the place of the oldest; one that is larger than all may be is not kept."""
        if not 0 < len(pcm) <= min(self._limit_bytes, MAX_FILE_BYTES):
            return
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room(len(pcm))
            write_whole(self._folder / key.file_name(), pcm)
        except OSError as error:
            self.failures += 1
            log.warning("speech cannot be kept in %s: %s", self._folder, error.strerror or error)
        self.size_bytes = sum(size for _, size, _ in self._files())

    def _make_room(self, needed_bytes: int) -> None:
        files = sorted(self._files())
        left_bytes = sum(size for _, size, _ in files) + needed_bytes - self._limit_bytes
        for _, size, path in files:
            if left_bytes <= 0:
                return
            path.unlink(missing_ok=True)
            self.evicted += 1
            left_bytes -= size

    def _files(self) -> list[tuple[int, int, Path]]:
        """Age, size and path of each file that is this cache's own."""
        found = []
        try:
            for path in self._folder.iterdir():
                if _NAME.fullmatch(path.name):
                    told = path.stat()
                    found.append((told.st_mtime_ns, told.st_size, path))
        except OSError:
            return found  # there is no folder yet, or it cannot be read: writing to it will tell
        return found
