"""The gateway's side: leaves a wish where the helper finds it, and waits for its outcome. Event loop only."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon.config.secret import Secret
from daemon.errors import ConureError
from daemon.runtime.store import Store
from daemon.web.wishes.wish import OUTCOME_FILE, WISH_FILE, WishOutcome, outcome_of

WAIT_S = 240.0
"""The helper may start the speaker twice, and each start may take 90 s."""
LOOK_S = 0.2


class WishDesk:
    """One wish at a time."""

    def __init__(self, folder: Path, wait_s: float = WAIT_S) -> None:
        """`folder` is the gateway's state."""
        self._store = Store(folder)
        self._wait_s = wait_s
        self.busy = False

    async def ask(self, changes: Mapping[str, Any], version: str) -> WishOutcome:
        """Have the helper change the settings. Raises ConureError where there is no answer.

        Cancelled, it takes back what the helper has not taken: half a change is none.
        """
        return await self._alone({"version": version, "changes": dict(changes)})

    async def ask_for_key(self, key: Secret) -> WishOutcome:
        """Have the helper put the key in its place; as `ask`."""
        return await self._alone({"key": key.reveal()})

    async def ask_for_restart(self) -> WishOutcome:
        """Have the helper start the speaker anew; as `ask`."""
        return await self._alone({"restart": True})

    async def _alone(self, wish: Mapping[str, Any]) -> WishOutcome:
        if self.busy:
            raise ConureError("another change is being applied; wait for it")
        self.busy = True
        try:
            outcome = await self._carried_out(wish)
            await self._store.keep_aside(OUTCOME_FILE, None)
        finally:
            self.busy = False
        return outcome

    async def _carried_out(self, wish: Mapping[str, Any]) -> WishOutcome:
        number = secrets.token_hex(8)
        try:
            if not await self._store.keep_aside(WISH_FILE, {"number": number, **wish}):
                raise ConureError("the wish cannot be left for the helper: the disk may be full")
            async with asyncio.timeout(self._wait_s):
                return await self._outcome_of(number)
        except TimeoutError:
            raise ConureError(
                "nobody carried it out; is conure-apply.path active? journalctl -u conure-apply"
            ) from None
        finally:  # it may hold a key, which lies about for nobody
            await self._store.keep_aside(WISH_FILE, None)

    async def _outcome_of(self, number: str) -> WishOutcome:
        while True:  # another process writes the file
            outcome = await asyncio.to_thread(self._outcome)
            if outcome is not None and outcome.number == number:
                return outcome
            await asyncio.sleep(LOOK_S)

    def _outcome(self) -> WishOutcome | None:
        return self._store.load(OUTCOME_FILE, outcome_of)
