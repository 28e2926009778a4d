"""Who comes in, request by request: listener, host, origin, who it is, what it may."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from daemon.web.entry import Entry, Listener, Right, Visitor
from daemon.web.gate.refusals import RefusalName
from daemon.web.gate.rules import Arrival, HouseRules, is_local, is_our_name, judge

RULES = HouseRules(
    names=frozenset({"conure", "conure.local", "Speaker.Example.org"}),
    origins=frozenset({"null", "http://localhost:3000", "https://home.example.org:8123"}),
)


async def nobody(_: object) -> None:
    raise AssertionError("the gate calls no endpoint")


def entry(needs: Right | None = None, *methods: str, listeners: str = "https") -> Entry:
    return Entry(
        path="/x",
        endpoint=nobody,
        methods=frozenset(methods),
        needs=needs,
        listeners=frozenset(map(Listener, listeners.split())),
    )


FILES = entry(None, "GET")
PAIR = entry(None, "POST")
PAGE = entry(Right.PAGE, "GET")
COMMAND = entry(Right.PAGE, "POST")
TALK = entry(Right.TALK)
SEED = entry(Right.TALK, listeners="loopback https")
UPLOAD = entry(Right.TALK, "POST", listeners="loopback")
METRICS = entry(Right.METRICS, "GET", listeners="https loopback")
HEALTH = entry(None, "GET", listeners="https loopback plain")
EXPLAIN = entry(None, "GET", listeners="plain")

EVIL = "https://evil.example"

PHONE = Visitor(name="Firefox on Android", key="device:0a0a0a0a", rights=frozenset(Right))
GUEST = Visitor(name="Safari on iPhone", key="device:0b0b0b0b", rights=frozenset({Right.TALK}))
GRAFANA = Visitor(name="grafana", key="token:grafana", rights=frozenset({Right.METRICS}))
PROGRAM = Visitor(name="program", key="token:program", rights=frozenset({Right.TALK, Right.PAGE}))


class Known:
    """Two devices and two tokens."""

    def by_cookie(self, secret: str) -> Visitor | None:
        return {"phone": PHONE, "guest": GUEST}.get(secret)

    def by_token(self, secret: str) -> Visitor | None:
        return {"grafana": GRAFANA, "program": PROGRAM}.get(secret)


def arrives(method: str = "GET", **changed: Any) -> Arrival:
    """A browser on the phone asks the page's listener; what is given is otherwise."""
    usual = Arrival(
        listener=Listener.HTTPS,
        scheme="https",
        method=method,
        address="192.168.1.9",
        host="conure.local",
        fetch_site="same-origin",
        cookie="phone",
    )
    return replace(usual, **changed)


def asks(method: str, **changed: Any) -> Arrival:
    """The same, with the origin that browsers send along with all but GET."""
    return arrives(method, **{"origin": "https://conure.local", **changed})


def program(method: str, **changed: Any) -> Arrival:
    """Curl, wscat, Python: no origin, no cookie."""
    return arrives(method, **{"cookie": None, "fetch_site": None, **changed})


def seed(method: str = "", **changed: Any) -> Arrival:
    """A client of this machine at the loopback listener."""
    usual = {
        "listener": Listener.LOOPBACK,
        "scheme": "http",
        "address": "127.0.0.1",
        "host": "localhost:8000",
    }
    return program(method, **{**usual, **changed})


TABLE: list[tuple[str, Arrival, Entry, object]] = [
    # form
    ("headers that are too long", arrives(head_bytes=16 * 1024 + 1), PAGE, "too_long_head"),
    ("headers that are just short enough", arrives(head_bytes=16 * 1024), PAGE, PHONE.key),
    ("two ways to tell the length", asks("POST", ambiguous=True), COMMAND, "ambiguous_length"),
    # listeners
    ("the page on its own listener", arrives(), PAGE, PHONE.key),
    ("the page on the plain listener", arrives(listener=Listener.PLAIN, scheme="http"), PAGE, "not_here"),
    ("a seed's address on the page's listener", asks("POST"), UPLOAD, "not_here"),
    (
        "what explains, on its listener",
        program("GET", listener=Listener.PLAIN, scheme="http"),
        EXPLAIN,
        "stranger",
    ),
    ("what explains, on the page's", program("GET"), EXPLAIN, "not_here"),
    ("health everywhere", program("GET", listener=Listener.PLAIN, scheme="http"), HEALTH, "stranger"),
    # hosts
    ("by IPv4 address", arrives(host="192.168.1.20:8443"), PAGE, PHONE.key),
    ("by IPv6 address", arrives(host="[fd00::20]:8443"), PAGE, PHONE.key),
    ("by the short name", arrives(host="conure"), PAGE, PHONE.key),
    ("by the name in capitals", arrives(host="CONURE.local"), PAGE, PHONE.key),
    ("by the name with its dot", arrives(host="conure.local."), PAGE, PHONE.key),
    ("by a name of the configuration", arrives(host="speaker.example.org"), PAGE, PHONE.key),
    ("through a tunnel", arrives(host="localhost:8443"), PAGE, PHONE.key),
    ("by a foreign name (DNS rebinding)", arrives(host="evil.example"), PAGE, "wrong_host"),
    ("by a foreign name, to what is open", program("GET", host="evil.example"), FILES, "wrong_host"),
    ("by a name that ends like ours", arrives(host="evilconure.local"), PAGE, "wrong_host"),
    ("by a name that begins like ours", arrives(host="conure.local.evil.example"), PAGE, "wrong_host"),
    ("without a host", arrives(host=None), PAGE, "wrong_host"),
    ("with an empty host", arrives(host=""), PAGE, "wrong_host"),
    ("with a user in the host", arrives(host="conure.local@evil.example"), PAGE, "wrong_host"),
    ("with a path in the host", arrives(host="conure.local/x"), PAGE, "wrong_host"),
    ("with two hosts in one", arrives(host="conure.local, evil.example"), PAGE, "wrong_host"),
    ("with a number for an address", arrives(host="3232235796"), PAGE, "wrong_host"),
    ("a foreign name at the loopback listener", seed(host="evil.example:8000"), SEED, "wrong_host"),
    # origins
    ("a command of our page", asks("POST"), COMMAND, PHONE.key),
    ("a talk of our page", asks(""), TALK, PHONE.key),
    (
        "our page by address and port",
        asks("POST", host="10.0.0.2:8443", origin="https://10.0.0.2:8443"),
        COMMAND,
        PHONE.key,
    ),
    ("our page with the scheme's own port", asks("POST", host="conure.local:443"), COMMAND, PHONE.key),
    ("our page, the host in capitals", asks("POST", host="Conure.Local"), COMMAND, PHONE.key),
    ("a command of a foreign page", asks("POST", origin=EVIL), COMMAND, "wrong_origin"),
    ("a talk of a foreign page (CSWSH)", asks("", origin=EVIL), TALK, "wrong_origin"),
    ("events for a foreign page", arrives(origin=EVIL), PAGE, "wrong_origin"),
    ("another scheme", asks("POST", origin="http://conure.local"), COMMAND, "wrong_origin"),
    ("another port", asks("POST", origin="https://conure.local:8444"), COMMAND, "wrong_origin"),
    ("another of our names", asks("POST", origin="https://conure"), COMMAND, "wrong_origin"),
    (
        "an origin that begins like ours",
        asks("POST", origin="https://conure.local.evil"),
        COMMAND,
        "wrong_origin",
    ),
    ("an empty origin", asks("POST", origin=""), COMMAND, "wrong_origin"),
    ("a named origin", asks("POST", origin="https://home.example.org:8123"), COMMAND, PHONE.key),
    (
        "a named origin from another site",
        asks("", origin="https://home.example.org:8123", fetch_site="cross-site"),
        TALK,
        PHONE.key,
    ),
    (
        "a named origin at another port",
        asks("POST", origin="https://home.example.org"),
        COMMAND,
        "wrong_origin",
    ),
    ("a cookie without an origin", asks("POST", origin=None), COMMAND, "no_origin"),
    ("a cookie without an origin, a talk", asks("", origin=None), TALK, "no_origin"),
    ("a code without an origin", program("POST"), PAIR, "no_origin"),
    ("a code from our page", asks("POST", cookie=None), PAIR, "stranger"),
    ("a code from a foreign page", asks("POST", cookie=None, origin=EVIL), PAIR, "wrong_origin"),
    # what the browser says of the site
    ("typed into the address bar", arrives(fetch_site="none"), FILES, PHONE.key),
    (
        "a picture on a foreign page",
        arrives(fetch_site="cross-site", fetch_mode="no-cors"),
        PAGE,
        "cross_site",
    ),
    (
        "our files in a foreign page",
        arrives(fetch_site="cross-site", fetch_mode="no-cors"),
        FILES,
        "cross_site",
    ),
    ("a page of the same site", arrives(fetch_site="same-site", fetch_mode="cors"), PAGE, "cross_site"),
    ("a link to what is open", arrives(fetch_site="cross-site", fetch_mode="navigate"), FILES, PHONE.key),
    ("a link to what is not", arrives(fetch_site="cross-site", fetch_mode="navigate"), PAGE, "cross_site"),
    (
        "a form on a foreign page",
        asks("POST", fetch_site="cross-site", fetch_mode="navigate"),
        PAIR,
        "cross_site",
    ),
    ("a browser that does not say", arrives(fetch_site=None), PAGE, PHONE.key),
    # who
    ("nobody, what is open", program("GET"), FILES, "stranger"),
    ("nobody, what is not", program("GET"), PAGE, "not_paired"),
    ("nobody, a talk", asks("", cookie=None), TALK, "not_paired"),
    ("a wrong cookie, what is open", arrives(cookie="forged"), FILES, "stranger"),
    ("a wrong cookie, what is not", arrives(cookie="forged"), PAGE, "unknown_pass"),
    ("an empty cookie", arrives(cookie=""), PAGE, "unknown_pass"),
    ("a token", program("GET", bearer="grafana"), METRICS, GRAFANA.key),
    ("a token needs no origin", program("POST", bearer="program"), COMMAND, PROGRAM.key),
    (
        "a token from a foreign page",
        asks("POST", bearer="program", cookie=None, origin=EVIL),
        COMMAND,
        "wrong_origin",
    ),
    ("a wrong token", program("GET", bearer="forged"), METRICS, "unknown_pass"),
    ("an empty token", program("GET", bearer=""), METRICS, "unknown_pass"),
    ("a wrong token beside a good cookie", arrives(bearer="forged"), PAGE, "unknown_pass"),
    ("a wrong token where none is needed", program("GET", bearer="forged"), FILES, "stranger"),
    ("a token in the address of a seed", seed(query_token="program"), SEED, PROGRAM.key),
    ("a token in the address of a page", program("GET", query_token="program"), PAGE, "not_paired"),
    ("a token in the address of a talk", program("", query_token="program"), TALK, "no_origin"),
    ("a token in an address from the network", program("", query_token="program"), SEED, "no_origin"),
    ("a seed from the network without a token", program(""), SEED, "no_origin"),
    # this machine
    ("wscat on this machine", seed(), SEED, "loopback"),
    ("curl on this machine", seed("POST"), UPLOAD, "loopback"),
    ("a foreign page on this machine", seed(origin=EVIL), SEED, "wrong_origin"),
    ("a sandboxed frame, null being named", seed(origin="null", fetch_site="cross-site"), SEED, "loopback"),
    (
        "the demo on port 3000",
        seed("POST", origin="http://localhost:3000", fetch_site="same-site"),
        UPLOAD,
        "loopback",
    ),
    ("another program's page on this machine", seed(origin="http://localhost:4000"), SEED, "wrong_origin"),
    ("a wrong token on this machine", seed(query_token="forged"), SEED, "unknown_pass"),
    (
        "the page's rights are not the seeds'",
        seed("GET"),
        entry(Right.PAGE, "GET", listeners="loopback"),
        "not_allowed",
    ),
    ("metrics on this machine", seed("GET"), METRICS, "loopback"),
    ("metrics of this machine at the page", program("GET", address="127.0.0.1"), METRICS, "loopback"),
    ("metrics of this machine by IPv6", program("GET", address="::1"), METRICS, "loopback"),
    (
        "metrics through a proxy that we were not told of",
        program("GET", address="127.0.0.1", forwarded=True),
        METRICS,
        "not_paired",
    ),
    ("metrics from the network", program("GET"), METRICS, "not_paired"),
    ("this machine has not paired", program("GET", address="127.0.0.1"), PAGE, "not_paired"),
    ("a wrong cookie from this machine", arrives(address="127.0.0.1", cookie="forged"), PAGE, "unknown_pass"),
    # rights
    ("a guest talks", asks("", cookie="guest"), TALK, GUEST.key),
    ("a guest commands", asks("POST", cookie="guest"), COMMAND, "not_allowed"),
    ("a guest looks", arrives(cookie="guest"), PAGE, "not_allowed"),
    ("a guest loads the page", arrives(cookie="guest"), FILES, GUEST.key),
    ("metrics may not command", program("POST", bearer="grafana"), COMMAND, "not_allowed"),
    ("a device reads metrics", arrives(), METRICS, PHONE.key),
]


@pytest.mark.parametrize(
    ("arrival", "at", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_who_comes_in(arrival: Arrival, at: Entry, expected: str) -> None:
    found = judge(arrival, at, RULES, Known())
    assert (found.key if isinstance(found, Visitor) else found) == expected


def test_every_row_of_the_table_is_another() -> None:
    assert len({row[0] for row in TABLE}) == len(TABLE) > 80


def test_null_is_an_origin_that_must_be_named() -> None:
    rules = replace(RULES, origins=frozenset())
    assert judge(seed(origin="null"), SEED, rules, Known()) is RefusalName.WRONG_ORIGIN


def test_behind_a_proxy_nobody_is_of_this_machine_by_the_address_alone() -> None:
    rules = replace(RULES, behind_proxy=True)
    arrival = program("GET", address="127.0.0.1")
    assert judge(arrival, METRICS, rules, Known()) is RefusalName.NOT_PAIRED


@pytest.mark.parametrize(
    "host", ["[::1", "::1]", "[::1]x", "conure.local:123456", "conure local", "[]", ":80"]
)
def test_a_host_of_another_form_is_not_ours(host: str) -> None:
    assert not is_our_name(host, RULES.names)


@pytest.mark.parametrize(
    ("address", "local"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False), ("", False), ("x", False)],
)
def test_an_address_of_this_machine(address: str, local: bool) -> None:
    assert is_local(address) is local
