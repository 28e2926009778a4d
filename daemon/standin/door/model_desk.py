"""Tells of a model that is asked about by a plain GET: that it is there, and that the key is good."""

from __future__ import annotations

import json
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from daemon.standin.door.content_desk import status_of
from daemon.standin.door.credentials import ApiKeys, key_of, model_of
from daemon.standin.grammar.content import CONTENT_MODELS
from daemon.standin.grammar.protocol import Refusal


def answer_about_model(websocket: ServerConnection, request: Request, keys: ApiKeys) -> Response | None:
    """The answer to a GET of a model; None for any other request."""
    model = model_of(request.path)
    if model is None:
        return None
    headers = {name.lower(): value for name, value in request.headers.raw_items()}
    try:
        keys.check(key_of(request.path.partition("?")[2], headers))
    except Refusal as refusal:
        return _json(websocket, status_of(refusal), {"error": {"message": refusal.reason}})
    if model not in CONTENT_MODELS:
        return _json(websocket, HTTPStatus.NOT_FOUND, {"error": {"message": f"models/{model} is not found."}})
    return _json(websocket, HTTPStatus.OK, {"name": f"models/{model}"})


def _json(websocket: ServerConnection, status: HTTPStatus, body: dict[str, object]) -> Response:
    response = websocket.respond(status, json.dumps(body))
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json; charset=UTF-8"
    return response
