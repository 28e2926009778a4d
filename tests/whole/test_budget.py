"""With the day's budget used up no turn begins, and the one under way is finished; until the next day."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rig import HELLO, Rig, running_rig, with_keys

from daemon.conductor.accounts import Accounts, Day, read_days
from daemon.config.settings import Settings
from daemon.run import lifecycle
from daemon.run.assembly import build
from daemon.run.dial import STAND_IN_KEY, load_client
from daemon.runtime.store import Store
from daemon.standin.server import StandIn
from daemon.standin.voices import Tone
from hw.base import MIC_FORMAT, SPEAKER_FORMAT
from hw.simulated.board import SimulatedBoard

QUICK = with_keys(
    Settings(), vad={"silence_ms": 300}, trigger={"follow_up_s": 2.0}, usage={"daily_minutes": 1.0}
)
SERVER = with_keys(QUICK, live={"turn_taking": "server"})
VOICE = with_keys(QUICK, trigger={"voice": "on"})

MINUTE = Day(sent_bytes=MIC_FORMAT.bytes(60.0))
ALMOST = Day(sent_bytes=MIC_FORMAT.bytes(59.9))


def accounts(rig: Rig, day: str = "2026-11-21") -> Accounts:
    """The rig's accounts, on this day."""
    found = rig.conure.parts.accounts
    found.today = lambda: day
    return found


async def talk(rig: Rig) -> None:
    rig.tap()
    rig.say()
    await rig.until_turns_over()


class TestUsedUp:
    @pytest.mark.parametrize("settings", [QUICK, SERVER], ids=["device", "server"])
    async def test_a_press_is_refused_by_tone_light_and_one_log_line(
        self, settings: Settings, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with running_rig(settings) as rig:
            await rig.until_online()
            accounts(rig).add(MINUTE)
            rig.tap()
            await rig.until(lambda: rig.earcons == ["quota"])
            assert (await rig.command("status"))["light"] == "quota"
            await rig.command("talk")
            await rig.until(lambda: rig.earcons == ["quota", "quota"])
            assert rig.states == []
            assert accounts(rig).used_today().refused == 2
            assert not rig.standin.record.turns
        told = [record for record in caplog.records if "budget" in record.getMessage()]
        assert [record.levelno for record in told] == [logging.WARNING]
        assert "midnight" in told[0].getMessage()

    async def test_a_turn_in_writing_is_refused(self) -> None:
        async with running_rig(QUICK) as rig:
            await rig.until_online()
            accounts(rig).add(MINUTE)
            await rig.command("say", text="Good morning")
            await rig.until(lambda: rig.earcons == ["quota"])
            assert not rig.standin.record.turns

    async def test_voices_are_refused_and_only_the_first_is_told(self) -> None:
        async with running_rig(VOICE) as rig:
            await rig.until_online()
            books = accounts(rig)
            books.add(MINUTE)
            silence = bytes(MIC_FORMAT.bytes(1.5))
            rig.say(HELLO + silence + HELLO + silence)
            await rig.until(lambda: books.used_today().refused == 2)
            assert rig.earcons == ["quota"]
            assert not rig.standin.record.connections[0].audio

    async def test_a_muted_speaker_says_that_it_is_muted(self) -> None:
        async with running_rig(QUICK) as rig:
            await rig.until_online()
            accounts(rig).add(MINUTE)
            await rig.command("mute")
            await rig.command("talk")
            await rig.until(lambda: rig.earcons == ["muted", "muted"])

    async def test_it_listens_again_on_the_next_day(self) -> None:
        async with running_rig(QUICK) as rig:
            await rig.until_online()
            accounts(rig).add(MINUTE)
            await rig.command("talk")
            await rig.until(lambda: rig.earcons == ["quota"])
            accounts(rig, "2026-11-22")
            await rig.until(lambda: rig.conure.reporter.snapshot()["light"] != "quota")
            await talk(rig)
            assert rig.turns_over()[0]["outcome"] == "answered"


class TestATurnUnderWay:
    @pytest.mark.parametrize("settings", [QUICK, SERVER], ids=["device", "server"])
    async def test_is_finished_and_nothing_follows_it(self, settings: Settings) -> None:
        async with running_rig(settings, voice=Tone(1.0, 440.0)) as rig:
            await rig.until_online()
            accounts(rig).add(ALMOST)
            await talk(rig)
            assert rig.turns_over()[0]["outcome"] == "answered"
            assert rig.turns_over()[0]["reply_s"] == pytest.approx(1.0, abs=0.05)
            await rig.until_state("idle")
            assert (rig.states.count("listening"), rig.states.count("follow_up")) == (1, 0)
            await rig.until(lambda: rig.conure.reporter.snapshot()["light"] == "quota")

    async def test_may_be_stopped_by_a_press_which_then_does_not_listen(self) -> None:
        async with running_rig(QUICK, voice=Tone(10.0, 440.0)) as rig:
            await rig.until_online()
            accounts(rig).add(ALMOST)
            rig.tap()
            rig.say()
            await rig.until_state("speaking")
            rig.press()
            await rig.until_state("idle")
            rig.release()
            await rig.until(lambda: rig.earcons[-1] == "quota")
            assert rig.turns_over()[0]["outcome"] == "cut"
            assert rig.states.count("listening") == 1


async def test_what_is_counted_is_what_the_service_got_and_gave() -> None:
    async with running_rig(QUICK, voice=Tone(1.0, 440.0)) as rig:
        await rig.until_online()
        books = accounts(rig)
        await talk(rig)
        used = books.used_today()
        (turn,) = rig.standin.record.turns
        assert used.sent_bytes == len(turn.pcm)
        assert used.received_bytes == turn.reply.audio_bytes == SPEAKER_FORMAT.bytes(1.0)
        await rig.until(lambda: books.used_today().prompt_tokens and books.used_today().response_tokens)


async def run_once(monkeypatch: pytest.MonkeyPatch, folder: Path, settings: Settings) -> Any:
    """One turn of a daemon that takes the stand-in for the real service, and its shutdown."""
    monkeypatch.setenv("STATE_DIRECTORY", str(folder))
    async with StandIn(Tone(0.3, 440.0)) as standin:
        board = SimulatedBoard()
        conure = build(settings, board, stand_in=False)
        dial = partial(load_client, settings, STAND_IN_KEY, standin.base_url, standin.client_ssl_context())
        restored = conure.parts.connection.link.handle
        async with lifecycle.running(conure, dial):
            heard = conure.parts.feed.watch()
            await conure.commands.handle("say", {"text": "Good morning"})
            async for note in heard:
                if note["event"] == "turn":
                    break
        return restored, conure.parts.connection.link.handle


async def test_usage_and_session_outlive_the_daemon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = with_keys(QUICK, live={"keep_session": True})
    restored, given = await run_once(monkeypatch, tmp_path, settings)
    assert restored is None
    assert given is not None
    first = read_days_kept(tmp_path)
    assert first.received_bytes == SPEAKER_FORMAT.bytes(0.3)
    restored, _ = await run_once(monkeypatch, tmp_path, settings)
    assert restored is not None
    assert restored.value == given.value
    assert restored.given_s == pytest.approx(given.given_s, abs=2.0)
    assert read_days_kept(tmp_path).received_bytes == 2 * first.received_bytes


def read_days_kept(folder: Path) -> Day:
    """All that the kept file knows, added up."""
    days = Store(folder).load("usage.json", read_days) or {}
    return sum(days.values(), Day())
