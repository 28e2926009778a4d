"""The page reads every key, learns all mistakes at once, and is told what became of a change."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.requests import HTTPConnection
from web_door import listening

from daemon.config.schema import KEYS
from daemon.web.api.settings import SettingsPages, entries
from daemon.web.app import build
from daemon.web.entry import Entry, Listener, Right, Visitor
from daemon.web.gate.refusals import RefusalCounts
from daemon.web.wishes.desk import WishDesk
from daemon.web.wishes.helper import Helper
from daemon.web.wishes.key_store import KeyStore
from daemon.web.wishes.wish import WISH_FILE

FILE = '[board]\nname = "simulated"\n[sound]\nvolume = 50\n'


class Open:
    """A gate for one paired device."""

    def admit(self, connection: HTTPConnection, entry: Entry, listener: Listener) -> Visitor:
        assert entry.needs is Right.PAGE
        return Visitor(name="Firefox", key="device:a", rights=frozenset(Right))

    async def lost(self, visitor: Visitor) -> None:
        await asyncio.Event().wait()


class Ready:
    """A speaker that starts."""

    def runs(self) -> bool:
        return True

    def restart(self) -> bool:
        return True

    def refresh_gateway(self) -> None:
        raise AssertionError


class Page:
    """What a browser does."""

    def __init__(self, client: httpx2.AsyncClient, config: Path, state: Path) -> None:
        self._client = client
        self.config = config
        self.state = state

    async def read(self) -> dict[str, Any]:
        answer = await self._client.get("/api/settings")
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    async def post(self, path: str, changes: Any, version: str = "") -> tuple[int, dict[str, Any]]:
        answer = await self._client.post(path, json={"changes": changes, "version": version})
        return answer.status_code, answer.json()


@contextlib.asynccontextmanager
async def page(folder: Path, *, helped: bool = True) -> AsyncIterator[Page]:
    config, state = folder / "config.toml", folder / "state"
    config.write_text(FILE)
    state.mkdir()
    pages = SettingsPages(config, WishDesk(state) if helped else None)
    app = build(entries(pages, RefusalCounts()), Open(), Listener.HTTPS)
    async with (
        listening(app) as door,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{door.port}", timeout=20) as client,
    ):
        yield Page(client, config, state)


async def helper(found: Page) -> None:
    """The root helper, started by the file."""
    while not (found.state / WISH_FILE).exists():
        await asyncio.sleep(0.01)
    keys = KeyStore(found.state / "key", found.state / "encrypted")
    await asyncio.to_thread(Helper(found.state, found.config, Ready(), keys).run)


async def test_every_key_is_shown_with_the_version_of_the_file(tmp_path: Path) -> None:
    async with page(tmp_path) as found:
        told = await found.read()
    assert len(told["settings"]) == len(KEYS)
    assert (told["file"], told["writable"], len(told["version"])) == (str(tmp_path / "config.toml"), True, 64)


async def test_all_mistakes_are_told_at_once_each_with_its_key(tmp_path: Path) -> None:
    async with page(tmp_path) as found:
        status, told = await found.post("/api/settings/check", {"sound.volume": 101, "vad.silence_ms": 1})
    assert status == 200
    wrong = sorted(problem["keys"] for problem in told["problems"])
    assert wrong == [["sound.volume"], ["vad.silence_ms"]]


async def test_a_change_is_carried_out_and_told(tmp_path: Path) -> None:
    async with page(tmp_path) as found:
        version = (await found.read())["version"]
        helping = asyncio.create_task(helper(found))
        status, told = await found.post("/api/settings", {"sound.volume": 60}, version)
        await helping
        assert (status, told["kind"], told["problems"]) == (200, "applied", [])
        rows = {f"{row['table']}.{row['key']}": row for row in (await found.read())["settings"]}
    assert rows["sound.volume"]["value"] == 60


async def test_mistakes_never_reach_the_helper(tmp_path: Path) -> None:
    async with page(tmp_path) as found:
        version = (await found.read())["version"]
        status, told = await found.post("/api/settings", {"sound.volume": 101}, version)
        assert (status, told["kind"]) == (200, "refused")
        assert told["problems"][0]["keys"] == ["sound.volume"]
        assert not (found.state / WISH_FILE).exists()


@pytest.mark.parametrize("name", ["tools.directory", "live.base_url", "web.origins"])
async def test_what_the_page_may_not_set_is_forbidden_and_not_passed_over(tmp_path: Path, name: str) -> None:
    async with page(tmp_path) as found:
        version = (await found.read())["version"]
        status, told = await found.post("/api/settings", {name: "x"}, version)
        assert status == 403
        assert f"{name}: is set in the file only" in told["error"]
        assert not (found.state / WISH_FILE).exists()


async def test_a_file_that_was_changed_by_hand_is_not_written_over(tmp_path: Path) -> None:
    async with page(tmp_path) as found:
        version = (await found.read())["version"]
        found.config.write_text(FILE + "max_volume = 80\n")
        status, told = await found.post("/api/settings", {"sound.volume": 60}, version)
    assert status == 409
    assert "was changed meanwhile" in told["error"]


async def test_without_a_helper_nothing_can_be_changed_and_the_page_knows_it(tmp_path: Path) -> None:
    async with page(tmp_path, helped=False) as found:
        told = await found.read()
        assert told["writable"] is False
        assert (await found.post("/api/settings", {}, told["version"]))[0] == 403
        assert (await found.post("/api/settings/check", {"sound.volume": 60}))[0] == 200


@pytest.mark.parametrize("changes", [None, [], {"sound.volume": {"a": 1}}, {"a": "x" * 5000}])
async def test_what_is_no_change_is_told(tmp_path: Path, changes: Any) -> None:
    async with page(tmp_path) as found:
        status, told = await found.post("/api/settings/check", changes)
    assert status == 400
    assert told["error"]


async def test_a_file_that_is_no_toml_is_told(tmp_path: Path) -> None:
    async with page(tmp_path) as found:
        found.config.write_text("[board")
        _, told = await found.post("/api/settings/check", {"sound.volume": 60})
    assert "is not valid TOML" in told["problems"][0]["text"]


async def test_the_speaker_is_started_anew_by_the_helper(tmp_path: Path) -> None:
    async with page(tmp_path) as found:
        helping = asyncio.create_task(helper(found))
        status, told = await found.post("/api/restart", {})
        await helping
        assert (status, told["kind"], told["told"]) == (200, "applied", "the speaker has started anew")
        assert found.config.read_text() == FILE


async def test_without_a_helper_nothing_is_started_and_that_is_told(tmp_path: Path) -> None:
    async with page(tmp_path, helped=False) as found:
        status, told = await found.post("/api/restart", {})
        assert status == 403
        assert "systemctl restart conure" in told["remedy"]
