"""What a payload asks of the speaker, and what is not obeyed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.home.entities import HouseTerms, entities
from daemon.home.orders import FORMS, PAYLOAD_BYTES, BadOrder, Order, order_of
from daemon.home.topics import Topics

GOOD: list[tuple[str, str, str, dict[str, Any]]] = [
    ("talk", "PRESS", "talk", {}),
    ("stop", "PRESS", "stop", {}),
    ("silence", "PRESS", "stop", {}),
    ("mute", "ON", "mute", {}),
    ("mute", "OFF", "unmute", {}),
    ("volume", "40", "volume", {"percent": 40}),
    ("volume", "40.0", "volume", {"percent": 40}),
    ("say", " What is the time? ", "say", {"text": "What is the time?"}),
    ("announce", "Dinner!", "announce", {"text": "Dinner!"}),
    ("announce", '{"text": "Dinner!"}', "announce", {"text": "Dinner!"}),
    (
        "announce",
        '{"text": "Run!", "volume": 90, "chime": true, "priority": "high", "expires_s": 60, "id": "x1"}',
        "announce",
        {"text": "Run!", "volume": 90, "chime": True, "priority": "high", "expires_s": 60.0, "id": "x1"},
    ),
]

BAD: list[tuple[str, bytes, str]] = [
    ("talk", b"", "PRESS"),
    ("stop", b"press", "PRESS"),
    ("mute", b"on", "ON or OFF"),
    ("volume", b"loud", "whole number"),
    ("volume", b"101", "whole number"),
    ("volume", b"-1", "whole number"),
    ("volume", b"4.5", "whole number"),
    ("volume", b"NaN", "whole number"),
    ("volume", b"true", "whole number"),
    ("volume", b"9" * 900, "whole number"),
    ("volume", b"[" * 900, "whole number"),
    ("say", b"", "1 to 255"),
    ("say", b" \x00\x1b ", "1 to 255"),
    ("say", b"x" * 256, "1 to 255"),
    ("say", b"\xff", "UTF-8"),
    ("say", b"x" * (PAYLOAD_BYTES + 1), "1024 bytes"),
    ("announce", b"", "1 to 1000"),
    ("announce", b'{"text": ', "JSON"),
    ("announce", b"{}", '"text"'),
    ("announce", b'{"text": 5}', '"text"'),
    ("announce", b'{"text": ""}', "1 to 1000"),
    ("announce", b'{"text": "x", "shell": "rm"}', '"text"'),
    ("announce", b'{"text": "x", "volume": 200}', "0 to 100"),
    ("announce", b'{"text": "x", "chime": "yes"}', "true or false"),
    ("announce", b'{"text": "x", "expires_s": 0}', "from 1"),
    ("announce", b'{"text": "x", "priority": ""}', "1 to 20"),
    ("announce", b'{"text": "x", "id": 5}', "1 to 64"),
    ("announce", b'{"text": "x", "id": "a\\nb"}', "1 to 64"),
    ("reboot", b"PRESS", "no command 'reboot'"),
    ("", b"PRESS", "no command ''"),
]


@pytest.mark.parametrize(("name", "payload", "command", "args"), GOOD)
def test_a_payload_of_the_form_is_a_command_of_the_speaker(
    name: str, payload: str, command: str, args: dict[str, Any]
) -> None:
    assert order_of(name, payload.encode(), talk=True) == Order(command, args)


@pytest.mark.parametrize(("name", "payload", "words"), BAD)
def test_any_other_is_refused_with_what_would_be_right(name: str, payload: bytes, words: str) -> None:
    with pytest.raises(BadOrder, match=words):
        order_of(name, payload, talk=True)


def test_nobody_opens_the_microphone_unless_the_settings_let_him() -> None:
    with pytest.raises(BadOrder, match="no command 'talk'"):
        order_of("talk", b"PRESS", talk=False)


def test_every_entity_that_commands_has_a_form() -> None:
    topics = Topics("ab12")
    commanded = {
        topics.command_at(one.config["command_topic"])
        for one in entities(topics, HouseTerms())
        if "command_topic" in one.config
    }
    assert commanded == FORMS.keys()


@given(st.sampled_from(sorted(FORMS)), st.binary(max_size=80) | st.text(max_size=60).map(str.encode))
def test_whatever_comes_is_a_command_or_refused(name: str, payload: bytes) -> None:
    try:
        order = order_of(name, payload, talk=True)
    except BadOrder:
        return
    json.dumps(dict(order.args))
