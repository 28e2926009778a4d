"""A program as a tool: a fixed argument list with places for parameters. Never a shell. Event loop only.

[command.wake]
description = "Wake a computer."
argv = ["wakeonlan", "{mac}"]

[command.wake.parameters.mac]
type = "string"
description = "the computer's hardware address"
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence

from daemon.tools.calling.answers import ANSWER_CHARS
from daemon.tools.declaring.spec import ToolError

OUTPUT_BYTES = 4 * ANSWER_CHARS
"""What is read of a program's output, each of both; UTF-8 takes at most four bytes for a character."""

WITHHELD = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC")
"""What a program that the model starts does not inherit: the key, where it lies, and systemd's ear."""


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What a program inherits of `environ`."""
    return {name: value for name, value in environ.items() if name not in WITHHELD}


async def run_command(arguments: Sequence[str]) -> str:
    """Run a program to its end and return what it printed. Raises ToolError.

    Cancelling kills it with all that it started.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(os.environ),
            start_new_session=True,
        )
    except OSError as error:
        reason = error.strerror or error
        raise ToolError(f"The program {arguments[0]} cannot be started: {reason}.") from error
    assert process.stdout is not None and process.stderr is not None, "both are pipes"
    try:
        output, errors, status = await asyncio.gather(
            _read(process.stdout), _read(process.stderr), process.wait()
        )
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise
    if status != 0:
        last_words = errors.strip()[-400:] or output.strip()[-400:]
        raise ToolError(f"The program ended with status {status}. {last_words}".strip())
    return output.strip() or "Done. The program printed nothing."


async def _read(stream: asyncio.StreamReader) -> str:
    """All that is printed, kept up to OUTPUT_BYTES: a program must not wait for who reads it."""
    kept = bytearray()
    while piece := await stream.read(65_536):
        kept += piece[: max(0, OUTPUT_BYTES - len(kept))]
    return kept.decode("utf-8", "replace")
