"""`/api/history`, `/api/days`, `/api/log` …: what the speaker remembers, and what its lights mean."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from daemon.control.remote.client import SpeakerDoor
from daemon.lights.ladder import LADDER
from daemon.lights.scenes import Scene
from daemon.web.api.answers import Endpoint, as_json
from daemon.web.entry import Entry, Right
from hw.base import Colour


def entries(speaker: SpeakerDoor) -> list[Entry]:
    """What is read of the status, and the table of the lights."""
    rows: tuple[tuple[str, Endpoint], ...] = (
        ("/api/history", _part(speaker, "turns")),
        ("/api/usage", _part(speaker, "usage")),
        ("/api/days", _answer(speaker, "days")),
        ("/api/log", _answer(speaker, "log")),
    )
    lights = Entry(path="/api/lights", endpoint=_lights, needs=Right.PAGE, or_needs=Right.TALK)
    return [*(Entry(path=path, endpoint=endpoint, needs=Right.PAGE) for path, endpoint in rows), lights]


def _part(speaker: SpeakerDoor, name: str) -> Endpoint:
    """One part of the status, under its own name."""

    async def tell(_request: Request) -> Response:
        status = await speaker.ask("status")
        return as_json({name: status.get(name)})

    return tell


def _answer(speaker: SpeakerDoor, command: str) -> Endpoint:
    """What a command tells that takes nothing and changes nothing."""

    async def tell(_request: Request) -> Response:
        return as_json(await speaker.ask(command))

    return tell


async def _lights(_request: Request) -> Response:
    return as_json({"lights": [light_of(rung.scene) for rung in LADDER]})


def light_of(scene: Scene) -> dict[str, Any]:
    """One row of the table that the lamp and the README have as well; colours are red, green, blue."""
    return {
        "name": scene.name,
        "looks": scene.looks,
        "meaning": scene.meaning,
        "remedy": scene.remedy,
        "colour": _channels(scene.colour),
        "under": _channels(scene.under),
        "layout": scene.layout.value,
        "curve": [[key.duration_s, key.begin, key.end] for key in scene.curve],
    }


def _channels(colour: Colour) -> list[int]:
    return [colour.red, colour.green, colour.blue]
