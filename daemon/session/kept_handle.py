"""The resumption handle as a file's content, so that the next process can resume the session."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from daemon.config.settings import LiveSettings
from daemon.runtime.keeper import Content
from daemon.runtime.store import Store
from daemon.session.link import Handle

SESSION_FILE = "session.json"


class SessionNote:
    """The resumption handle as a file's content, its monotonic time turned into wall clock time.

    That is done once for each handle: done again, the two clocks would differ by a little each time.
    """

    def __init__(
        self,
        model: str,
        handle: Callable[[], Handle | None],
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        """`handle` gives the present one; a handle is of use to the model that gave it, and to no other."""
        self._model = model
        self._handle = handle
        self._clock = clock
        self._wall_clock = wall_clock
        self._noted: Handle | None = None
        self._content: Content | None = None

    def content(self) -> Content | None:
        """What `load_handle` takes back; None while there is no handle."""
        handle = self._handle()
        if handle != self._noted:
            self._noted = handle
            self._content = None if handle is None else self._describe(handle)
        return self._content

    def _describe(self, handle: Handle) -> Content:
        given_at_s = self._wall_clock() - (self._clock() - handle.given_s)
        return {
            "model": self._model,
            "handle": handle.value,
            "given_at_s": int(given_at_s),
        }  # never from the future


def load_handle(
    store: Store | None,
    live: LiveSettings,
    *,
    life_s: float,
    clock: Callable[[], float],
    wall_clock: Callable[[], float] = time.time,
) -> Handle | None:
    """The handle of an earlier run, if it is wanted, for this model, and younger than `life_s`.

    One that is not is removed. A handle from the future is one of a clock that was wrong.
    """
    if store is None:
        return None
    kept = store.load(SESSION_FILE, _read_session) if live.keep_session else None
    if kept is not None:
        model, value, given_at_s = kept
        age_s = wall_clock() - given_at_s
        if model == live.model and 0 <= age_s < life_s:
            return Handle(value, clock() - age_s)
    store.keep(SESSION_FILE, None)
    return None


def _read_session(data: Any) -> tuple[str, str, float]:
    """Model, handle, and when it was given. Raises ValueError, without a word of the content."""
    match data:
        case {"model": str(model), "handle": str(handle), "given_at_s": int(given_at_s)} if handle:
            return model, handle, given_at_s
    raise ValueError("it does not hold a session")
