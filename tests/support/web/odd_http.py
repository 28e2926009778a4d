"""A server over plain HTTP that answers every request with the same bytes, or with none."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers every request with this, or not at all; its address, and what it was told."""
    heard: list[bytes] = []
    leaving = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        if not answer:
            await leaving.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", heard
    finally:
        leaving.set()
        server.close()
        await server.wait_closed()


def http(status: int, body: str = "", *fields: str) -> bytes:
    """An answer of HTTP."""
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close", *fields]
    return ("\r\n".join(head) + f"\r\n\r\n{body}").encode()


def google_error(status: int, word: str, message: str) -> bytes:
    """As Google's APIs tell of an error (AIP-193)."""
    body = {"error": {"code": status, "message": message, "status": word}}
    return http(status, json.dumps(body), "Content-Type: application/json")
