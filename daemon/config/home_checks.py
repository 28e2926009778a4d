"""Checks of [device] and [mqtt] beyond the type and range of one key. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from daemon.config.home import DeviceSettings, MqttSettings
from daemon.config.schema import TABLES, Problem, wrong
from daemon.outside import one_line

NAME_CHARS = 60

ID = re.compile(r"[a-z0-9_]{1,32}")
"""Home Assistant takes these, capitals and - as a node of its topics (mqtt/discovery.py, TOPIC_MATCHER)."""

LEVEL = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")
"""Levels of a topic without a wildcard."""

HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")
"""A host's name, an IPv4 address, or an IPv6 address without brackets."""


def home_problems(device: DeviceSettings, mqtt: MqttSettings) -> Iterator[Problem]:
    """Values that do not go together, and values that do not have the form they need."""
    yield from _check_device(device)
    yield from _check_broker(mqtt)
    yield from _check_login(mqtt)


def _wrong(table: str, settings: Any, name: str, remedy: str, *others: str) -> Problem:
    return wrong(TABLES[table][name], getattr(settings, name), remedy, *others)


def _check_device(device: DeviceSettings) -> Iterator[Problem]:
    for name in ("name", "room"):
        text = getattr(device, name)
        if text != one_line(text, NAME_CHARS):
            yield _wrong("device", device, name, f"must be one line of at most {NAME_CHARS} characters")
    if device.room and not any(char.isalnum() for char in device.room):
        yield _wrong("device", device, "room", 'must have a letter or a digit, such as "Kitchen"')
    if device.id and not ID.fullmatch(device.id):
        yield _wrong("device", device, "id", 'must be of a-z, 0-9 and _, at most 32, such as "kitchen_1"')


def _check_broker(mqtt: MqttSettings) -> Iterator[Problem]:
    if mqtt.host and not HOST.fullmatch(mqtt.host):
        yield _wrong("mqtt", mqtt, "host", 'must be a name or an address, such as "homeassistant.local"')
    if not LEVEL.fullmatch(mqtt.discovery):
        yield _wrong("mqtt", mqtt, "discovery", 'must be letters, digits, _ and -, such as "homeassistant"')
    if mqtt.ca_file and not mqtt.tls:
        yield _wrong("mqtt", mqtt, "ca_file", "needs mqtt.tls = true", "mqtt.tls")


def _check_login(mqtt: MqttSettings) -> Iterator[Problem]:
    if mqtt.password_file and "/" not in mqtt.password_file:
        yield _wrong("mqtt", mqtt, "password_file", "must be a path with a slash, never the password itself")
    if mqtt.password_file and not mqtt.user:
        yield _wrong("mqtt", mqtt, "user", "must be set too: a password has a user", "mqtt.password_file")
