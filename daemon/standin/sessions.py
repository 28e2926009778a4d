"""Sessions, which may outlive their connections, and the handles that resume them. Event loop only."""

from __future__ import annotations

import secrets
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from daemon.standin.grammar.protocol import INTERNAL, Refusal, invalid
from daemon.standin.grammar.setups import Setup
from daemon.standin.history import History

HANDLE_LIMIT = 256
"""Beyond this the oldest handle is forgotten, and refused as unknown."""

HANDLE_LIFE_S = 2 * 3600.0
"""A handle is good for two hours (Live API guide, session management)."""


SOUND_SESSIONS = 8
"""Sessions of which the sound is remembered, 2 MB each; of the oldest beyond it only the words are."""


@dataclass(slots=True, eq=False)
class KeptSession:
    """What is kept between connections."""

    model_name: str
    opened_s: float
    session_id: str = field(default_factory=lambda: secrets.token_hex(8))
    holder: object | None = None
    """The connection that has it; None between connections."""
    never_answers: bool = False
    over: bool = False
    """Its time has run out: nobody can resume it."""
    history: History = field(default_factory=History)

    def release(self, holder: object) -> None:
        """This connection has ended; if another has the session by now, that one keeps it."""
        if self.holder is holder:
            self.holder = None


@dataclass(slots=True)
class _Handle:
    session: KeptSession
    issued_s: float
    poisoned: bool = False


class Sessions:
    """All handles of one server."""

    def __init__(self, clock: Callable[[], float], handle_life_s: float = HANDLE_LIFE_S) -> None:
        self._clock = clock
        self._handle_life_s = handle_life_s
        self._handles: OrderedDict[str, _Handle] = OrderedDict()
        self._with_sound: deque[KeptSession] = deque()
        """By their newest handles."""
        self.forgotten = 0
        """Handles that were dropped because there were too many."""

    def open(self, setup: Setup, holder: object) -> KeptSession:
        """A new session, or the one that the set-up's handle names; `holder` has it now. Raises Refusal."""
        if setup.handle is None:
            return KeptSession(setup.model_name, self._clock(), holder=holder)
        handle = self._handles.get(setup.handle)
        if handle is None or handle.poisoned or self._clock() - handle.issued_s > self._handle_life_s:
            raise invalid()
        if handle.session.over or handle.session.model_name != setup.model_name:
            raise invalid()
        if handle.session.holder is not None:
            raise Refusal(INTERNAL, "Internal error encountered.")  # sip-to-ai PR #14
        handle.session.holder = holder
        return handle.session

    def issue(self, session: KeptSession) -> str:
        """A new handle; the earlier ones stay good."""
        name = secrets.token_urlsafe(24)
        self._handles[name] = _Handle(session, self._clock())
        if len(self._handles) > HANDLE_LIMIT:
            self._handles.popitem(last=False)
            self.forgotten += 1
        self._keep_sound(session)
        return name

    def _keep_sound(self, session: KeptSession) -> None:
        if session in self._with_sound:
            self._with_sound.remove(session)
        self._with_sound.append(session)
        if len(self._with_sound) > SOUND_SESSIONS:
            self._with_sound.popleft().history.forget_sound()

    def poison(self) -> None:
        """From now on every handle that was issued is refused."""
        for handle in self._handles.values():
            handle.poisoned = True
