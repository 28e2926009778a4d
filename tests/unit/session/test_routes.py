"""A default route that appears is noticed."""

from __future__ import annotations

import asyncio
import errno

import pytest

from daemon.session.routes import (
    NLMSG_HEADER,
    ROUTE_MESSAGE,
    RTM_NEWROUTE,
    announces_default_route,
    messages,
    watch,
)

AF_INET = 2
RTM_DELROUTE = 25


def message(kind: int, prefix_bits: int, extra: bytes = b"") -> bytes:
    body = ROUTE_MESSAGE.pack(AF_INET, prefix_bits, 0, 0, 254, 3, 0, 1, 0) + extra
    return NLMSG_HEADER.pack(NLMSG_HEADER.size + len(body), kind, 0, 0, 0) + body


def test_a_new_default_route_is_good_news() -> None:
    assert announces_default_route(message(RTM_NEWROUTE, 0))


@pytest.mark.parametrize("datagram", [message(RTM_NEWROUTE, 24), message(RTM_DELROUTE, 0), b""])
def test_other_routes_and_their_end_are_not(datagram: bytes) -> None:
    assert not announces_default_route(datagram)


def test_every_message_of_a_datagram_is_read_with_its_padding() -> None:
    odd = message(RTM_NEWROUTE, 24, b"x")
    assert announces_default_route(odd + bytes(-len(odd) % 4) + message(RTM_NEWROUTE, 0))


@pytest.mark.parametrize("cut", range(1, 28))
def test_a_datagram_that_is_cut_off_breaks_nothing(cut: int) -> None:
    assert list(messages(message(RTM_NEWROUTE, 0)[:cut])) == []


def test_a_message_of_no_length_ends_the_reading() -> None:
    assert list(messages(NLMSG_HEADER.pack(0, RTM_NEWROUTE, 0, 0, 0) * 2)) == []


async def test_a_listener_that_only_fails_is_good_news_once_a_second_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(*_: object) -> bytes:
        raise OSError(errno.ENOBUFS, "no buffer space")

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_recv", fail)
    news: list[int] = []
    task = asyncio.create_task(watch(lambda: news.append(1)))
    for _ in range(50):
        await asyncio.sleep(0)
        assert len(news) <= 1
    task.cancel()
    assert news == [1]
