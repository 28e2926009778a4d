"""The messages in the user's voice: all or none, told before what it costs, and said from then on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.announcements.message_maker import MessageMaker, cost_usd
from daemon.announcements.speech import SpeechSource
from daemon.config.settings import LiveSettings
from daemon.errors import ControlError
from daemon.session.content import NotSpoken
from daemon.speaking.messages import Message
from daemon.speaking.recordings import Recordings, read_recording
from daemon.speaking.translations import WORDS_IN
from daemon.standin.voices import read_aloud

GERMAN = LiveSettings(language="de-DE", voice="Kore")


class Speaker:
    """Speaks with the stand-in's voice, but for some texts."""

    def __init__(self, *, silent: str = "", fails: str = "") -> None:
        self.silent = silent
        self.fails = fails
        self.asked: list[str] = []

    async def speak(self, text: str, *, voice: str, language: str, model: str) -> AsyncGenerator[bytes, None]:
        self.asked.append(text)
        if text == self.fails:
            raise NotSpoken("not today")
        yield bytes(1000) if text == self.silent else read_aloud(text)


@contextlib.asynccontextmanager
async def maker(
    folder: Path | None, speaker: Speaker, live: LiveSettings = GERMAN
) -> AsyncIterator[tuple[MessageMaker, Recordings]]:
    source, recordings = SpeechSource(live), Recordings(live.language, folder)
    source.serve(speaker)
    made = MessageMaker(live, source, recordings)
    task = asyncio.create_task(made.run())
    try:
        async with asyncio.timeout(20.0):
            yield made, recordings
    finally:
        task.cancel()
        await asyncio.wait([task])


async def ended(made: MessageMaker) -> dict[str, Any]:
    """Make them; what is told when that is over."""
    told = await made.handle({"action": "make"})
    assert told["state"] == "making"
    assert (await made.handle({"action": "make"}))["state"] == "making"  # once is enough
    while (told := await made.handle({"action": "show"}))["state"] == "making":
        await asyncio.sleep(0.005)
    return told


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.announcements.speech.PAUSE_S", 0.0)


async def test_each_is_spoken_in_the_language_kept_and_said_from_then_on(tmp_path: Path) -> None:
    speaker = Speaker()
    async with maker(tmp_path / "de", speaker) as (made, recordings):
        before = recordings.of(Message.ERROR)
        told = await ended(made)
        assert told["state"] == "done" and told["made"] == told["messages"] == len(Message)
        assert recordings.of(Message.ERROR) == read_recording(tmp_path / "de/error.wav") != before
    assert speaker.asked == list(WORDS_IN["de"].values())


async def test_what_it_costs_is_told_before(tmp_path: Path) -> None:
    async with maker(tmp_path, Speaker()) as (made, _):
        told = await made.handle({"action": "show"})
    assert (told["state"], told["made"], told["voice"], told["language"]) == ("idle", 0, "Kore", "de-DE")
    assert 15 < told["speech_s"] < 45
    assert 0.001 < told["cost_usd"] < 0.01


async def test_of_another_model_the_price_is_not_known(tmp_path: Path) -> None:
    async with maker(tmp_path, Speaker(), LiveSettings(speech_model="another")) as (made, _):
        assert (await made.handle({"action": "show"}))["cost_usd"] is None


def test_the_price_is_that_of_text_and_speech() -> None:
    assert cost_usd(15_000) == pytest.approx((15_000 / 4 * 0.5 + 1000 * 25 * 6.0) / 1e6, abs=0.001)


@pytest.mark.parametrize(
    "speaker", [{"fails": WORDS_IN["de"][Message.ERROR]}, {"silent": WORDS_IN["de"][Message.ERROR]}]
)
async def test_where_one_fails_none_is_changed(tmp_path: Path, speaker: dict[str, str]) -> None:
    async with maker(tmp_path, Speaker(**speaker)) as (made, recordings):
        told = await ended(made)
        assert told["state"] == "failed" and told["problem"] and told["made"] == 0
        assert recordings.of(Message.ERROR) == Recordings("de").of(Message.ERROR)


async def test_a_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with maker(tmp_path / "file" / "de", Speaker()) as (made, _):
        told = await ended(made)
    assert told["state"] == "failed" and "cannot be written" in told["problem"]


async def test_with_the_stand_in_none_is_made() -> None:
    async with maker(None, Speaker()) as (made, _):
        assert (await made.handle({"action": "show"}))["made"] == 0
        with pytest.raises(ControlError, match="stand-in"):
            await made.handle({"action": "make"})


async def test_a_language_without_words_is_told(tmp_path: Path) -> None:
    async with maker(tmp_path, Speaker(), LiveSettings(language="sv-SE")) as (made, _):
        with pytest.raises(ControlError, match=r"'sv-SE'.*only in: en, de"):
            await made.handle({"action": "make"})


async def test_an_unknown_action_is_told(tmp_path: Path) -> None:
    async with maker(tmp_path, Speaker()) as (made, _):
        with pytest.raises(ControlError, match="does not know 'sing'"):
            await made.handle({"action": "sing"})


def test_the_stand_in_s_voice_is_heard_at_all() -> None:
    assert np.frombuffer(read_aloud("x"), np.int16).any()
