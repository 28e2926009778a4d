"""What endpoints share: bodies in, JSON out, and refusals as answers."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive

from daemon.control.remote.client import SpeakerAway
from daemon.errors import ConureError
from daemon.outside import json_of, one_line
from daemon.web.gate.refusals import ENDS_CONNECTION, RefusalCounts, RefusalName, WebRefusal, WebRefused

NOT_KEPT = {"Cache-Control": "no-store"}
"""What is told to one visitor is no business of a cache."""

SENTENCE_CHARS = 500

Result = TypeVar("Result")

Endpoint = Callable[[Request], Awaitable[Response]]


def as_json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> JSONResponse:
    """An answer of the API."""
    return JSONResponse(value, status_code=status, headers=NOT_KEPT | (headers or {}))


def as_response(refusal: WebRefusal) -> JSONResponse:
    """A refusal as the page takes it: a sentence, and what helps."""
    headers = dict(NOT_KEPT)
    if refusal.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(refusal.retry_after_s))
    if refusal.name in ENDS_CONNECTION:
        headers["Connection"] = "close"
    words = {"error": refusal.sentence, "remedy": refusal.remedy, "code": refusal.name.value}
    return JSONResponse(words, status_code=refusal.status, headers=headers)


def answering(endpoint: Endpoint, counts: RefusalCounts) -> Endpoint:
    """The endpoint, with what it raises as an answer: a refusal, or the words of the speaker."""

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (WebRefused, ConureError) as error:
            refusal = refusal_of(error)
            counts.count(refusal.name)
            return as_response(refusal)

    return answered


def refusal_of(error: Exception) -> WebRefusal:
    """What to say of an exception that an endpoint raises."""
    if isinstance(error, WebRefused):
        return error.refusal
    name = RefusalName.SPEAKER_AWAY if isinstance(error, SpeakerAway) else RefusalName.SPEAKER_REFUSED
    return WebRefused(name, sentence_of(str(error))).refusal


def sentence_of(text: str) -> str:
    """A message of the command line as a sentence."""
    line = one_line(text, SENTENCE_CHARS)
    return line[:1].upper() + line[1:] + ("" if line.endswith((".", "?", "!")) else ".")


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object in the body; an empty body is an empty one. Raises WebRefused."""
    data = await request.body()
    if not data:
        return {}
    try:
        table = json_of(data)
    except ValueError as error:
        raise WebRefused(RefusalName.BAD_BODY, f"The body is not JSON: {error}.") from error
    if not isinstance(table, dict):
        raise WebRefused(RefusalName.BAD_BODY, "The body is not a JSON object.")
    return table


async def while_there(job: Coroutine[Any, Any, Result], receive: Receive) -> Result | None:
    """What the job returns; None, and the job is cancelled, if the client goes first. Its body was read."""
    working, leaving = asyncio.ensure_future(job), asyncio.ensure_future(gone(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def gone(receive: Receive) -> None:
    """Return when the client has closed its side."""
    while (await receive())["type"] != "http.disconnect":
        pass


def text_in(table: dict[str, Any], key: str, *, usual: str | None = None) -> str:
    """A text of the body. Raises WebRefused where it is missing and there is no usual one."""
    value = table.get(key, usual)
    if not isinstance(value, str):
        raise WebRefused(RefusalName.BAD_BODY, f'"{key}" must be a text.')
    return value


def flag_in(table: dict[str, Any], key: str, *, usual: bool | None = None) -> bool:
    """A yes or no of the body. Raises WebRefused where it is missing and there is no usual one."""
    value = table.get(key, usual)
    if not isinstance(value, bool):
        raise WebRefused(RefusalName.BAD_BODY, f'"{key}" must be true or false.')
    return value


def line_of(value: Any) -> str:
    """One line of JSON, all of it ASCII: no reader can cut a letter in two."""
    return json.dumps(value, separators=(",", ":"))
