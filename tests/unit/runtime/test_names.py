"""Look-ups of names: both families, within a limit, and a slow answer is not lost."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from daemon.runtime import names as module
from daemon.runtime.names import FRESH_S, MAX_ANSWERS, MAX_QUESTIONS, STALE_S, Names

V6, V4 = socket.AF_INET6, socket.AF_INET
STREAM = socket.SOCK_STREAM
UNKNOWN = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
AGAIN = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


def entry(family: int, address: str) -> tuple[Any, ...]:
    return (family, STREAM, 6, "", (address, 443))


class Resolver:
    """Answers as a test has planned; a family that is not planned hangs until it is let go."""

    def __init__(self, **answers: list[Any] | Exception) -> None:
        self.answers: dict[int, list[Any] | Exception] = {
            {"v6": V6, "v4": V4}[name]: answer for name, answer in answers.items()
        }
        self.let_go = threading.Event()
        self.asked: list[int] = []

    def __call__(self, _host: str, _port: int, family: int, *_: int) -> list[Any]:
        self.asked.append(family)
        if family not in self.answers:
            self.let_go.wait(10.0)
        answer = self.answers.get(family, AGAIN)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_UP_S", 0.05)
    monkeypatch.setattr(module, "RESOLUTION_DELAY_S", 0.01)


async def look_up(names: Names, host: str = "a.test") -> list[str]:
    return [found[4][0] for found in await names.look_up(host, 443, kind=STREAM)]


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(10.0):
        while not what():
            await asyncio.sleep(0.001)


async def test_both_families_are_found_the_newer_first() -> None:
    names = Names(Resolver(v6=[entry(V6, "::1")], v4=[entry(V4, "127.0.0.1")]))
    assert await look_up(names) == ["::1", "127.0.0.1"]


async def test_a_family_that_has_no_address_is_left_out() -> None:
    assert await look_up(Names(Resolver(v6=UNKNOWN, v4=[entry(V4, "127.0.0.1")]))) == ["127.0.0.1"]
    assert await look_up(Names(Resolver(v6=[entry(V6, "::1")], v4=UNKNOWN))) == ["::1"]


async def test_a_name_without_an_address_raises_what_the_resolver_says() -> None:
    with pytest.raises(socket.gaierror, match="not known"):
        await look_up(Names(Resolver(v6=UNKNOWN, v4=UNKNOWN)))


async def test_one_family_is_not_kept_waiting_by_the_other() -> None:
    resolver = Resolver(v4=[entry(V4, "127.0.0.1")])
    assert await look_up(Names(resolver)) == ["127.0.0.1"]
    resolver.let_go.set()


async def test_a_slow_answer_is_asked_for_once_and_serves_a_later_try() -> None:
    resolver = Resolver()
    names = Names(resolver)
    for _ in range(3):
        with pytest.raises(socket.gaierror, match="no answer within"):
            await look_up(names)
    assert sorted(resolver.asked) == [V4, V6]
    resolver.answers = {V4: [entry(V4, "127.0.0.1")], V6: UNKNOWN}
    resolver.let_go.set()
    await until(lambda: names.kept_answers)
    assert await look_up(names) == ["127.0.0.1"]
    assert resolver.asked.count(V4) == 1


async def test_an_answer_is_used_again_while_it_is_fresh() -> None:
    clock = Clock()
    resolver = Resolver(v6=[entry(V6, "::1")], v4=[entry(V4, "127.0.0.1")])
    names = Names(resolver, clock)
    await look_up(names)
    clock.now_s = FRESH_S - 1.0
    await look_up(names)
    assert len(resolver.asked) == 2
    clock.now_s = FRESH_S + 1.0
    await look_up(names)
    assert len(resolver.asked) == 4


@pytest.mark.parametrize("silence", [{}, {"v6": AGAIN, "v4": AGAIN}], ids=["no answer", "not now"])
async def test_an_old_answer_is_better_than_none(silence: dict[str, Exception]) -> None:
    clock = Clock()
    resolver = Resolver(v6=UNKNOWN, v4=[entry(V4, "127.0.0.1")])
    names = Names(resolver, clock)
    await look_up(names)
    resolver.answers = Resolver(**silence).answers
    clock.now_s = STALE_S - 1.0
    assert await look_up(names) == ["127.0.0.1"]
    clock.now_s = STALE_S + 1.0
    with pytest.raises(socket.gaierror):
        await look_up(names)
    resolver.let_go.set()


async def test_a_name_that_is_gone_has_no_old_answer() -> None:
    clock = Clock()
    resolver = Resolver(v6=UNKNOWN, v4=[entry(V4, "127.0.0.1")])
    names = Names(resolver, clock)
    await look_up(names)
    resolver.answers[V4] = UNKNOWN
    clock.now_s = FRESH_S + 1.0
    with pytest.raises(socket.gaierror, match="not known"):
        await look_up(names)


async def test_a_resolver_that_hangs_takes_a_few_threads_and_no_more() -> None:
    resolver = Resolver()
    names = Names(resolver)
    for number in range(MAX_QUESTIONS):
        with pytest.raises(socket.gaierror):
            await look_up(names, f"{number}.test")
    assert len(resolver.asked) == MAX_QUESTIONS
    resolver.let_go.set()
    await until(lambda: not names.open_questions)


async def test_answers_are_kept_for_a_few_names() -> None:
    names = Names(Resolver(v6=UNKNOWN, v4=[entry(V4, "127.0.0.1")]))
    for number in range(MAX_ANSWERS + 5):
        await look_up(names, f"{number}.test")
    await until(lambda: not names.open_questions)
    assert names.kept_answers == MAX_ANSWERS


async def test_whoever_gives_up_waiting_leaves_the_answer_to_others() -> None:
    resolver = Resolver()
    names = Names(resolver)
    waiting = asyncio.create_task(look_up(names))
    await until(lambda: len(resolver.asked) == 2)
    waiting.cancel()
    resolver.answers = {V4: [entry(V4, "127.0.0.1")], V6: UNKNOWN}
    resolver.let_go.set()
    assert await look_up(names) == ["127.0.0.1"]


async def test_a_bug_in_a_resolver_is_told_to_whoever_asked() -> None:
    names = Names(Resolver(v6=UnicodeError("label too long"), v4=UnicodeError("label too long")))
    with pytest.raises(UnicodeError):
        await look_up(names)
