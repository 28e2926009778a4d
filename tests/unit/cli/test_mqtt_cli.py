"""`conure mqtt` without what it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.cli import mqtt
from daemon.cli.main import main
from daemon.errors import EX_CONFIG


@pytest.mark.parametrize("words", [["mqtt"], ["mqtt", "forget"]])
def test_without_the_extra_it_says_how_to_get_it(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mqtt, "find_spec", lambda _name: None)
    assert main(words) == EX_CONFIG
    assert "sudo scripts/install --with mqtt" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["mqtt"], ["mqtt", "forget"]])
def test_without_a_broker_it_says_what_to_set(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text("")
    assert main([*words, "--config", str(config)]) == EX_CONFIG
    assert "mqtt.host" in capsys.readouterr().err


def test_a_broker_that_cannot_be_had_is_told_by_forget(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[device]\nid = "ab"\n[mqtt]\nhost = "127.0.0.1"\nport = 1\n')
    assert main(["mqtt", "forget", "--config", str(config)]) == 1
    assert "refused" in capsys.readouterr().err
