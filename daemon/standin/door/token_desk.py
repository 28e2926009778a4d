"""Answers `POST auth_tokens`, and says of anything else that it is not here. Event loop only."""

from __future__ import annotations

from http import HTTPStatus

from daemon.standin.door.content_desk import status_of
from daemon.standin.door.credentials import ApiKeys, is_token_path, key_of
from daemon.standin.door.http_answers import BadRequest, HttpAnswer, HttpRequest, http_error
from daemon.standin.door.tokens import Tokens
from daemon.standin.grammar.protocol import Refusal, parse_token_request


def answer_post(request: HttpRequest | BadRequest, keys: ApiKeys, tokens: Tokens) -> HttpAnswer:
    """What is answered to a request that is no GET."""
    if isinstance(request, BadRequest):
        return http_error(HTTPStatus.BAD_REQUEST, str(request))
    if request.method != "POST":
        return http_error(HTTPStatus.METHOD_NOT_ALLOWED, f"Method {request.method[:20]} is not served.")
    if not is_token_path(request.target):
        return http_error(HTTPStatus.NOT_FOUND, "Requested entity was not found.")
    try:
        keys.check(key_of(request.target.partition("?")[2], request.headers))
        return HttpAnswer(HTTPStatus.OK, {"name": tokens.make(parse_token_request(request.body))})
    except Refusal as refusal:
        return http_error(status_of(refusal), refusal.reason)
