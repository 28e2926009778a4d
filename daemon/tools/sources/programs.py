"""Runs the programs that are tools: what they print is the answer. Never a shell. Event loop only."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import IO

from daemon.outside import plain_text
from daemon.tools.calling.answers import ANSWER_CHARS
from daemon.tools.declaring.spec import ToolError
from daemon.tools.sources.pipes import reading_pipe

OUTPUT_BYTES = 4 * ANSWER_CHARS
"""What is read of a program's output, each of both; UTF-8 takes at most four bytes for a character."""

DRAIN_S = 0.3
"""So long after a program's end its output is still read. What it has left running, such as a player, holds
the pipes open for as long as it lives."""

LAST_WORDS_CHARS = 400
"""What is told of the output of a program that failed."""

WITHHELD = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC")
"""What a program that the model starts does not inherit: the key, where it lies, and systemd's ear."""


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What a program inherits of `environ`."""
    return {name: value for name, value in environ.items() if name not in WITHHELD}


async def run_command(arguments: Sequence[str]) -> str:
    """Run a program to its end and return what it printed. Raises ToolError.

    What it has started in the background and not ended itself goes on. Cancelling kills the program with all
    that it started, what has put itself into a session of its own aside.
    """
    async with _listening() as output, _listening() as errors:
        try:
            status = await _run_to_end(arguments, output.writing_end, errors.writing_end)
        except OSError as error:
            reason = error.strerror or error
            raise ToolError(f"The program {arguments[0]} cannot be started: {reason}.") from error
        printed, complained = await output.rest(), await errors.rest()
    if status != 0:
        last_words = (complained or printed)[-LAST_WORDS_CHARS:]
        raise ToolError(f"The program {_ending_words(status)}. {last_words}".strip())
    return printed or "Done. The program printed nothing."


async def _run_to_end(arguments: Sequence[str], output: IO[bytes], errors: IO[bytes]) -> int:
    """The exit status. Raises OSError for a program that cannot be started."""
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        env=environment(os.environ),
        start_new_session=True,
    )
    output.close()
    errors.close()
    try:
        return await process.wait()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise


def _ending_words(status: int) -> str:
    """How it ended; asyncio gives the number of the signal that ended it, negative."""
    if status >= 0:
        return f"ended with status {status}"
    return f"was ended by signal {-status} ({signal.strsignal(-status) or 'unknown'})"


class _Output:
    """What is printed into a pipe, kept up to OUTPUT_BYTES; the rest is read and dropped, for a program must
    not wait for who reads it.
    """

    def __init__(self, stream: asyncio.StreamReader, writing_end: IO[bytes]) -> None:
        self.writing_end = writing_end
        """Closed by who has given it to the program, so that the reading end sees the program's end."""
        self._kept = bytearray()
        self.task = asyncio.create_task(self._read(stream), name="output of a tool")

    async def _read(self, stream: asyncio.StreamReader) -> None:
        while piece := await stream.read(65_536):
            self._kept += piece[: max(0, OUTPUT_BYTES - len(self._kept))]

    async def rest(self) -> str:
        """All of it, when it has ended, or DRAIN_S after the program."""
        await asyncio.wait({self.task}, timeout=DRAIN_S)
        return plain_text(self._kept.decode("utf-8", "replace")).strip()


@contextlib.asynccontextmanager
async def _listening() -> AsyncIterator[_Output]:
    """A pipe that is read until the end of the body."""
    async with reading_pipe() as (stream, writing_end):
        output = _Output(stream, writing_end)
        try:
            yield output
        finally:
            output.task.cancel()
