"""Lets pages of other origins read the answers that are made for them (Fetch standard, CORS protocol).

Which origins may ask at all is the gate's business; here the browser is told that it may hand the answer on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps

from starlette.requests import Request
from starlette.responses import Response

Endpoint = Callable[[Request], Awaitable[Response]]

MAX_AGE_S = 600
"""So long a browser need not ask again whether it may."""


def with_cors(endpoint: Endpoint) -> Endpoint:
    """The endpoint, and the answer to a browser's question before it."""

    @wraps(endpoint)
    async def answered(request: Request) -> Response:
        response = Response(status_code=204) if request.method == "OPTIONS" else await endpoint(request)
        if (origin := request.headers.get("origin")) is not None:
            response.headers.update(_allowed(request, origin))
        return response

    return answered


def _allowed(request: Request, origin: str) -> dict[str, str]:
    told = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
    }
    if request.method == "OPTIONS":
        told["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        told["Access-Control-Allow-Headers"] = request.headers.get("access-control-request-headers", "*")
        told["Access-Control-Max-Age"] = str(MAX_AGE_S)
    return told
