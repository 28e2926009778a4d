"""What is served to those who talk: each address has a method. Event loop only.

It brings dialects, audio and talks with it, some 4 MB: `entries` loads it for the first who comes.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket

from daemon.config.models import VOICES, capabilities
from daemon.web.clients.driver import Client
from daemon.web.clients.streams import Streams
from daemon.web.dialects.audio_live import AudioLiveDialect
from daemon.web.dialects.own import MAX_JPEG_BYTES, SUBPROTOCOL, OwnDialect
from daemon.web.dialects.proxy_core import OnOffer, ProxyCoreDialect
from daemon.web.dialects.questions import AUDIO_MODELS, TEXT_MODELS, QuestionDialect, start_page
from daemon.web.entry import Visitor
from daemon.web.page.files import index_response
from daemon.web.talk.talks import Talks

LIVE_BYTES = 256 * 1024
"""Longest message of a recorder: its slices have some hundred bytes, those of its test program 22 KB."""


class TalkEndpoints:
    """The endpoints, over the gateway's talks. `streams` has those of recordings and written questions."""

    def __init__(self, talks: Talks, *, message_bytes: int, upload_bytes: int) -> None:
        """`message_bytes`: the longest message of a client of ai-proxy-core."""
        self._talks = talks
        self._message_bytes = message_bytes
        self.streams = Streams(talks, upload_bytes=upload_bytes)

    # --- WebSockets

    async def own(self, websocket: WebSocket) -> None:
        """The page."""
        patience = self._talks.terms.patience
        limits = {"idle_s": patience.idle_s, "longest_s": patience.longest_s}
        dialect = OwnDialect(device=_visitor(websocket).name, limits=limits)
        offered = SUBPROTOCOL in websocket.scope.get("subprotocols", [])
        await self._client(websocket, dialect, MAX_JPEG_BYTES + 4, SUBPROTOCOL if offered else None)

    async def proxy_core(self, websocket: WebSocket) -> None:
        """A client of ai-proxy-core; one with an `Origin` is a page."""
        model = self._talks.terms.live.model
        takes = capabilities(model)
        offer = OnOffer(
            model=model,
            voices=VOICES,
            temperature=takes.temperature,
            max_output_tokens=takes.max_output_tokens,
        )
        address = websocket.client.host if websocket.client else ""
        is_page = "origin" in websocket.headers
        dialect = ProxyCoreDialect(offer, address=address, is_page=is_page)
        await self._client(websocket, dialect, self._message_bytes)

    async def audio_live(self, websocket: WebSocket) -> None:
        """A recorder of the live audio app."""
        both = websocket.query_params.get("transcript") == "both"
        await self._client(websocket, AudioLiveDialect(both=both), LIVE_BYTES)

    async def question(self, websocket: WebSocket) -> None:
        """Questions in writing."""
        await self._client(websocket, QuestionDialect(), LIVE_BYTES)

    async def _client(
        self, websocket: WebSocket, dialect: Any, longest_bytes: int, subprotocol: str | None = None
    ) -> None:
        visitor = _visitor(websocket)
        client = Client(websocket, dialect, self._talks, visitor=visitor, longest_bytes=longest_bytes)
        await client.serve(subprotocol)

    # --- plain answers

    async def start(self, request: Request) -> Response:
        """What the app's front end reads first; who came by the address bar gets the page."""
        if "text/html" in request.headers.get("accept", ""):
            return index_response(request)
        return JSONResponse(start_page())

    async def models(self, request: Request) -> Response:
        """Words for its lists."""
        return JSONResponse({"text_models": TEXT_MODELS, "audio_models": AUDIO_MODELS})

    async def elsewhere(self, request: Request) -> Response:
        """Another product's addresses."""
        sentence = "This gateway talks; for chat completions ask an OpenAI-compatible server."
        return JSONResponse({"detail": sentence, "endpoints": start_page()["endpoints"]}, 404)


def _visitor(websocket: WebSocket) -> Visitor:
    """Who the gate let in."""
    visitor: Visitor = websocket.state.visitor
    return visitor
