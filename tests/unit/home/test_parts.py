"""The bridge, put together from the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from daemon.config.load import validate
from daemon.config.settings import Settings
from daemon.control.remote.client import NoSpeaker
from daemon.errors import ConfigError
from daemon.home.parts import broker_address, build_home, topics_of
from daemon.home.topics import id_of
from daemon.web import house
from daemon.web.house import home_of


def settings(**tables: dict[str, Any]) -> Settings:
    checked = validate(tables)
    assert not checked.problems
    return checked.settings


def test_the_port_follows_the_settings_and_tls() -> None:
    plain = broker_address(settings(mqtt={"host": "broker"}, device={"id": "ab"}), {})
    assert (plain.host, plain.port, plain.tls, plain.client) == ("broker", 1883, None, "conure_ab")
    tls = broker_address(settings(mqtt={"host": "broker", "tls": True}, device={"id": "ab"}), {})
    assert tls.port == 8883
    assert tls.tls is not None
    own = broker_address(settings(mqtt={"host": "broker", "port": 99}, device={"id": "ab"}), {})
    assert own.port == 99


def test_without_a_broker_it_is_said_what_to_set() -> None:
    with pytest.raises(ConfigError, match=r"mqtt\.host"):
        broker_address(Settings(), {})


def test_the_id_is_the_settings_else_the_machine_s(tmp_path: Path) -> None:
    machine = tmp_path / "machine-id"
    machine.write_text("abcdef\n")
    assert topics_of(Settings(), machine).id == id_of("abcdef")
    assert topics_of(settings(device={"id": "mine"}), machine).id == "mine"


@pytest.mark.parametrize("content", [None, b"", b"\xff"])
def test_a_machine_without_an_id_needs_one_of_the_settings(tmp_path: Path, content: bytes | None) -> None:
    machine = tmp_path / "machine-id"
    if content is not None:
        machine.write_bytes(content)
    with pytest.raises(ConfigError, match=r"device\.id"):
        topics_of(Settings(), machine)


async def test_all_that_is_counted_has_a_name_of_its_own() -> None:
    home = build_home(settings(mqtt={"host": "broker"}, device={"id": "ab"}), NoSpeaker(), {})
    assert set(home.counters()) == {
        "mqtt_connects", "mqtt_losses", "mqtt_orders_obeyed", "mqtt_orders_refused", "mqtt_orders_failed",
        "mqtt_orders_dropped", "mqtt_retained_ignored", "mqtt_events_dropped", "mqtt_incoming_dropped",
        "mqtt_wake_yielded", "mqtt_wake_refused",
    }  # fmt: skip


async def test_the_gateway_has_a_bridge_where_there_is_a_broker(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert home_of(Settings(), NoSpeaker(), "") is None
    named = settings(mqtt={"host": "broker"}, device={"id": "ab"})
    assert home_of(named, NoSpeaker(), "https://kitchen.local") is not None
    wrong = settings(mqtt={"host": "broker", "user": "me", "password_file": "/nonexistent/x"})
    assert home_of(wrong, NoSpeaker(), "") is None
    assert "mqtt.password_file" in caplog.text
    monkeypatch.setattr(house, "find_spec", lambda _name: None)
    assert home_of(named, NoSpeaker(), "") is None
    assert "--with web,mqtt" in caplog.text
