"""What a command prints commands no terminal and holds no key, whoever wrote it: the stand between."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from daemon.masking import mask_keys
from daemon.runtime.cells import plain


class CleanOutput:
    """A standard stream to which only cleaned text is written; all else it leaves to the stream itself."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        """For the few who move the cursor: what they write there they have made themselves."""

    def write(self, text: str) -> int:
        """Write the text without control characters, and with keys masked."""
        self.stream.write(mask_keys(plain(text)))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextlib.contextmanager
def clean_output() -> Iterator[None]:
    """Clean what is printed meanwhile on standard output and standard error."""
    output: Any = CleanOutput(sys.stdout)  # print and argparse want no more of a stream than it has
    complaints: Any = CleanOutput(sys.stderr)
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(complaints):
        yield


def cursor_stream() -> TextIO:
    """Standard output as it is, for lines that are written over."""
    return sys.stdout.stream if isinstance(sys.stdout, CleanOutput) else sys.stdout
