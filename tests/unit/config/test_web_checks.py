"""Mistakes in [web] that the range of one key does not show, and files that are not to be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from daemon.config.load import load, validate
from daemon.errors import ConfigError


def problems(**web: Any) -> list[str]:
    return [problem.text for problem in validate({"web": web}).problems]


@pytest.mark.parametrize(
    ("web", "words"),
    [
        ({"name": "My Kitchen"}, "web.name"),
        ({"hosts": ["192.168.1.5"]}, "web.hosts"),
        ({"listen": ["8443"]}, "web.listen"),
        ({"listen": ["0.0.0.0:8443"], "behind_proxy": True}, "web.behind_proxy"),
        ({"plain_listen": ["localhost:80"]}, "web.plain_listen"),
        ({"listen": ["::1:8443"]}, "web.listen"),
        ({"listen": ["127.0.0.1:65536"]}, "web.listen"),
        ({"origins": ["example.org"]}, "web.origins"),
        ({"origins": ["https://example.org:443"]}, "web.origins"),
        ({"origins": ["http://example.org:99999"]}, "web.origins"),
        ({"certificate": "/a.pem"}, "web.private_key"),
        ({"private_key": "/a.key"}, "web.certificate"),
        ({"certificate": "/a.pem", "private_key": "/a.key", "behind_proxy": True}, "web.certificate"),
    ],
)
def test_a_mistake_is_told_with_its_key(web: dict[str, Any], words: str) -> None:
    assert any(words in text for text in problems(**web))


def test_what_is_right_is_taken() -> None:
    origins = ["null", "http://localhost:3000", "https://[::1]:8443"]
    assert problems(name="kitchen", hosts=["speaker.example.org"], listen=["[::1]:0"], origins=origins) == []


def test_files_of_the_speaker_are_looked_at_only_by_who_may_read_them(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[live]\napi_key_file = "/nowhere/key"\n[board]\nsample_wav = "/nowhere/a.wav"\n')
    with pytest.raises(ConfigError, match="sample_wav"):
        load(file, {})
    assert load(file, {}, look_at_files=False).settings.board.sample_wav == "/nowhere/a.wav"


def test_a_file_that_cannot_be_read_is_told_with_the_variable_that_names_it(tmp_path: Path) -> None:
    missing = tmp_path / "config.toml"
    with pytest.raises(ConfigError) as by_path:
        load(missing, {})
    with pytest.raises(ConfigError) as by_variable:
        load(None, {"CONURE_CONFIG": str(missing)})
    assert "CONURE_CONFIG" not in str(by_path.value)
    assert "CONURE_CONFIG" in str(by_variable.value)
