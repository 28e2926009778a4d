"""The addresses of those who talk: `/ws/talk` for the page, the others for clients of two public projects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from daemon.web.clients.cross_origin import with_cors
from daemon.web.entry import TALK_SUBPROTOCOL, Endpoint, Entry, Listener, Right
from daemon.web.talk.talks import Talks

if TYPE_CHECKING:
    from daemon.web.clients.serving import TalkEndpoints

UPLOAD_BYTES = 10 * 2**20
"""Longest upload: ten minutes of what browsers record, and more of what telephones do."""

UPLOAD_BODY_S = 120.0

_SEEDS = frozenset({Listener.LOOPBACK})


class TalkEntries:
    """The addresses, and their endpoints as soon as somebody comes."""

    def __init__(self, talks: Talks, *, message_mib: int) -> None:
        """`message_mib` is `web.message_mib`."""
        self._talks = talks
        self._message_bytes = message_mib * 2**20
        self._endpoints: TalkEndpoints | None = None

    def entries(self) -> list[Entry]:
        """All of them; the clients of others come by the loopback listener alone."""
        late = self._late
        return [
            Entry(
                path="/ws/talk",
                endpoint=late(lambda found: found.own),
                methods=frozenset(),
                needs=Right.TALK,
                listeners=frozenset({Listener.HTTPS, Listener.LOOPBACK}),
                subprotocols=(TALK_SUBPROTOCOL,),
            ),
            _socket("/api/gemini/ws", late(lambda found: found.proxy_core)),
            _socket("/ws/audio-live", late(lambda found: found.audio_live)),
            _socket("/ws", late(lambda found: found.question)),
            _http("/audio-stream", late(lambda found: found.streams.audio_stream), "POST", body=True),
            _http("/transcribe", late(lambda found: found.streams.transcribe), "POST", body=True),
            _http("/stream/{question:path}", late(lambda found: found.streams.stream)),
            _http("/models", late(lambda found: found.models)),
            _http("/", late(lambda found: found.start)),
            _http("/api/chat/completions", late(lambda found: found.elsewhere), "GET", "POST"),
            _http("/api/models", late(lambda found: found.elsewhere), "GET", "POST"),
        ]

    def _late(self, which: Callable[[TalkEndpoints], Endpoint]) -> Endpoint:
        async def endpoint(connection: Any) -> Any:
            if self._endpoints is None:
                self._endpoints = await asyncio.to_thread(self._load)
            return await which(self._endpoints)(connection)

        return endpoint

    def _load(self) -> TalkEndpoints:
        from daemon.web.clients.serving import TalkEndpoints

        return TalkEndpoints(self._talks, message_bytes=self._message_bytes, upload_bytes=UPLOAD_BYTES)


def entries(talks: Talks, *, message_mib: int) -> list[Entry]:
    """The addresses of those who talk."""
    return TalkEntries(talks, message_mib=message_mib).entries()


def _socket(path: str, endpoint: Any) -> Entry:
    return Entry(path=path, endpoint=endpoint, methods=frozenset(), needs=Right.TALK, listeners=_SEEDS)


def _http(path: str, endpoint: Any, *methods: str, body: bool = False) -> Entry:
    if body:
        return Entry(
            path=path,
            endpoint=with_cors(endpoint),
            methods=frozenset({*methods, "OPTIONS"}),
            needs=Right.TALK,
            listeners=_SEEDS,
            body_bytes=UPLOAD_BYTES,
            body_s=UPLOAD_BODY_S,
        )
    named = frozenset({*(methods or ("GET",)), "OPTIONS"})
    return Entry(path=path, endpoint=with_cors(endpoint), methods=named, needs=Right.TALK, listeners=_SEEDS)
