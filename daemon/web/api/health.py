"""`/healthz`, `/readyz` and `/health`: for whoever starts this process again.

They are open to all, and tell no more than that. `readiness` is the rule of docs/use/service.md.
Event loop only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from daemon.web.api.answers import as_json
from daemon.web.api.kept_status import KeptStatus, SpeakerStatus
from daemon.web.entry import Entry, Listener

UNWELL_LIGHTS = frozenset({"no microphone", "no speaker", "refused"})
"""What only a person can mend."""

PATIENCE_S = 60.0
"""A connection that is lost comes back by itself, mostly within this."""

EVERYWHERE = frozenset({Listener.HTTPS, Listener.LOOPBACK})


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the speaker can do what it is for, and if not, why."""

    ready: bool
    status: str
    problem: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For the answer."""
        return {"status": self.status} | ({"problem": self.problem} if self.problem else {})


def readiness(status: SpeakerStatus | None) -> Readiness:
    """Of a speaker with this status; None: it does not answer."""
    if status is None:
        return Readiness(False, "away", "The speaker does not answer.")
    light, link = str(status.get("light")), status.get("link") or {}
    problem = link.get("problem")
    if light in UNWELL_LIGHTS:
        return Readiness(False, light, problem if light == "refused" else f"The lights say: {light}.")
    if problem and (link.get("problem_since_s") or 0.0) >= PATIENCE_S:
        return Readiness(False, "link", str(problem))
    return Readiness(True, "ok")


class HealthPages:
    """Answers them."""

    def __init__(self, status: KeptStatus) -> None:
        self._status = status

    async def alive(self, _request: Request) -> Response:
        """The event loop turns: this is the proof."""
        return as_json({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """200, or 503 with the problem. A gateway without a speaker is as ready as it is alive."""
        found = readiness(await self._status.newest()) if self._status.has_speaker else Readiness(True, "ok")
        return as_json(found.as_dict(), 200 if found.ready else 503)

    async def healthy(self, _request: Request) -> Response:
        """As ai-proxy-core answers its clients."""
        return as_json({"status": "healthy"})


def entries(status: KeptStatus) -> list[Entry]:
    """All three."""
    pages = HealthPages(status)
    paths = {"/healthz": pages.alive, "/readyz": pages.ready, "/health": pages.healthy}
    return [Entry(path=path, endpoint=page, listeners=EVERYWHERE) for path, page in paths.items()]
