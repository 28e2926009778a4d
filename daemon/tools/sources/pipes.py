"""A pipe that a program writes to and the event loop reads. Event loop only.

asyncio's own pipes to a program have two habits that hurt: `wait` also waits for their end, which comes when
the last program that inherited them ends, and nothing public closes them before.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import IO

READ_BYTES = 64 * 1024


@contextlib.asynccontextmanager
async def reading_pipe(
    limit_bytes: int = READ_BYTES,
) -> AsyncIterator[tuple[asyncio.StreamReader, IO[bytes]]]:
    """The stream, and the end that the program gets. Both ends are closed after the body, if not before.

    `limit_bytes` is that of the stream. Close the program's end when it has been started, so that the stream
    ends with the program.
    """
    with contextlib.ExitStack() as stack:
        ours, theirs = os.pipe()
        writing_end = stack.enter_context(os.fdopen(theirs, "wb", buffering=0))
        reading_end = stack.enter_context(os.fdopen(ours, "rb", buffering=0))
        stream = asyncio.StreamReader(limit_bytes)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), reading_end
        )
        stack.callback(transport.close)
        yield stream, writing_end
