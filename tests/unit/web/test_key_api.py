"""A key is tested with the service before it is kept, is refused with a sentence, and is never repeated."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from standin_support import FAST
from web_pages import pages

from daemon.config.secret import Secret
from daemon.config.settings import Settings
from daemon.session.failures import Failure, FailureKind, LinkError
from daemon.standin.door.credentials import ApiKeys
from daemon.standin.server import StandIn
from daemon.web.api.key import KeyPage, entries
from daemon.web.entry import Right
from daemon.web.gate.refusals import RefusalCounts
from daemon.web.talk.service import ServiceAddress, TalkService
from daemon.web.wishes.desk import WishDesk
from daemon.web.wishes.helper import Helper
from daemon.web.wishes.key_store import KeyStore
from daemon.web.wishes.wish import WISH_FILE

KEY = "AIzaMadeUpKeyMadeUpKeyMadeUpKeyMadeUpK"

Ask = Callable[..., Awaitable[tuple[int, dict[str, Any]]]]


class Starting:
    """A speaker that starts."""

    def runs(self) -> bool:
        return True

    def restart(self) -> bool:
        return True

    def refresh_gateway(self) -> None:
        pass


async def good(_key: Secret) -> None:
    """The service takes it."""


def failing(kind: FailureKind) -> Callable[[Secret], Awaitable[None]]:
    async def try_key(key: Secret) -> None:
        raise LinkError(Failure(kind, f"1007 {key.reveal()} is not good"))

    return try_key


class House:
    """The page, and the helper behind it."""

    def __init__(self, folder: Path, client: httpx2.AsyncClient) -> None:
        self.state = folder
        self.plain = folder / "credstore" / "key"
        self._client = client

    async def post(self, key: Any, **other: Any) -> tuple[int, dict[str, Any]]:
        answer = await self._client.post("/api/key", json={"key": key} | other)
        assert "MadeUp" not in answer.text + str(answer.headers)
        return answer.status_code, answer.json()

    async def help(self) -> None:
        while not (self.state / WISH_FILE).exists():
            await asyncio.sleep(0.01)
        keys = KeyStore(self.plain, self.state / "encrypted")
        await asyncio.to_thread(Helper(self.state, self.state / "c.toml", Starting(), keys).run)

    async def helped(self, key: Any, **other: Any) -> tuple[int, dict[str, Any]]:
        helping = asyncio.create_task(self.help())
        try:
            return await self.post(key, **other)
        finally:
            await helping

    @property
    def asked(self) -> bool:
        return (self.state / WISH_FILE).exists() or self.plain.exists()


@asynccontextmanager
async def house(
    folder: Path, try_key: Callable[[Secret], Awaitable[None]], *, helped: bool = True
) -> AsyncIterator[House]:
    page = KeyPage(try_key, WishDesk(folder) if helped else None)
    async with pages(entries(page, RefusalCounts())) as client:
        yield House(folder, client)


@pytest.fixture(autouse=True)
def _no_key_in_the_log(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.DEBUG)
    yield
    assert "MadeUp" not in caplog.text


async def test_a_good_key_is_kept_and_told(tmp_path: Path) -> None:
    async with house(tmp_path, good) as found:
        status, told = await found.helped(f" {KEY}\n")
        assert (status, told["kind"]) == (200, "applied")
        assert found.plain.read_text() == f"{KEY}\n"


@pytest.mark.parametrize("key", ["", "two words", f'"{KEY}"', "MadeUp" * 1000, 5, None, [KEY]])
async def test_what_has_not_a_keys_form_is_refused_in_one_sentence(tmp_path: Path, key: Any) -> None:
    async with house(tmp_path, good) as found:
        status, told = await found.post(key)
        assert (status, told["code"], found.asked) == (400, "bad_body", False)


@pytest.mark.parametrize("kind", [FailureKind.REFUSED_KEY, FailureKind.REFUSED_PROJECT])
@pytest.mark.parametrize("anyway", [False, True])
async def test_a_key_that_the_service_refuses_is_never_kept(
    tmp_path: Path, kind: FailureKind, anyway: bool
) -> None:
    async with house(tmp_path, failing(kind)) as found:
        status, told = await found.post(KEY, anyway=anyway)
        assert (status, bool(told["remedy"]), found.asked) == (502, True, False)


@pytest.mark.parametrize(
    "kind",
    [kind for kind in FailureKind if kind not in (FailureKind.REFUSED_KEY, FailureKind.REFUSED_PROJECT)],
)
async def test_a_key_that_cannot_be_tested_is_kept_only_for_who_says_so(
    tmp_path: Path, kind: FailureKind
) -> None:
    async with house(tmp_path, failing(kind)) as found:
        status, told = await found.post(KEY)
        assert (status, told["kind"], found.asked) == (200, "untested", False)
        assert "was not tested, and is not kept" in told["told"]
        assert (await found.helped(KEY, anyway=True))[1]["kind"] == "applied"


async def test_one_key_is_tested_at_a_time(tmp_path: Path) -> None:
    going_on, tried = asyncio.Event(), asyncio.Event()

    async def slow(_key: Secret) -> None:
        tried.set()
        await going_on.wait()
        raise LinkError(Failure(FailureKind.NETWORK, "away"))

    async with house(tmp_path, slow) as found:
        first = asyncio.create_task(found.post(KEY))
        await tried.wait()
        status, told = await found.post(KEY)
        assert (status, told["error"]) == (409, "Another key is being tested; wait for it.")
        going_on.set()
        assert (await first)[1]["kind"] == "untested"


async def test_without_a_helper_no_key_is_tested_and_the_way_is_told(tmp_path: Path) -> None:
    async with house(tmp_path, failing(FailureKind.BUG), helped=False) as found:
        status, told = await found.post(KEY)
        assert status == 403
        assert "scripts/install" in told["remedy"]


def test_a_guest_may_not() -> None:
    (entry,) = entries(KeyPage(good, None), RefusalCounts())
    assert entry.needs is Right.PAGE
    assert entry.methods == {"POST"}


async def test_the_set_up_with_the_service_tells_a_good_key_from_a_bad_one(tmp_path: Path) -> None:
    async with StandIn(pace=FAST, keys=ApiKeys(only=frozenset({KEY}))) as standin:

        async def try_key(key: Secret) -> None:
            trust = standin.client_ssl_context()
            live = replace(Settings().live, setup_timeout_s=5)
            address = ServiceAddress(key=key, base_url=standin.base_url, trust=trust)
            await TalkService(live, address).try_out()

        async with house(tmp_path, try_key) as found:
            status, told = await found.post(f"{KEY[:-1]}x")
            assert (status, told["code"], found.asked) == (502, "key_refused", False)
            assert (await found.helped(KEY))[1]["kind"] == "applied"
