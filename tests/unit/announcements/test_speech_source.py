"""Where an announcement's sound comes from, and what is told where there is none."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from daemon.announcements import speech
from daemon.announcements.cache import SpeechCache
from daemon.announcements.speech import SpeechSource
from daemon.config.settings import LiveSettings
from daemon.session.content import NotSpoken
from daemon.session.failures import Failure, FailureKind, LinkError

LIVE = LiveSettings(voice="Kore", language="de-DE", speech_model="m")
TEXT = "Das Essen ist fertig"


class FakeService:
    """Speaks each text as itself, after these failures."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.asked: list[tuple[str, str, str, str]] = []

    async def speak(self, text: str, *, voice: str, language: str, model: str) -> AsyncGenerator[bytes, None]:
        self.asked.append((text, voice, language, model))
        yield b"some"
        if self.failures:
            raise self.failures.pop(0)
        yield text.encode()


def failure(kind: FailureKind) -> LinkError:
    return LinkError(Failure(kind, "told"))


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "PAUSE_S", 0.0)


async def test_the_service_is_asked_once_and_the_cache_from_then_on(tmp_path: Path) -> None:
    service, received = FakeService(), list[int]()
    source = SpeechSource(LIVE, SpeechCache(tmp_path, 1000), note_received=received.append)
    source.serve(service)
    first, second = await source.sound_of(TEXT), await source.sound_of(TEXT)
    assert first == second == b"some" + TEXT.encode()
    assert service.asked == [(TEXT, "Kore", "de-DE", "m")]
    assert received == [len(first)]
    assert source.counters() == {
        "speech_from_cache": 1,
        "speech_from_service": 1,
        "speech_cache_evicted": 0,
        "speech_cache_failures": 0,
    }
    assert source.report() == {"problem": None, "cache_bytes": len(first)}


async def test_without_a_cache_it_is_asked_each_time() -> None:
    service = FakeService()
    source = SpeechSource(LIVE)
    source.serve(service)
    await source.sound_of(TEXT)
    await source.sound_of(TEXT)
    assert len(service.asked) == 2 and source.report()["cache_bytes"] is None


@pytest.mark.parametrize(
    "error", [NotSpoken("no"), failure(FailureKind.TRANSIENT)], ids=["not spoken", "trouble"]
)
async def test_one_failure_is_tried_again_and_what_came_of_it_is_not_heard(error: Exception) -> None:
    service, received = FakeService(error), list[int]()
    source = SpeechSource(LIVE, note_received=received.append)
    source.serve(service)
    assert await source.sound_of("x") == b"somex"
    assert received == [4, 5] and source.problem == ""


async def test_two_failures_are_told_and_nothing_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = SpeechSource(LIVE, SpeechCache(tmp_path, 1000))
    source.serve(FakeService(failure(FailureKind.NETWORK), failure(FailureKind.NETWORK)))
    assert await source.sound_of(TEXT) == b""
    assert "cannot be reached" in source.problem and "cannot be reached" in caplog.text
    assert TEXT not in caplog.text and not [*tmp_path.iterdir()]
    assert await source.sound_of(TEXT) != b"" and source.problem == ""


async def test_a_refusal_is_not_tried_again() -> None:
    service = FakeService(failure(FailureKind.REFUSED_KEY))
    source = SpeechSource(LIVE)
    source.serve(service)
    assert await source.sound_of(TEXT) == b""
    assert len(service.asked) == 1


async def test_a_used_up_budget_asks_for_nothing_but_the_cache_is_heard(tmp_path: Path) -> None:
    service, cache = FakeService(), SpeechCache(tmp_path, 1000)
    before = SpeechSource(LIVE, cache)
    before.serve(service)
    await before.sound_of(TEXT)
    source = SpeechSource(LIVE, cache, may_ask=lambda: False)
    source.serve(service)
    assert await source.sound_of(TEXT)
    assert await source.sound_of("another") == b""
    assert "budget" in source.problem and len(service.asked) == 1


async def test_a_service_that_does_not_come_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(speech, "SERVICE_WAIT_S", 0.01)
    source = SpeechSource()
    assert await source.sound_of(TEXT) == b""
    assert "not ready" in source.problem
