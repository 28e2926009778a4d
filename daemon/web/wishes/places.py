"""Files that are written beside the one that they are to replace."""

from __future__ import annotations

import os
from pathlib import Path


def beside(path: Path, ending: str) -> Path:
    """The file of this ending in the same folder, so that it can take the place of `path` in one move."""
    return path.with_name(f"{path.name}{ending}")


def write_whole(path: Path, text: str, mode: int) -> None:
    """A new file that is whole on the disk, never with more than this mode. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:  # noqa: PTH123 - Path.open takes no mode
        os.fchmod(file.fileno(), mode)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
