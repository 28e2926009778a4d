"""What speaks known words is built with its places on disk, and with none where the stand-in speaks."""

from __future__ import annotations

from pathlib import Path

import pytest
from rig import with_keys

from daemon.conductor.accounts import Accounts
from daemon.config.settings import Settings
from daemon.run.voices import make_voices, recordings_for


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))


def test_speech_and_messages_are_kept_in_the_state_directory(tmp_path: Path) -> None:
    settings = with_keys(Settings(), live={"language": "de-DE", "voice": "Kore"})
    voices = make_voices(settings, Accounts(), stand_in=False)
    assert voices.source.report()["cache_bytes"] == 0
    assert voices.recordings.made == tmp_path / "messages" / "de-DE-Kore"


def test_of_no_megabyte_no_speech_is_kept() -> None:
    settings = with_keys(Settings(), announce={"cache_mb": 0})
    assert make_voices(settings, Accounts(), stand_in=False).source.report()["cache_bytes"] is None


def test_with_the_stand_in_nothing_is_kept() -> None:
    voices = make_voices(Settings(), Accounts(), stand_in=True)
    assert voices.source.report()["cache_bytes"] is None
    assert recordings_for(Settings().live, stand_in=True).made is None
