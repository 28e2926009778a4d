"""`/api/settings`, `/api/restart`: keys with their values; changes are checked, and the helper makes them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from daemon.errors import ConureError
from daemon.web.api.answers import answering, as_json, body_of
from daemon.web.entry import Entry, Right
from daemon.web.gate.refusals import RefusalCounts, RefusalName, WebRefused
from daemon.web.wishes.check import ConfigFile, in_force, problems_of, read_config, remedies, table_of
from daemon.web.wishes.desk import WishDesk
from daemon.web.wishes.wish import OutcomeKind, WishOutcome, check_changes, forbidden, plain_outcome
from hw.files import OddFile

REFUSED = "these settings cannot work"
STALE = "the file was changed meanwhile; look at it again"

APPLY_VARIABLE = "CONURE_APPLY"
"""Set by the unit whose machine has the helper too."""


class SettingsPages:
    """What the page reads and changes of the configuration."""

    def __init__(self, config: Path | None, desk: WishDesk | None) -> None:
        """`config` None: the system's file. `desk` None: there is no helper, and nothing can be changed."""
        self._config = config
        self._desk = desk

    async def show(self, _request: Request) -> Response:
        """Every key, in the order of the documentation."""
        config = await self._read()
        try:
            found = await asyncio.to_thread(in_force, config.text)
        except OddFile as error:
            raise ConureError(f"{config.path}: {error}") from error
        return as_json(
            {
                "settings": table_of(found),
                "version": config.version,
                "file": str(config.path),
                "writable": self._desk is not None,
                "problems": list(remedies(list(found.problems))),
            }
        )

    async def check(self, request: Request) -> Response:
        """Every mistake that these changes would make."""
        changes, _ = await _asked(request)
        found = await asyncio.to_thread(problems_of, await self._read(), changes)
        return as_json({"problems": list(remedies(found))})

    async def change(self, request: Request) -> Response:
        """Check, and have it carried out; answers when the speaker runs with it, or as before."""
        if self._desk is None:
            raise WebRefused(RefusalName.NOT_ALLOWED, "This gateway cannot change the configuration.")
        changes, version = await _asked(request)
        config = await self._read()
        if version != config.version:
            return as_json({"error": STALE, "version": config.version}, 409)
        found = await asyncio.to_thread(problems_of, config, changes)
        if not_by_page := list(forbidden(changes)):
            return as_json({"error": not_by_page[0].text, "problems": list(remedies(not_by_page))}, 403)
        if found:  # told as an answer: the page marks each key
            return as_json({"kind": OutcomeKind.REFUSED, "told": REFUSED, "problems": list(remedies(found))})
        return answer_of(await self._desk.ask(changes, version))

    async def restart(self, _request: Request) -> Response:
        """Have the speaker start anew; answers when it is ready, or has failed."""
        if self._desk is None:
            remedy = "On the speaker: `sudo systemctl restart conure`."
            raise WebRefused(
                RefusalName.NOT_ALLOWED, "This gateway cannot start the speaker anew.", remedy=remedy
            )
        return answer_of(await self._desk.ask_for_restart())

    async def _read(self) -> ConfigFile:
        try:
            return await asyncio.to_thread(read_config, self._config)
        except (OSError, OddFile) as error:
            raise ConureError(f"the configuration cannot be read: {error}") from error


def entries(pages: SettingsPages, counts: RefusalCounts) -> list[Entry]:
    """Each answers what it raises by a sentence, and counts it."""
    post = frozenset({"POST"})
    found = [
        Entry(path="/api/settings", endpoint=pages.show, needs=Right.PAGE),
        Entry(path="/api/settings", endpoint=pages.change, methods=post, needs=Right.PAGE),
        Entry(path="/api/settings/check", endpoint=pages.check, methods=post, needs=Right.PAGE),
        Entry(path="/api/restart", endpoint=pages.restart, methods=post, needs=Right.PAGE),
    ]
    return [replace(entry, endpoint=answering(entry.endpoint, counts)) for entry in found]


_STATUS = {OutcomeKind.STALE: 409, OutcomeKind.FAILED: 500}


def answer_of(outcome: WishOutcome) -> Response:
    """What became of a wish, as the page takes it."""
    return as_json(plain_outcome(outcome), _STATUS.get(outcome.kind, 200))


async def _asked(request: Request) -> tuple[Mapping[str, Any], str]:
    """The changes, and the version of the file that they are for. Raises WebRefused."""
    body = await body_of(request)
    changes, version = body.get("changes"), body.get("version", "")
    if not isinstance(changes, dict) or not isinstance(version, str):
        raise WebRefused(
            RefusalName.BAD_BODY, 'The body is {"changes": {"sound.volume": 50}, "version": "…"}.'
        )
    try:
        check_changes(changes)
    except ValueError as error:
        raise WebRefused(RefusalName.BAD_BODY, f"The changes are not understood: {error}.") from error
    return changes, version
