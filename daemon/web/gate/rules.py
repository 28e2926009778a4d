"""Whether somebody may come in: listener, host, origin, who it is, what it may. Pure.

The checks stand in the order in which they are made, and the first that fails decides:

0. *Form*: headers of a bearable length, and one way alone to tell where the body ends (RFC 9112, 6.3).
1. *Listener*: an address of the page is not there on the plain listener.
2. *Host*: an IP address, `localhost`, or a name of this speaker. A foreign name that leads here is the trick
   of DNS rebinding: the page of that name would be of one origin with us.
3. *Origin* and *Sec-Fetch-Site*: what a browser says of the page that asks (RFC 6454, section 7; W3C Fetch
   Metadata Request Headers). WebSockets know no other protection, for browsers open them across origins.
4. *Who*: a device by its cookie, a program by its token.
5. *May*: the right that the address needs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Protocol

from daemon.web.entry import Entry, Listener, Right, Visitor
from daemon.web.gate.refusals import RefusalName

HEAD_BYTES = 16 * 1024
"""Browsers send some 2 KB. The parser's own limit holds only for a head that comes in pieces."""

_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9._-]+)(:(?P<port>[0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_READS = ("GET", "HEAD")
_OUR_SITES = ("same-origin", "none")
"""`none`: the user typed the address, or scanned it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What the gate looks at of a request. A header that is missing is None."""

    listener: Listener
    scheme: str
    """`http` or `https`, as the browser sees it: a proxy in front may have taken the TLS off."""
    method: str
    """In capitals; empty for a WebSocket."""
    address: str
    """The other end's, without its port."""
    head_bytes: int = 0
    """Length of all headers together."""
    ambiguous: bool = False
    """The body's end is told by a length and by chunks: a proxy in front may see another one than we do."""
    forwarded: bool = False
    """A proxy has passed it on: it comes from another machine than the connection does."""
    host: str | None = None
    origin: str | None = None
    fetch_site: str | None = None
    fetch_mode: str | None = None
    cookie: str | None = None
    """The value of our cookie."""
    bearer: str | None = None
    """The token of `Authorization: Bearer`."""
    query_token: str | None = None
    """The value of `?token=`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseRules:
    """What the configuration says of hosts and origins."""

    names: frozenset[str] = frozenset()
    """Names of this speaker, in whatever letters: the host's, `NAME.local`, `[web] hosts`."""
    origins: frozenset[str] = frozenset()
    """Origins besides its own: `[web] origins`. `null` is one that must be named like any other."""
    behind_proxy: bool = False
    """Then nobody is local because of the address that a connection comes from."""

    def __post_init__(self) -> None:
        for name in ("names", "origins"):
            object.__setattr__(self, name, frozenset(one.lower() for one in getattr(self, name)))


class Passes(Protocol):
    """What is known of devices and tokens."""

    def by_cookie(self, secret: str) -> Visitor | None:
        """The paired device with this secret."""
        ...

    def by_token(self, secret: str) -> Visitor | None:
        """Whoever has this token."""
        ...


STRANGER = Visitor(name="somebody", key="stranger", rights=frozenset())
LOOPBACK = Visitor(name="loopback", key="loopback", rights=frozenset({Right.TALK, Right.METRICS}))
"""A program on this machine, at the listener that only this machine reaches."""
LOCAL = Visitor(name="this machine", key="loopback", rights=frozenset({Right.METRICS}))
"""A program on this machine, at the page's listener."""


def judge(arrival: Arrival, entry: Entry, rules: HouseRules, passes: Passes) -> Visitor | RefusalName:
    """Who comes in, or why nobody does."""
    wrong = _wrong_way(arrival, entry, rules)
    if wrong is not None:
        return wrong
    visitor = _who(arrival, entry, rules, passes)
    if visitor is None:
        return RefusalName.UNKNOWN_PASS
    if _lacks_origin(arrival, visitor):
        return RefusalName.NO_ORIGIN
    if entry.needs is None or visitor.rights & {entry.needs, entry.or_needs}:
        return visitor
    return RefusalName.NOT_PAIRED if visitor is STRANGER or visitor is LOCAL else RefusalName.NOT_ALLOWED


# --- the way in ------------------------------------------------------------------------------------


def _wrong_way(arrival: Arrival, entry: Entry, rules: HouseRules) -> RefusalName | None:
    if arrival.head_bytes > HEAD_BYTES:
        return RefusalName.TOO_LONG_HEAD
    if arrival.ambiguous:
        return RefusalName.AMBIGUOUS_LENGTH
    if arrival.listener not in entry.listeners:
        return RefusalName.NOT_HERE
    if not is_our_name(arrival.host, rules.names):
        return RefusalName.WRONG_HOST
    if arrival.origin is not None and arrival.origin.lower() in rules.origins:
        return None
    if arrival.origin is not None and not _is_own_origin(arrival):
        return RefusalName.WRONG_ORIGIN
    if arrival.fetch_site not in (None, *_OUR_SITES) and not _is_link(arrival, entry):
        return RefusalName.CROSS_SITE
    return None


def is_our_name(host: str | None, names: frozenset[str]) -> bool:
    """Whether the Host header names this speaker: no foreign name can be an IP address."""
    found = _HOST.fullmatch(host or "")
    if found is None:
        return False
    name = found["name"].lower().removesuffix(".")
    return name == "localhost" or name in names or _is_ip(name)


def _is_ip(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _is_own_origin(arrival: Arrival) -> bool:
    return _spelt(arrival.origin or "") == _spelt(f"{arrival.scheme}://{arrival.host}")


def _spelt(origin: str) -> str:
    """An origin in one spelling: small letters, without the scheme's own port."""
    scheme, _, host = origin.lower().partition("://")
    own_port = f":{_DEFAULT_PORTS.get(scheme, '')}"
    return f"{scheme}://{host.removesuffix(own_port)}"


def _is_link(arrival: Arrival, entry: Entry) -> bool:
    """Whether somebody follows a link to what is open to all: from the plain listener's page to this one."""
    return entry.needs is None and arrival.method in _READS and arrival.fetch_mode == "navigate"


# --- who it is -------------------------------------------------------------------------------------


def _who(arrival: Arrival, entry: Entry, rules: HouseRules, passes: Passes) -> Visitor | None:
    """Who asks; None for a pass that is not known, where one is needed."""
    token = arrival.bearer if arrival.bearer is not None else _token_in_address(arrival, entry)
    if token is not None:
        return passes.by_token(token) or _without_pass(entry)
    if arrival.cookie is not None and (device := passes.by_cookie(arrival.cookie)):
        return device
    if arrival.listener is Listener.LOOPBACK:
        return LOOPBACK
    if arrival.cookie is not None:
        return _without_pass(entry)
    is_direct = not (rules.behind_proxy or arrival.forwarded)
    return LOCAL if is_direct and is_local(arrival.address) else STRANGER


def _token_in_address(arrival: Arrival, entry: Entry) -> str | None:
    """Only for clients that can send it nowhere else, those of the seeds' sockets: addresses are logged."""
    is_seed = not entry.methods and arrival.listener is Listener.LOOPBACK
    return arrival.query_token if is_seed else None


def _without_pass(entry: Entry) -> Visitor | None:
    return STRANGER if entry.needs is None else None


def is_local(address: str) -> bool:
    """Whether a connection comes from this machine."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _lacks_origin(arrival: Arrival, visitor: Visitor) -> bool:
    """Whether a browser's pass comes without what each browser sends along; programs have tokens."""
    if arrival.origin is not None or arrival.method in _READS or arrival.listener is Listener.LOOPBACK:
        return False
    return not visitor.key.startswith("token:")
