"""The gateway beside a running speaker: its page's API over HTTP, through the real control socket."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from rig import Rig, running_rig
from web_house import House, running_house, streaming

from daemon.conductor import pairing
from daemon.control.remote.client import RemoteSpeaker
from daemon.control.remote.recent import RecentWords
from daemon.web.gate.gate import COOKIE


@contextlib.asynccontextmanager
async def beside(folder: Path, **keys: Any) -> AsyncIterator[tuple[Rig, House, RemoteSpeaker]]:
    """A speaker on the simulated board, and a gateway that knows its socket."""
    socket = folder / "run" / "control.sock"
    speaker = RemoteSpeaker(lambda: socket, RecentWords(30.0, time.monotonic))
    watching = asyncio.create_task(speaker.run())
    async with running_house(folder / "web", speaker) as house, running_rig(control=socket, **keys) as rig:
        await rig.until(lambda: speaker.present)
        yield rig, house, speaker
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_a_page_sees_and_steers_a_conversation(tmp_path: Path) -> None:
    async with beside(tmp_path) as (rig, house, _):
        paired = house.cookie()
        async with streaming(house, paired) as page:
            snapshot = await page.until("snapshot")
            assert snapshot["status"]["state"] == "idle"
            await rig.until_online()
            assert (await house.post("/api/say", {"text": "hello"}, paired)).status_code == 200
            seen: list[dict[str, Any]] = []
            while not any(note["event"] == "turn" for note in seen):
                seen.append(await page.until("note"))
        assert {"state", "say", "transcript", "light", "turn"} <= {note["event"] for note in seen}
        assert "level" in {note["event"] for note in seen}, "the page draws how loud the microphone is"
        async with streaming(house, paired) as another:
            said = await another.until("note")
        assert said["event"] == "said"
        assert [line["who"] for line in said["lines"]] == ["user", "model"]
        assert said["lines"][0]["text"] == "hello"
        history = (await house.get("/api/history", paired)).json()["turns"]
        assert [turn["trigger"] for turn in history] == ["text"]
        assert (await house.get("/api/usage", paired)).json()["usage"]["today"]["received_s"] > 0


async def test_volume_mute_and_timers_are_those_of_the_speaker(tmp_path: Path) -> None:
    async with beside(tmp_path) as (rig, house, _):
        paired = house.cookie()
        assert (await house.post("/api/volume", {"percent": 30}, paired)).json()["volume"] == 30
        await house.post("/api/mute", {"muted": True}, paired)
        await rig.until(lambda: rig.conure.controller.state.mic.muted)
        refused = await house.post("/api/talk", {}, paired)
        assert refused.status_code == 409 and "muted" in refused.json()["error"]
        await house.post("/api/timers", {"duration": "10m", "name": "tea"}, paired)
        (waiting,) = (await house.get("/api/timers", paired)).json()["waiting"]
        assert (waiting["title"], waiting["kind"]) == ("timer “tea”", "timer")
        assert 590 < waiting["left_s"] <= 600
        gone = await house.client.delete(f"/api/timers/{waiting['id']}", headers=paired)
        assert gone.status_code == 200
        assert (await house.get("/api/timers", paired)).json()["waiting"] == []


async def test_a_press_lets_a_browser_in_while_the_light_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairing, "SETTLE_S", 0.0)
    async with beside(tmp_path) as (rig, house, _):
        asking = asyncio.create_task(house.post("/api/pair/press", {"number": 42}))
        await rig.until(lambda: "pairing" in rig.scenes)
        rig.tap()
        answer = await asking
        assert answer.status_code == 201
        secret = str(answer.headers["set-cookie"]).partition(";")[0]
        assert secret.startswith(f"{COOKIE}=")
        assert (await house.get("/api/me", {"Cookie": secret})).json()["paired"] is True
        await rig.until(lambda: rig.scenes[-1] == "ready")
        assert rig.states == [], "the press talked to nobody"


async def test_a_press_in_a_conversation_lets_nobody_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairing, "SETTLE_S", 0.0)
    async with beside(tmp_path) as (rig, house, _):
        await rig.until_online()
        rig.tap()
        await rig.until_state("listening")
        asking = asyncio.create_task(house.post("/api/pair/press", {"number": 42}))
        await rig.until(lambda: rig.conure.parts.pairing.waits)
        assert "pairing" not in rig.scenes
        rig.tap()
        await rig.command("pair", seconds=0)
        assert (await asking).status_code == 408
        assert house.devices.all() == ()


async def test_a_page_stays_open_while_the_speaker_starts_again(tmp_path: Path) -> None:
    socket = tmp_path / "run" / "control.sock"
    speaker = RemoteSpeaker(lambda: socket)
    watching = asyncio.create_task(speaker.run())
    async with running_house(tmp_path / "web", speaker) as house:
        paired = house.cookie()
        async with streaming(house, paired) as page:
            assert (await page.until("speaker"))["speaker"] == "away"
            async with running_rig(control=socket):
                assert (await page.until("speaker"))["speaker"] == "here"
                assert (await page.until("snapshot"))["status"]["version"]
            assert (await page.until("speaker"))["speaker"] == "away"
            assert (await house.post("/api/talk", {}, paired)).status_code == 503
            async with running_rig(control=socket), asyncio.timeout(5):
                assert (await page.until("speaker"))["speaker"] == "here"
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
