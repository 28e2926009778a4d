"""What somebody on the same network may try against the gateway, a line each, and whether it held.

`scripts/attack-web` runs them against a gateway, `tests/whole/gateway/test_web_attacks.py` against its own.
Each speaks HTTP by hand, for no library would send what is tried here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

PATIENCE_S = 20.0
COOKIE = "__Host-conure"
POLICY_VIOLATION = 1008
EVIL = "https://evil.example"

REVOKED_WITHIN_S = 1.5
"""The gateway promises a second; the rest is this machine's."""


PACE_S = 0.06
"""Between requests: what is tried is to be refused for what it is, not as the next of too many."""

REST_S = 3.0
"""So long a pause gives back all requests that an address may make at once, and ends its old connections."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; status 0: the connection was closed without an answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    closed: bool = False

    @property
    def code(self) -> str:
        """The gateway's own name of a refusal."""
        try:
            return str(json.loads(self.body)["code"])
        except (ValueError, KeyError, TypeError):
            return ""


@dataclass(slots=True)
class Target:
    """A gateway that is attacked, and the cookie of a browser that is paired with it."""

    url: str
    secret: str = ""
    seeds_url: str = ""
    """Of the listener for clients of other projects; empty: what is tried there is left out."""

    @property
    def host(self) -> str:
        """As the Host header has it."""
        return urlsplit(self.url).netloc

    @property
    def paired(self) -> dict[str, str]:
        """The headers of the paired browser's page."""
        return {"Cookie": f"{COOKIE}={self.secret}", "Origin": self.url, "Sec-Fetch-Site": "same-origin"}

    def _trust(self) -> ssl.SSLContext | None:
        """Any certificate; None without TLS."""
        if urlsplit(self.url).scheme != "https":
            return None
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        return trust

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection, whatever its certificate says."""
        parts, trust = urlsplit(self.url), self._trust()
        port = parts.port or (443 if trust else 80)
        reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=trust)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def raw(self, sent: bytes) -> Answer:
        """Send bytes as they are; the first answer."""
        await asyncio.sleep(PACE_S)
        try:
            async with asyncio.timeout(PATIENCE_S), self.connected() as (reader, writer):
                writer.write(sent)
                return await _answer(reader)
        except (ConnectionError, asyncio.IncompleteReadError):
            return Answer(0, closed=True)

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """A request in good form."""
        fields = {"Host": self.host, "Connection": "close", **(headers or {})}
        if body or method == "POST":
            fields["Content-Length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
        return await self.raw(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)

    async def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """JSON, or bytes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.ask("POST", path, self.paired if headers is None else headers, data)

    async def upgrade(self, path: str, **changed: str) -> Answer:
        """Ask for a WebSocket."""
        fields = {
            "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "conure.talk.1",
        }  # fmt: skip
        return await self.ask(
            "GET", path, fields | {name.replace("_", "-"): v for name, v in changed.items()}
        )

    async def socket(self, path: str, headers: Mapping[str, str]) -> str:
        """What a WebSocket is told first: "refused …", or the first message."""
        trust = self._trust()
        address = self.url.replace("http", "ws", 1) + path
        try:
            async with connect(
                address, additional_headers=headers, ssl=trust, open_timeout=PATIENCE_S
            ) as socket:
                first = str(await asyncio.wait_for(socket.recv(), PATIENCE_S))
                await asyncio.wait_for(socket.wait_closed(), PATIENCE_S)
                return (
                    f"refused {socket.close_code} {first}" if socket.close_code == POLICY_VIOLATION else first
                )
        except InvalidStatus as error:
            return f"refused {error.response.status_code}"

    async def pair(self, *, guest: bool = False) -> Target:
        """Another browser, let in by this one."""
        made = await self.post("/api/pair/new", {"guest": guest})
        answer = await self.post("/api/pair", {"code": json.loads(made.body)["code"]}, {"Origin": self.url})
        secret = answer.headers["set-cookie"].partition(";")[0].removeprefix(f"{COOKIE}=")
        return Target(self.url, secret)


async def _answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in rest if one)}
    status = int(line.split()[1])
    length = int(headers.get("content-length", 0))
    body = await reader.readexactly(length) if length else b""
    closes = headers.get("connection", "").lower() == "close"
    return Answer(status, headers, body, closed=closes)


Trial = Callable[[Target], Awaitable[str]]
"""Tries something; returns what went wrong, or nothing."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One line."""

    name: str
    trial: Trial


ATTACKS: list[Attack] = []


def attack(name: str) -> Callable[[Trial], Trial]:
    """Adds a trial to the list."""

    def add(trial: Trial) -> Trial:
        ATTACKS.append(Attack(name, trial))
        return trial

    return add


def wanted(answer: Answer, *statuses: int, code: str = "") -> str:
    """What is wrong with an answer that should have one of these."""
    if answer.status not in statuses:
        return f"answered {answer.status} {answer.body[:80]!r}, not {statuses}"
    return f"refused as {answer.code!r}, not {code!r}" if code and answer.code != code else ""


def refused(name: str, method: str, path: str, *statuses: int, code: str = "", **headers: str | None) -> None:
    """Adds a request of the paired browser with other headers (None: without), which is to be refused."""

    async def trial(target: Target) -> str:
        fields = {**target.paired, **{key.replace("_", "-"): value for key, value in headers.items()}}
        answer = await target.ask(
            method, path, {key: value for key, value in fields.items() if value is not None}
        )
        return wanted(answer, *statuses, code=code)

    ATTACKS.append(Attack(name, trial))


# --- host -------------------------------------------------------------------------------------------

refused(
    "a foreign name that leads here (DNS rebinding)",
    "GET",
    "/api/me",
    421,
    code="wrong_host",
    Host="evil.example",
)
refused(
    "a name that begins like ours", "GET", "/api/me", 421, code="wrong_host", Host="localhost.evil.example"
)
refused("a name that ends like ours", "GET", "/api/me", 421, code="wrong_host", Host="evil-localhost")
refused("a number in the place of an address", "GET", "/api/me", 421, code="wrong_host", Host="2130706433")
refused("a user before the host", "GET", "/api/me", 400, 421, Host="localhost@evil.example")
refused("an empty host", "GET", "/api/me", 400, 421, Host="")
refused("a foreign name at a WebSocket", "GET", "/ws/talk", 400, 404, 421, Host="evil.example")


@attack("two hosts")
async def _two_hosts(target: Target) -> str:
    sent = f"GET /api/me HTTP/1.1\r\nHost: {target.host}\r\nHost: evil.example\r\n\r\n"
    return wanted(await target.raw(sent.encode()), 400)


@attack("no host")
async def _no_host(target: Target) -> str:
    return wanted(await target.raw(b"GET /api/me HTTP/1.1\r\n\r\n"), 400)


@attack("a whole address in the request line")
async def _absolute(target: Target) -> str:
    sent = f"GET http://evil.example/api/devices HTTP/1.1\r\nHost: {target.host}\r\n\r\n"
    return wanted(await target.raw(sent.encode()), 400, 401, 404)


# --- origin -----------------------------------------------------------------------------------------

refused("a command of a foreign page (CSRF)", "POST", "/api/talk", 403, code="wrong_origin", Origin=EVIL)
refused("a command of a sandboxed frame", "POST", "/api/talk", 403, code="wrong_origin", Origin="null")
refused(
    "an origin that begins like ours",
    "POST",
    "/api/talk",
    403,
    code="wrong_origin",
    Origin="https://127.0.0.1.evil",
)
refused("an empty origin", "POST", "/api/talk", 403, code="wrong_origin", Origin="")
refused("a cookie without an origin", "POST", "/api/talk", 403, code="no_origin", Origin=None)
refused("events for a foreign page", "GET", "/api/events", 403, code="wrong_origin", Origin=EVIL)
refused(
    "a picture on a foreign page",
    "GET",
    "/api/history",
    403,
    code="cross_site",
    Origin=None,
    Sec_Fetch_Site="cross-site",
)
refused(
    "a form on a foreign page",
    "POST",
    "/api/talk",
    403,
    Origin=EVIL,
    Sec_Fetch_Site="cross-site",
    Sec_Fetch_Mode="navigate",
)
refused("a code of a foreign page", "POST", "/api/pair", 403, code="wrong_origin", Origin=EVIL, Cookie=None)
refused(
    "a preflight of a foreign page",
    "OPTIONS",
    "/api/talk",
    400,
    403,
    405,
    Origin=EVIL,
    Access_Control_Request_Method="POST",
)


@attack("a WebSocket of a foreign page (CSWSH)")
async def _cswsh(target: Target) -> str:
    answer = await target.upgrade("/ws/talk", Origin=EVIL, Cookie=f"{COOKIE}={target.secret}")
    return wanted(answer, 403, 404)


@attack("a foreign page is not told that it may read")
async def _cors(target: Target) -> str:
    answer = await target.ask("GET", "/api/me", {"Origin": EVIL})
    told = [name for name in answer.headers if name.startswith("access-control")]
    return f"told {told}" if told else ""


# --- who --------------------------------------------------------------------------------------------

refused("no pass", "GET", "/api/events", 401, code="not_paired", Cookie=None)
refused("a forged cookie", "GET", "/api/events", 401, code="unknown_pass", Cookie=f"{COOKIE}=AAAA")
refused("a cookie of 8,000 letters", "GET", "/api/events", 401, 431, Cookie=f"{COOKIE}={'A' * 8000}")
refused("the cookie without its prefix", "GET", "/api/events", 401, Cookie="conure=AAAA")
refused(
    "a forged token",
    "GET",
    "/api/events",
    401,
    code="unknown_pass",
    Cookie=None,
    Authorization="Bearer conure_x",
)
refused(
    "an empty token", "GET", "/api/events", 401, code="unknown_pass", Cookie=None, Authorization="Bearer "
)
refused("a token in the address of a page", "GET", "/api/events?token=conure_x", 401, Cookie=None)
refused(
    "a header that a proxy would set", "GET", "/api/events", 401, Cookie=None, X_Forwarded_For="127.0.0.1"
)


@attack("the device's own secret with one letter changed")
async def _one_letter(target: Target) -> str:
    last = "A" if target.secret[-1:] != "A" else "B"
    other = Target(target.url, target.secret[:-1] + last)
    return wanted(await target.ask("GET", "/api/events", other.paired), 401, code="unknown_pass")


@attack("nothing tells whether a device exists")
async def _no_oracle(target: Target) -> str:
    without = await target.ask("GET", "/api/devices")
    forged = await target.ask("GET", "/api/devices", {"Cookie": f"{COOKIE}=AAAA"})
    said = [json.loads(answer.body)["error"] for answer in (without, forged)]
    return "" if said[0] == said[1] else f"says {said}"


# --- may --------------------------------------------------------------------------------------------


@attack("a guest who commands, listens, and lets others in")
async def _guest(target: Target) -> str:
    guest = await target.pair(guest=True)
    for method, path in (
        ("POST", "/api/talk"), ("GET", "/api/events"), ("GET", "/api/devices"), ("POST", "/api/pair/new"),
        ("POST", "/api/key"),
    ):  # fmt: skip
        if wrong := wanted(await target.ask(method, path, guest.paired), 403, code="not_allowed"):
            return f"{path}: {wrong}"
    return await _forget(target, guest)


@attack("a revoked device that goes on listening")
async def _revoked(target: Target) -> str:
    other = await target.pair()
    async with target.connected() as (reader, writer):
        fields = {**other.paired, "Connection": "close"}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"GET /api/events HTTP/1.1\r\nHost: {target.host}\r\n{head}\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        await _forget(target, other)
        try:
            async with asyncio.timeout(REVOKED_WITHIN_S):
                while await reader.read(65536):
                    pass
        except TimeoutError:
            return "it still listens"
    return wanted(await target.ask("GET", "/api/events", other.paired), 401)


async def _forget(target: Target, other: Target) -> str:
    """Revoke another device: what is tried leaves nothing behind."""
    rows = json.loads((await target.ask("GET", "/api/devices", other.paired)).body).get("devices", [])
    ids = [row["id"] for row in rows if row["this"]]
    if not ids:  # a guest may not ask: it is the newest
        rows = json.loads((await target.ask("GET", "/api/devices", target.paired)).body)["devices"]
        ids = [row["id"] for row in rows if row["guest"]]
    answers = [await target.ask("DELETE", f"/api/devices/{one}", target.paired) for one in ids]
    return next((wrong for answer in answers if (wrong := wanted(answer, 200))), "")


# --- pairing ----------------------------------------------------------------------------------------


@attack("a code that was used already")
async def _used_code(target: Target) -> str:
    made = json.loads((await target.post("/api/pair/new", {})).body)
    own = {"Origin": target.url}
    first = await target.post("/api/pair", {"code": made["code"]}, own)
    secret = first.headers["set-cookie"].partition(";")[0].removeprefix(f"{COOKIE}=")
    again = await target.post("/api/pair", {"code": made["code"]}, own)
    return await _forget(target, Target(target.url, secret)) or wanted(again, 403, code="wrong_code")


@attack("a cookie that others could read")
async def _cookie_flags(target: Target) -> str:
    made = json.loads((await target.post("/api/pair/new", {})).body)
    answer = await target.post("/api/pair", {"code": made["code"]}, {"Origin": target.url})
    cookie = answer.headers["set-cookie"]
    await _forget(target, Target(target.url, cookie.partition(";")[0].removeprefix(f"{COOKIE}=")))
    flags = {part.strip().lower() for part in cookie.split(";")[1:]}
    missing = {"httponly", "secure", "samesite=strict", "path=/"} - flags
    return f"lacks {missing}" if missing else ""


# --- bodies -----------------------------------------------------------------------------------------

BODIES: dict[str, bytes] = {
    "no JSON": b"hello",
    "no object": b"[1]",
    "not a number": b'{"percent": NaN}',
    "a number of 5,000 digits": b'{"percent": ' + b"9" * 5000 + b"}",
    "5,000 lists in one another": b"[" * 5000 + b"]" * 5000,
    "no UTF-8": b'{"text": "\xff\xfe"}',
    "half a letter": b'{"percent": "\\ud800"}',
    "a list for a number": b'{"percent": [1]}',
}


def _body(name: str, body: bytes) -> None:
    async def trial(target: Target) -> str:
        return wanted(await target.post("/api/volume", body), 400, code="bad_body")

    ATTACKS.append(Attack(f"a body with {name}", trial))


for _name, _data in BODIES.items():
    _body(_name, _data)


@attack("a body of 70 KB")
async def _long_body(target: Target) -> str:
    return wanted(await target.post("/api/say", {"text": "x" * 70_000}), 413)


@attack("a body that says it has 10 GB")
async def _promised(target: Target) -> str:
    fields = {**target.paired, "Content-Length": str(10**10)}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    sent = f"POST /api/say HTTP/1.1\r\nHost: {target.host}\r\n{head}\r\n"
    return wanted(await target.raw(sent.encode()), 413)


# --- talks ------------------------------------------------------------------------------------------


@attack("a token in the address of a talk")
async def _token_in_address(target: Target) -> str:
    return wanted(await target.upgrade("/ws/talk?token=conure_x", Origin=target.url), 101, 401) or ""


@attack("a talk without a pass")
async def _talk_alone(target: Target) -> str:
    return _turned_away(await target.socket("/ws/talk", {"Origin": target.url}))


@attack("a talk with a cookie and no origin")
async def _talk_no_origin(target: Target) -> str:
    said = await target.socket("/ws/talk", {"Cookie": f"{COOKIE}={target.secret}"})
    return _turned_away(said)


@attack("clients of other projects, asked for from the network")
async def _seeds_outside(target: Target) -> str:
    for path in ("/api/gemini/ws", "/ws/audio-live", "/ws"):
        answer = await target.upgrade(path, Origin=target.url, Cookie=f"{COOKIE}={target.secret}")
        if wrong := wanted(answer, 403, 404):
            return f"{path}: {wrong}"
    return wanted(await target.post("/audio-stream?model=mock", b"x"), 404, 405)


def _turned_away(said: str) -> str:
    return "" if said.startswith("refused") else f"it was let in: {said}"


# --- the listener of this machine ---------------------------------------------------------------------


def outside(name: str, path: str, **headers: str) -> None:
    """What a page in a browser on this machine may try at the clients' listener."""

    async def trial(target: Target) -> str:
        if not target.seeds_url:
            return ""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return wanted(await Target(target.seeds_url).upgrade(path, **fields), 403, 404, 421)

    ATTACKS.append(Attack(f"{name}, at the clients' listener", trial))


outside("a foreign page", "/api/gemini/ws", Origin=EVIL)
outside("a page of another program on this machine", "/ws/audio-live", Origin="http://localhost:4000")
outside("a sandboxed frame", "/api/gemini/ws", Origin="null", Sec_Fetch_Site="cross-site")
outside("a foreign name", "/ws", Host="evil.example:8000")
outside("a foreign page that guesses a token", "/ws?token=conure_x", Origin=EVIL)


@attack("the page's own addresses at the clients' listener")
async def _page_at_seeds(target: Target) -> str:
    if not target.seeds_url:
        return ""
    other = Target(target.seeds_url)
    for path in ("/api/devices", "/api/events", "/api/history"):
        if wrong := wanted(await other.ask("GET", path), 404):
            return f"{path}: {wrong}"
    return wanted(await other.post("/api/talk", {}, {}), 404)


# --- addresses --------------------------------------------------------------------------------------

PATHS = (
    "/../etc/passwd", "/..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/api//devices",
    "/%00", "/api/devices%00", "/api/devices/", "/api/../api/devices", "/page/../../devices.json",
    "/devices.json", "/tokens.json", "/.git/config", "/api/timers/..%2f..%2fall", "/" + "a" * 8000,
)  # fmt: skip


def _path(path: str) -> None:
    async def trial(target: Target) -> str:
        answer = await target.ask("GET", path, {"Sec-Fetch-Site": "none"})
        return wanted(answer, 307, 400, 401, 404, 405, 431) or (
            "" if answer.status != 307 else _inside(answer)
        )

    ATTACKS.append(Attack(f"the address {path[:40]}", trial))


def _inside(answer: Answer) -> str:
    """A redirect may lead to the same speaker alone."""
    to = urlsplit(answer.headers.get("location", ""))
    return "" if to.path.startswith("/") and not to.path.startswith("//") else f"leads to {to.geturl()}"


for _one in PATHS:
    _path(_one)


@attack("a method that changes nothing it should")
async def _methods(target: Target) -> str:
    for method in ("TRACE", "CONNECT", "PROPFIND", "PUT", "DELETE"):
        if wrong := wanted(await target.ask(method, "/api/talk", target.paired), 400, 404, 405):
            return f"{method}: {wrong}"
    return ""


# --- the protocol -----------------------------------------------------------------------------------


def smuggled(name: str, *lines: str, body: str = "", path: str = "/api/talk") -> None:
    """A request that two servers could read in two ways; it is refused, and its connection is closed."""

    async def trial(target: Target) -> str:
        head = "".join(f"{line}\r\n" for line in (f"POST {path} HTTP/1.1", f"Host: {target.host}", *lines))
        answer = await target.raw(f"{head}\r\n{body}".encode("latin-1"))
        return wanted(answer, 0, 400, 501) or ("" if answer.closed else "the connection stays open")

    ATTACKS.append(Attack(name, trial))


HIDDEN = "GET /api/devices HTTP/1.1\r\nHost: localhost\r\n\r\n"
smuggled(
    "a length and chunks at once",
    "Content-Length: 4",
    "Transfer-Encoding: chunked",
    body=f"0\r\n\r\n{HIDDEN}",
)
smuggled(
    "a length and chunks at once, for what is not there",
    "Content-Length: 4",
    "Transfer-Encoding: chunked",
    body=f"0\r\n\r\n{HIDDEN}",
    path="/api/me",
)
smuggled("two lengths", "Content-Length: 4", "Content-Length: 5", body="abcde")
smuggled("a length that is none", "Content-Length: +4", body="abcd")
smuggled("chunks by another name", "Transfer-Encoding: xchunked", body=f"0\r\n\r\n{HIDDEN}")
smuggled("a space before the colon", "Content-Length : 4", body="abcd")
smuggled("a NUL in a header", "X-A: b\0c")


@attack("the first bytes of HTTP/2")
async def _http2(target: Target) -> str:
    return wanted(await target.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 0, 400, 404, 421)


@attack("headers of 20 KB")
async def _long_head(target: Target) -> str:
    answer = await target.raw(
        f"GET /api/me HTTP/1.1\r\nHost: {target.host}\r\nX: {'a' * 20_000}\r\n\r\n".encode()
    )
    return wanted(answer, 0, 400, 431)


@attack("headers that every answer has")
async def _headers(target: Target) -> str:
    answer = await target.ask("GET", "/api/me", target.paired)
    wanted_headers = {
        "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cache-control": "no-store",
        "cross-origin-resource-policy": "same-origin",
    }  # fmt: skip
    missing = [name for name, value in wanted_headers.items() if answer.headers.get(name) != value]
    if "frame-ancestors 'none'" not in answer.headers.get("content-security-policy", ""):
        missing.append("content-security-policy")
    return f"lacks {missing}" * bool(missing) or ("tells its software" if "server" in answer.headers else "")


# --- limits, last: they leave the attacker waiting ---------------------------------------------------


@attack("more pages at once than there are places")
async def _pages(target: Target) -> str:
    await asyncio.sleep(REST_S)
    head = "".join(f"{name}: {value}\r\n" for name, value in target.paired.items())
    request = f"GET /api/events HTTP/1.1\r\nHost: {target.host}\r\n{head}\r\n".encode()
    async with contextlib.AsyncExitStack() as stack:
        statuses = []
        for _ in range(9):
            reader, writer = await stack.enter_async_context(target.connected())
            writer.write(request)
            async with asyncio.timeout(PATIENCE_S):
                statuses.append(int((await reader.readuntil(b"\r\n\r\n")).split()[1]))
    return "" if statuses == [200] * 8 + [503] else f"answered {statuses}"


@attack("more connections from one address than it may have")
async def _connections(target: Target) -> str:
    async with contextlib.AsyncExitStack() as stack:
        readers = [(await stack.enter_async_context(target.connected()))[0] for _ in range(16)]
        answer = await target.ask("GET", "/api/me")
        del readers
    return wanted(answer, 0, 503)


@attack("a flood of requests")
async def _flood(target: Target) -> str:
    await asyncio.sleep(REST_S)
    request = f"GET /api/me HTTP/1.1\r\nHost: {target.host}\r\n\r\n".encode()
    async with asyncio.timeout(PATIENCE_S), target.connected() as (reader, writer):
        for _ in range(500):
            writer.write(request)
            answer = await _answer(reader)
            if answer.status == 429:
                return "" if answer.headers.get("retry-after") else "it is not told when to come again"
    return "everything was answered"


@attack("a flood of requests for what is not there")
async def _flood_nowhere(target: Target) -> str:
    await asyncio.sleep(REST_S)
    request = f"GET /nowhere HTTP/1.1\r\nHost: {target.host}\r\n\r\n".encode()
    async with asyncio.timeout(PATIENCE_S), target.connected() as (reader, writer):
        for _ in range(500):
            writer.write(request)
            if (await _answer(reader)).status == 429:
                return ""
    return "everything was answered"


@attack("guessing the code")
async def _guess(target: Target) -> str:
    own = {"Origin": target.url}
    await asyncio.sleep(REST_S)
    statuses = []
    for _ in range(7):
        answer = await target.post("/api/pair", {"code": "AAAA-AAAA"}, own)
        statuses.append(answer.code)
    return "" if statuses[-1] in ("must_wait", "pairing_off") else f"answered {statuses}"


async def run_all(target: Target) -> AsyncIterator[tuple[str, str]]:
    """Each attack's name, and what went wrong with it."""
    for one in ATTACKS:
        try:
            yield one.name, await one.trial(target)
        except Exception as error:  # noqa: BLE001 - whatever it is, this attack was not answered as it should be
            yield one.name, f"ended with {type(error).__name__}: {error}"
