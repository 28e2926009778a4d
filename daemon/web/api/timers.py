"""`/api/timers`: what waits, rings and rang, and how it is changed. The speaker's own command does it all."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from daemon.control.remote.client import SpeakerDoor
from daemon.web.api.answers import as_json, body_of, text_in
from daemon.web.entry import Entry, Right
from daemon.web.gate.refusals import RefusalName, WebRefused

FORMS: dict[str, dict[str, str | None]] = {
    "add": {"duration": None, "name": ""},
    "alarm": {"at": None, "name": "", "weekdays": "", "day": ""},
    "remind": {"at": None, "text": None},
}
"""As `conure timers` has them: each action with its arguments, and what they are if they are left out."""

SNOOZED = "10m"


class TimerPages:
    """The endpoints."""

    def __init__(self, speaker: SpeakerDoor) -> None:
        self._speaker = speaker

    async def list(self, _request: Request) -> Response:
        """Everything, for a table that counts down."""
        return as_json(await self._speaker.ask("timers", action="list", form="data"))

    async def add(self, request: Request) -> Response:
        """One more, as the body says."""
        return await self._words(form_of(await body_of(request)))

    async def cancel(self, request: Request) -> Response:
        """Without the one in the address."""
        return await self._words({"action": "cancel", "which": _number(request)})

    async def snooze(self, request: Request) -> Response:
        """What rings, again later. The speaker knows no other."""
        duration = text_in(await body_of(request), "duration", usual=SNOOZED)
        return await self._words({"action": "snooze", "duration": duration})

    async def _words(self, args: dict[str, Any]) -> Response:
        return as_json({"said": await self._speaker.ask("timers", **args)})


def form_of(body: dict[str, Any]) -> dict[str, Any]:
    """The arguments of the command. Raises WebRefused."""
    action = text_in(body, "action", usual="add")
    form = FORMS.get(action)
    if form is None:
        raise WebRefused(RefusalName.BAD_BODY, f'"action" is one of {", ".join(FORMS)}.')
    return {"action": action} | {name: text_in(body, name, usual=usual) for name, usual in form.items()}


def _number(request: Request) -> str:
    """The number in the address; `cancel` would take names, and "all", which nobody meant."""
    number = str(request.path_params["id"])
    if not (number.isascii() and number.isdigit()):
        raise WebRefused(RefusalName.NOT_HERE)
    return number


def entries(speaker: SpeakerDoor) -> list[Entry]:
    """List, add, cancel, snooze."""
    pages = TimerPages(speaker)
    rows = (
        ("/api/timers", "GET", pages.list),
        ("/api/timers", "POST", pages.add),
        ("/api/timers/{id}", "DELETE", pages.cancel),
        ("/api/timers/{id}/snooze", "POST", pages.snooze),
    )
    return [
        Entry(path=path, endpoint=endpoint, methods=frozenset({method}), needs=Right.PAGE)
        for path, method, endpoint in rows
    ]
