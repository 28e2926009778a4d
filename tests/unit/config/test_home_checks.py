"""Mistakes in [device] and [mqtt], and where the broker's password comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from daemon.config.broker_password import PASSWORD_LIMIT_BYTES, load_password
from daemon.config.home import MqttSettings
from daemon.config.load import validate
from daemon.errors import ConfigError


def problems(table: str, **values: Any) -> list[str]:
    return [problem.text for problem in validate({table: values}).problems]


@pytest.mark.parametrize(
    ("table", "values", "words"),
    [
        ("device", {"name": "two\nlines"}, "device.name"),
        ("device", {"name": "x" * 61}, "device.name"),
        ("device", {"room": " Kitchen"}, "device.room"),
        ("device", {"room": "#/+"}, "device.room"),
        ("device", {"id": "Kitchen"}, "device.id"),
        ("device", {"id": "a/b"}, "device.id"),
        ("device", {"id": "+"}, "device.id"),
        ("mqtt", {"host": "mqtt://broker"}, "mqtt.host"),
        ("mqtt", {"host": "broker:1883"}, "mqtt.host"),
        ("mqtt", {"port": 65536}, "mqtt.port"),
        ("mqtt", {"discovery": "home/#"}, "mqtt.discovery"),
        ("mqtt", {"ca_file": "/ca.pem"}, "mqtt.tls"),
        ("mqtt", {"password_file": "secret", "user": "me"}, "mqtt.password_file"),
        ("mqtt", {"password_file": "/etc/secret"}, "mqtt.user"),
    ],
)
def test_a_mistake_is_told_with_its_key(table: str, values: dict[str, Any], words: str) -> None:
    found = problems(table, **values)
    assert found
    assert any(words in text for text in found), found


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("device", {"name": "Küche unten", "room": "客厅", "id": "kitchen_1"}),
        ("mqtt", {"host": "homeassistant.local", "port": 1884}),
        ("mqtt", {"host": "192.168.1.5", "user": "conure", "password_file": "/etc/conure/mqtt"}),
        ("mqtt", {"host": "fd00::5", "tls": True, "ca_file": "/ca.pem", "discovery": "ha/two"}),
    ],
)
def test_what_is_right_is_taken(table: str, values: dict[str, Any]) -> None:
    assert problems(table, **values) == []


def test_the_password_is_in_the_file_that_is_named(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("with spaces and #\n")
    mqtt = MqttSettings(user="me", password_file=str(file))
    password = load_password(mqtt, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert password is not None
    assert password.reveal() == "with spaces and #"


def test_else_it_is_the_systemd_credential(tmp_path: Path) -> None:
    (tmp_path / "mqtt-password").write_text("a secret")
    password = load_password(MqttSettings(user="me"), {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert password is not None
    assert password.reveal() == "a secret"
    assert "a secret" not in f"{password} {password!r}"


@pytest.mark.parametrize("env", [{}, {"CREDENTIALS_DIRECTORY": "/nonexistent"}])
def test_without_either_there_is_none(env: dict[str, str]) -> None:
    assert load_password(MqttSettings(user="me"), env) is None


def test_who_logs_in_without_a_name_needs_no_password(tmp_path: Path) -> None:
    (tmp_path / "mqtt-password").write_text("a secret")
    assert load_password(MqttSettings(), {"CREDENTIALS_DIRECTORY": str(tmp_path)}) is None


@pytest.mark.parametrize("content", [b"", b"\n", b"one\ntwo", b"\xff\xfe", b"x" * (PASSWORD_LIMIT_BYTES + 1)])
def test_a_file_that_holds_no_password_is_refused_without_its_content(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="must hold the password alone") as refused:
        load_password(MqttSettings(user="me", password_file=str(file)), {})
    assert "two" not in str(refused.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"/nonexistent/password.*No such file"):
        load_password(MqttSettings(user="me", password_file="/nonexistent/password"), {})
