"""What the page has the speaker do: `POST /api/talk`, `/api/stop`, `/api/mute` …"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from daemon.control.remote.client import SpeakerDoor
from daemon.outside import whole
from daemon.web.api.answers import Endpoint, as_json, body_of, flag_in, text_in
from daemon.web.entry import Entry, Right
from daemon.web.gate.refusals import RefusalName, WebRefused

Asked = tuple[str, dict[str, Any]]
"""A command of the control socket, and its arguments."""

LOUDEST = 100


def _mute(body: dict[str, Any]) -> Asked:
    return ("mute" if flag_in(body, "muted") else "unmute"), {}


def _volume(body: dict[str, Any]) -> Asked:
    """Either a loudness or a change of it, in percent. Raises WebRefused."""
    match body:
        case {"percent": int(percent), **rest} if not rest and whole(percent, LOUDEST) is not None:
            return "volume", {"percent": percent}
        case {"change": int(change), **rest} if not rest and whole(abs(change), LOUDEST) is not None:
            return "volume", {"change": change}
    raise WebRefused(
        RefusalName.BAD_BODY,
        'The volume is {"percent": 0 to 100}, or {"change": -100 to 100}, a whole number.',
    )


COMMANDS: dict[str, Callable[[dict[str, Any]], Asked]] = {
    "talk": lambda _body: ("talk", {}),
    "stop": lambda _body: ("stop", {}),
    "end": lambda _body: ("end", {}),
    "silence": lambda _body: ("stop", {}),  # what rings is silenced by it, and nothing is opened
    "mute": _mute,
    "volume": _volume,
    "say": lambda body: ("say", {"text": text_in(body, "text")}),
}
"""By the name behind `/api/`: what is asked of the speaker."""


def entries(speaker: SpeakerDoor) -> list[Entry]:
    """One for each command."""
    return [
        Entry(
            path=f"/api/{name}",
            endpoint=_endpoint(speaker, meant),
            methods=frozenset({"POST"}),
            needs=Right.PAGE,
        )
        for name, meant in COMMANDS.items()
    ]


def _endpoint(speaker: SpeakerDoor, meant: Callable[[dict[str, Any]], Asked]) -> Endpoint:
    async def carry_out(request: Request) -> Response:
        command, args = meant(await body_of(request))
        return as_json(await speaker.ask(command, **args) or {"done": True})

    return carry_out
