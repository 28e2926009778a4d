"""The gateway listens where it is told to, at what systemd opened, and says all that it cannot have."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from daemon.config.web import WebSettings
from daemon.errors import ConfigError
from daemon.web.door.limits import DoorLimits
from daemon.web.entry import Listener
from daemon.web.listeners import door_counters, limits_of, opened

USUAL = DoorLimits()
ANYWHERE = WebSettings(listen=("127.0.0.1:0",))


def taken_port() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_each_listener_has_a_port_and_counts_by_its_own_name() -> None:
    web = replace(ANYWHERE, plain_listen=("127.0.0.1:0", "[::1]:0"))
    with opened(web, {}) as found:
        page, plain = found
        assert (page.kind, plain.kind) == (Listener.HTTPS, Listener.PLAIN)
        assert page.port > 0
        assert [len(one.sockets) for one in found] == [1, 2]
        assert not page.handed_over
        page.counts.heads_late += 2
        counted = door_counters(found)
        assert (counted["https_heads_late"], counted["plain_heads_late"]) == (2, 0)
    assert [one.fileno() for listener in found for one in listener.sockets] == [-1, -1, -1]


def test_a_page_that_systemd_opened_needs_no_place_of_its_own() -> None:
    given = taken_port()
    port = given.getsockname()[1]
    with opened(WebSettings(), {"https": [given.detach()]}) as found:
        (page,) = found
        assert (page.port, page.handed_over) == (port, True)


def test_with_a_place_of_its_own_as_well_it_is_not_started_again_for_whoever_comes() -> None:
    given = taken_port()
    with opened(ANYWHERE, {"https": [given.detach()]}) as found:
        assert [(len(one.sockets), one.handed_over) for one in found] == [(2, False)]


def test_the_clients_of_others_get_both_addresses_of_localhost() -> None:
    with taken_port() as free:
        port = free.getsockname()[1]
    with opened(replace(ANYWHERE, seeds_port=port), {}) as found:
        loopback = found[-1]
        assert loopback.kind is Listener.LOOPBACK
        assert [one.getsockname()[0] for one in loopback.sockets] == ["127.0.0.1", "::1"]


def test_all_that_cannot_be_had_is_told_at_once_and_nothing_stays_open() -> None:
    with taken_port() as other, taken_port() as another:
        places = [f"127.0.0.1:{one.getsockname()[1]}" for one in (other, another)]
        web = WebSettings(listen=(places[0],), plain_listen=(places[1],))
        with pytest.raises(ConfigError) as refused, opened(web, {}):
            pass
        assert [problem.split(":")[0] for problem in refused.value.problems] == [
            f"nothing can listen at 127.0.0.1 port {place.partition(':')[2]}" for place in places
        ]


def test_a_place_that_is_none_is_told_with_what_would_be_one() -> None:
    with pytest.raises(ConfigError, match="must be ADDRESS:PORT"), opened(WebSettings(listen=("here",)), {}):
        pass


@pytest.mark.parametrize(
    ("kind", "web", "limits"),
    [
        (Listener.HTTPS, WebSettings(), USUAL),
        (Listener.HTTPS, WebSettings(behind_proxy=True), replace(USUAL, per_address=USUAL.connections)),
        (
            Listener.LOOPBACK,
            WebSettings(message_mib=8),
            replace(USUAL, per_address=USUAL.connections, message_bytes=8 * 2**20),
        ),
    ],
    ids=["the network", "behind a proxy, where all come from one address", "this machine"],
)
def test_the_limits_are_those_of_who_comes_there(
    kind: Listener, web: WebSettings, limits: DoorLimits
) -> None:
    assert limits_of(kind, web) == limits
