"""The stand-in Live server: listens with TLS on loopback and answers each client by a `Conversation`.

All on the caller's event loop. Everything it does wrong, it does because a plan or a control says so.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from daemon.standin import actions, faults
from daemon.standin.actions import When
from daemon.standin.certs import Authority
from daemon.standin.conversation import Conversation, Pace, Transcripts, World
from daemon.standin.plan import Plan, PlanRun
from daemon.standin.protocol import INTERNAL, POLICY, Refusal, invalid, parse
from daemon.standin.record import ConnectionRecord, Record
from daemon.standin.sessions import HANDLE_LIFE_S, Sessions
from daemon.standin.setups import check_setup
from daemon.standin.voices import Echo, Voice
from daemon.standin.wire import GatedListener, Wire, WireEnded

T = TypeVar("T")

REDACTED = "(redacted)"

MESSAGE_BYTES = 4 * 2**20
"""Longest message that is taken: a minute of audio in one. What the service takes is not known."""

CLOSE_TIMEOUT_S = 1.0
"""A client that does not answer a close frame is dropped after this."""

ARRIVAL_LIMIT = 64
"""Clients between TCP and the upgrade; beyond it the oldest is written off as gone."""

RECORD_S = 1800.0
"""Audio that is kept: 30 minutes are 58 MB."""

_PATH = re.compile(r"/ws/google\.ai\.generativelanguage\.(\w+)\.GenerativeService\.BidiGenerateContent")
_SECRET_HEADERS = frozenset({"x-goog-api-key", "authorization"})

_log = logging.getLogger(__name__)
_websockets_log = logging.getLogger(f"{__name__}.websockets")
_websockets_log.setLevel(logging.CRITICAL)  # debug shows the key, errors are planned faults


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
        host: str = "127.0.0.1",
        clock: Callable[[], float] = time.monotonic,
        pace: Pace | None = None,
        transcripts: Transcripts | None = None,
        bad_keys: Iterable[str] = (),
        handle_life_s: float = HANDLE_LIFE_S,
        record_s: float = RECORD_S,
    ) -> None:
        """`voice` None: `Echo`. `host` is an IPv4 address; port 0: a free one. `bad_keys` are refused."""
        self._host, self._port = host, port
        self._bad_keys = frozenset(bad_keys)
        self.record = Record(clock, record_s)
        self._world = World(
            voice or Echo(),
            PlanRun(plan or Plan()),
            self.record,
            Sessions(clock, handle_life_s),
            clock,
            pace or Pace(),
            transcripts or Transcripts(),
        )
        self._authority = Authority()
        self._server: Server | None = None
        self._arrivals: dict[tuple[str, int], ConnectionRecord] = {}
        self._tls_faults: deque[tuple[ConnectionRecord, str]] = deque(maxlen=ARRIVAL_LIMIT)
        self._wires: dict[Wire, Conversation | None] = {}
        self._stopping = asyncio.Event()
        self.offline = False

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError where the port is taken."""
        listener = GatedListener(self._host, self._port, self._let_in)
        self._port = listener.port
        context = self._authority.server_context()
        context.sni_callback = self._choose_certificate
        self._server = await serve(
            self._serve,
            sock=listener,
            ssl=context,
            process_request=self._answer_upgrade,
            logger=_websockets_log,
            compression=None,
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
                await faults.perform(talk, action)
        return len(talks)

    async def send_go_away(self, time_left_s: float | None = None) -> None:
        """Announce the end on every connection, and do nothing about it."""
        await self.inject(actions.GoAway(time_left_s, then="nothing"))

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
        connection = self._arrivals[websocket.remote_address[:2]]
        connection.path = re.sub(r"(?<=key=)[^&]*", REDACTED, request.path)
        connection.headers = {
            name.lower(): REDACTED if name.lower() in _SECRET_HEADERS else value
            for name, value in request.headers.raw_items()
        }
        response = await self._planned_response(websocket, connection)
        if response is None and _PATH.fullmatch(urlsplit(request.path).path) is None:
            response = websocket.respond(404, "Not found.\n")
        if response is not None:
            del self._arrivals[websocket.remote_address[:2]]
            self.record.connection_closed(connection, 1006, f"HTTP {response.status_code}", by_server=True)
        return response

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
        connection = self._arrivals.pop(websocket.remote_address[:2])
        wire = Wire(websocket, connection.number)
        self._wires[wire] = None
        try:
            await self._talk(websocket, wire, connection)
        except Refusal as refusal:
            await wire.close(refusal.code, refusal.reason)
        except WireEnded:
            pass  # the client has left, or a fault has cut it off: nobody is there to be told
        except ExceptionGroup:
            _log.exception("the stand-in server itself failed")
            await wire.close(INTERNAL, "Internal error encountered.")
        finally:
            del self._wires[wire]
            self.record.connection_closed(connection, *wire.outcome, by_server=wire.ended_here)

    async def _talk(self, websocket: ServerConnection, wire: Wire, connection: ConnectionRecord) -> None:
        request = websocket.request
        assert request is not None
        message = parse(await wire.receive())
        self._check_key(request)
        if message.kind != "setup":
            raise invalid("setup must be the first message and only the first")
        connection.setup = message.body
        self.record.received(connection, "setup", message.body)
        setup = check_setup(message.body, _api_version(request))
        session = self._world.sessions.open(setup, wire)
        connection.session_id, connection.resumed = session.session_id, setup.handle is not None
        talk = Conversation(self._world, wire, connection, setup, session)
        self._wires[wire] = talk
        try:
            await talk.run()
        finally:
            session.release(wire)

    def _check_key(self, request: Request) -> None:
        query = parse_qs(urlsplit(request.path).query)
        key = request.headers.get("x-goog-api-key") or query.get("key", [""])[0]
        if not key:
            raise Refusal(POLICY, "Method doesn't allow unregistered callers.")
        if any(hmac.compare_digest(key.encode(), bad.encode()) for bad in self._bad_keys):
            raise invalid("API key not valid. Please pass a valid API key.")


def _api_version(request: Request) -> str:
    match = _PATH.fullmatch(urlsplit(request.path).path)
    assert match is not None, "the upgrade was refused otherwise"
    return match[1]
