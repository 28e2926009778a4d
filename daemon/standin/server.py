"""The stand-in Live server: listens with TLS on loopback and answers each client by a `Conversation`.

All on the caller's event loop. Everything it does wrong, it does because a plan or a control says so.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from daemon.standin import actions
from daemon.standin.actions import When
from daemon.standin.certs import Authority
from daemon.standin.door.content_desk import ContentDesk, Ended
from daemon.standin.door.credentials import (
    ApiKeys,
    Door,
    content_path,
    live_door,
    public_headers,
    without_secrets,
)
from daemon.standin.door.http_answers import BadRequest, HttpConnection, HttpRequest, http_error
from daemon.standin.door.model_desk import answer_about_model
from daemon.standin.door.token_desk import answer_post
from daemon.standin.door.tokens import Tokens
from daemon.standin.grammar.protocol import INTERNAL, POLICY, Refusal, invalid, parse
from daemon.standin.grammar.setups import check_setup
from daemon.standin.plan import Plan, PlanRun
from daemon.standin.record import ConnectionRecord, Record
from daemon.standin.sessions import HANDLE_LIFE_S, Sessions
from daemon.standin.talk.conversation import Conversation
from daemon.standin.voices import Echo, Voice
from daemon.standin.wire import GatedListener, Wire, WireEnded
from daemon.standin.world import Pace, Transcripts, World

T = TypeVar("T")

MESSAGE_BYTES = 4 * 2**20
"""Longest message that is taken: a minute of audio in one. What the service takes is not known."""

CLOSE_TIMEOUT_S = 1.0
"""A client that does not answer a close frame is dropped after this."""

OPEN_S = 75.0
"""From TCP to the upgrade, or to the end of an answer over plain HTTP."""

ARRIVAL_LIMIT = 64
"""Clients between TCP and the upgrade; beyond it the oldest is written off as gone."""

HOST = "127.0.0.1"

RECORD_S = 1800.0
"""Audio that is kept: 30 minutes are 58 MB."""

_log = logging.getLogger(__name__)
_websockets_log = logging.getLogger(f"{__name__}.websockets")
_websockets_log.setLevel(logging.CRITICAL)  # debug shows the key, errors are planned faults


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """How long it keeps what, in seconds, and by which calendar."""

    handle_life_s: float = HANDLE_LIFE_S
    """A resumption handle, after its session."""
    record_s: float = RECORD_S
    """The audio in its record."""
    wall_clock: Callable[[], datetime] = utc_now
    """The time of day, with its zone: ephemeral tokens expire by it."""


class StandIn:
    """An asynchronous context manager; the server listens inside it.

    `record` is what it saw. `offline = True` resets every new connection until it is False again.
    """

    def __init__(
        self,
        voice: Voice | None = None,
        plan: Plan | None = None,
        *,
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
        pace: Pace | None = None,
        transcripts: Transcripts | None = None,
        keys: ApiKeys | None = None,
        keeping: Keeping | None = None,
    ) -> None:
        """`voice` None: `Echo`. Port 0: a free one. `keys` None: all are good."""
        keeping = keeping or Keeping()
        self._port = port
        self._keys = keys or ApiKeys()
        self._tokens = Tokens(keeping.wall_clock)
        self.record = Record(clock, keeping.record_s)
        self._world = World(
            voice=voice or Echo(),
            plan=PlanRun(plan or Plan()),
            record=self.record,
            sessions=Sessions(clock, keeping.handle_life_s),
            clock=clock,
            pace=pace or Pace(),
            transcripts=transcripts or Transcripts(),
        )
        self._content = ContentDesk(self._world, self._keys)
        self._http: set[HttpConnection] = set()
        """Those that are being answered."""
        self._authority = Authority()
        self._server: Server | None = None
        self._arrivals: dict[tuple[str, int], ConnectionRecord] = {}
        self._tls_faults: deque[tuple[ConnectionRecord, str]] = deque(maxlen=ARRIVAL_LIMIT)
        self._wires: dict[Wire, Conversation | None] = {}
        self._stopping = asyncio.Event()
        self.offline = False

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError where the port is taken."""
        listener = GatedListener(HOST, self._port, self._let_in)
        self._port = listener.port
        context = self._authority.server_context()
        context.sni_callback = self._choose_certificate
        self._server = await serve(
            self._serve,
            sock=listener,
            ssl=context,
            process_request=self._answer_upgrade,
            create_connection=partial(HttpConnection, answer=self._answer_http),  # type: ignore[arg-type] # called only
            logger=_websockets_log,
            compression=None,
            open_timeout=OPEN_S,
            ping_interval=None,
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=MESSAGE_BYTES,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections with 1001, reset those that no longer read, and stop listening."""
        assert self._server is not None
        self.offline = True
        self._stopping.set()
        for wire in list(self._wires):
            if not wire.reading or wire.muted:
                wire.reset()
        for http in list(self._http):
            http.reset()
        self._server.close()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """The TCP port."""
        return self._port

    @property
    def base_url(self) -> str:
        """For `HttpOptions(base_url=…)`."""
        return f"https://localhost:{self._port}"

    @property
    def ca_pem(self) -> str:
        """The certificate of the authority that clients must trust."""
        return self._authority.pem

    def client_ssl_context(self) -> ssl.SSLContext:
        """For `HttpOptions(async_client_args={"ssl": …})`: trusts this server."""
        return self._authority.client_context()

    @property
    def voice(self) -> Voice:
        """Who answers the turns that end from now on."""
        return self._world.voice

    @voice.setter
    def voice(self, voice: Voice) -> None:
        self._world.voice = voice

    # --- controls -----------------------------------------------------------------------------------

    def follow(self, plan: Plan) -> None:
        """From now on do this wrong, and nothing else."""
        self._world.plan = PlanRun(plan)

    async def wait_for(self, predicate: Callable[[Record], T], timeout_s: float = 5.0) -> T:
        """The first true value of `predicate(record)`. Raises TimeoutError, which tells what was seen."""
        return await self.record.wait_for(predicate, timeout_s)

    async def inject(self, action: actions.Action) -> int:
        """Do a planned action now on every connection that is set up; how many there were.

        Only actions that may stand anywhere in a session; ValueError for others.
        """
        if not type(action).at >= actions.Action.at:
            raise ValueError(f"{type(action).__name__} needs a plan: it has its own moment")
        talks = [talk for talk in self._wires.values() if talk is not None]
        for talk in talks:
            with suppress(WireEnded):
                await talk.line.perform(action)
        return len(talks)

    async def send_go_away(self, time_left_s: float | None = None) -> None:
        """Announce the end on every connection, and do nothing about it."""
        await self.inject(actions.SayGoAway(time_left_s, then="nothing"))

    async def drop(self, code: int = 1011, reason: str = "Internal error encountered.") -> None:
        """Close every connection, set up or not."""
        for wire in list(self._wires):
            await wire.close(code, reason)

    def abort(self, connection: int | None = None) -> None:
        """Reset the connection with this number, or every one (None), set up or not."""
        for wire in list(self._wires):
            if connection in (None, wire.number):
                wire.reset()

    def poison_handles(self) -> None:
        """Refuse every handle that was issued until now."""
        self._world.sessions.poison()

    # --- before the upgrade -------------------------------------------------------------------------

    def _let_in(self, address: tuple[str, int]) -> bool:
        connection = self.record.connection_opened()
        due = [] if self.offline else self._world.plan.due(When.CONNECT)
        connection.faults.extend(type(action).__name__ for action in due)
        if self.offline or any(isinstance(action, actions.Refuse) for action in due):
            self.record.connection_closed(connection, 1006, "refused", by_server=True)
            return False
        for action in due:
            if isinstance(action, actions.TlsFailure):
                self._tls_faults.append((connection, action.kind))
        self._arrivals[address] = connection
        if len(self._arrivals) > ARRIVAL_LIMIT:
            gone = self._arrivals.pop(next(iter(self._arrivals)))
            self.record.connection_closed(gone, 1006, "never upgraded", by_server=False)
        return True

    def _choose_certificate(
        self, tls: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        if not self._tls_faults:
            return
        connection, kind = self._tls_faults.popleft()
        self.record.connection_closed(connection, 1006, f"TLS {kind}", by_server=True)
        expired = kind == "expired"
        tls.context = (self._authority if expired else Authority()).server_context(expired=expired)

    async def _answer_upgrade(self, websocket: ServerConnection, request: Request) -> Response | None:
        connection = self._arrivals.get(websocket.remote_address[:2])
        if connection is None:  # written off: too many have come since
            return websocket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "Too many clients.\n")
        headers = dict(request.headers.raw_items())
        connection.path, connection.headers = without_secrets(request.path), public_headers(headers.items())
        response = answer_about_model(websocket, request, self._keys) or await self._planned_response(
            websocket, connection
        )
        if response is None and live_door(request.path, connection.headers) is None:
            response = websocket.respond(HTTPStatus.NOT_FOUND, "Not found.\n")
        if response is None and self._is_full():
            response = websocket.respond(HTTPStatus.TOO_MANY_REQUESTS, "Resource has been exhausted.\n")
        if response is not None:
            self._arrivals.pop(websocket.remote_address[:2], None)
            self.record.connection_closed(connection, 1006, f"HTTP {response.status_code}", by_server=True)
        return response

    def _is_full(self) -> bool:
        limit = self._world.service.connections
        return 0 < limit <= len(self._wires)

    async def _answer_http(self, http: HttpConnection, request: HttpRequest | BadRequest) -> None:
        connection = self._arrivals.pop(http.remote_address[:2], None)
        if connection is None:
            http.send_http(http_error(HTTPStatus.SERVICE_UNAVAILABLE, "Too many clients.").encode())
            return
        if isinstance(request, HttpRequest):
            connection.path = without_secrets(request.target)
            connection.headers = public_headers(request.headers.items())
        self._http.add(http)
        outcome, by_server = "left", False
        try:
            status = await self._answer_request(http, connection, request)
            outcome, by_server = f"HTTP {status.value}", True
        except Ended:
            outcome, by_server = "reset", True
        except Exception:  # noqa: BLE001 - as of a session: a bug of ours, and the next client is served
            self.record.failures += 1
            _log.exception("the stand-in server itself failed")
        finally:
            self._http.discard(http)
            self.record.connection_closed(connection, 1006, outcome, by_server=by_server)

    async def _answer_request(
        self, http: HttpConnection, connection: ConnectionRecord, request: HttpRequest | BadRequest
    ) -> HTTPStatus:
        posted = isinstance(request, HttpRequest) and request.method == "POST"
        path = content_path(request.target) if posted else None  # type: ignore[union-attr] # the line before
        if path is not None:
            return await self._content.answer(http, connection, path, request)  # type: ignore[arg-type] # as before
        answer = answer_post(request, self._keys, self._tokens)
        http.send_http(answer.encode())
        return answer.status

    async def _planned_response(
        self, websocket: ServerConnection, connection: ConnectionRecord
    ) -> Response | None:
        for action in self._world.plan.due(When.UPGRADE):
            connection.faults.append(type(action).__name__)
            if isinstance(action, actions.Stall):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), action.seconds)
            elif isinstance(action, actions.HttpStatus):
                return websocket.respond(action.status, action.body)
        return None

    # --- after the upgrade --------------------------------------------------------------------------

    async def _serve(self, websocket: ServerConnection) -> None:
        connection = self._arrivals.pop(websocket.remote_address[:2], None) or self.record.connection_opened()
        wire = Wire(websocket, connection.number)
        self._wires[wire] = None
        try:
            await self._talk(websocket, wire, connection)
        except Refusal as refusal:
            await wire.close(refusal.code, refusal.reason)
        except WireEnded:
            pass  # the client has left, or a fault has cut it off: nobody is there to be told
        except Exception:  # noqa: BLE001 - whatever it is, it is a bug of ours, and the next client is served
            self.record.failures += 1
            _log.exception("the stand-in server itself failed")
            await wire.close(INTERNAL, "Internal error encountered.")
        finally:
            del self._wires[wire]
            self.record.connection_closed(connection, *wire.outcome, by_server=wire.ended_here)

    async def _talk(self, websocket: ServerConnection, wire: Wire, connection: ConnectionRecord) -> None:
        request = websocket.request
        assert request is not None
        door = live_door(request.path, {name.lower(): value for name, value in request.headers.raw_items()})
        assert door is not None, "the upgrade was refused otherwise"
        message = parse(await wire.receive())
        if message.kind != "setup":
            raise invalid("setup must be the first message and only the first")
        body = self._admit(door, message.body)
        connection.setup = body
        self.record.received(connection, "setup", body)
        setup = check_setup(body, door.api_version, constrained=door.constrained)
        self._world.check_quota()
        session = self._world.sessions.open(setup, wire)
        connection.session_id, connection.resumed = session.session_id, setup.handle is not None
        talk = Conversation(self._world, wire, connection, setup, session)
        self._wires[wire] = talk
        try:
            await talk.run()
        finally:
            session.release(wire)

    def _admit(self, door: Door, asked: dict[str, Any]) -> dict[str, Any]:
        """The set-up that is in force for whoever came in by this door. Raises Refusal."""
        if not door.constrained:
            self._keys.check(door.key)
            return asked
        if not door.token:
            raise Refusal(POLICY, "Method doesn't allow unregistered callers.")
        resumes = bool(asked.get("sessionResumption", {}).get("handle"))
        return self._tokens.admit(door.token, resumes=resumes).applied_to(asked)
