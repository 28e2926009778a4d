"""What Home Assistant is told of the speaker. `scripts/check-home` has Home Assistant itself take it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from daemon.home.discovery import Identity, discovery
from daemon.home.entities import HouseTerms
from daemon.home.picture import Picture
from daemon.home.topics import Topics

HOSTILE = "{{ 1 }}/#+\n\x00" + "x" * 200


def message(name: str = "Kitchen", *, id: str = "ab12", **terms: Any) -> dict[str, Any]:
    identity = Identity(name=name, room=name, board="generic", version="1.2", page="https://kitchen.local")
    return discovery(Topics(id), identity, HouseTerms(**terms))


def topics_in(value: object) -> list[str]:
    match value:
        case dict():
            own = [one for name, one in value.items() if name.endswith("topic")]
            return own + [topic for one in value.values() for topic in topics_in(one)]
    return []


def test_the_device_is_told_as_people_know_it() -> None:
    assert message()["device"] == {
        "identifiers": ["conure_ab12"],
        "name": "Kitchen",
        "manufacturer": "Conure",
        "model": "generic",
        "sw_version": "1.2",
        "configuration_url": "https://kitchen.local",
        "suggested_area": "Kitchen",
    }
    assert message()["availability_topic"] == "conure/ab12/availability"


def test_what_is_not_known_is_not_told() -> None:
    told = discovery(Topics("ab12"), Identity(name=""), HouseTerms())
    assert told["device"] == {"identifiers": ["conure_ab12"], "name": "Conure", "manufacturer": "Conure"}
    assert told["origin"] == {"name": "Conure", "sw_version": "unknown"}


@pytest.mark.parametrize("terms", [{}, {"talk": True, "transcripts": True, "max_volume": 60}])
def test_no_name_is_in_a_topic_or_a_template(terms: dict[str, Any]) -> None:
    plain, hostile = message(**terms), message(HOSTILE, **terms)
    assert topics_in(hostile) == topics_in(plain)
    assert hostile["components"] == plain["components"]
    assert all(re.fullmatch(r"conure/ab12(/[a-z_]+)+", topic) for topic in topics_in(plain))
    assert "\n" not in hostile["device"]["name"]
    assert len(hostile["device"]["name"]) <= 60


def test_two_speakers_of_one_name_have_nothing_in_common_but_that() -> None:
    one, other = message(id="ab12"), message(id="cd34")
    assert one["device"]["name"] == other["device"]["name"]
    assert not set(topics_in(one)) & set(topics_in(other))
    ids = [
        {part["unique_id"] for part in it["components"].values() if "unique_id" in part}
        for it in (one, other)
    ]
    assert not ids[0] & ids[1]


def test_every_entity_has_an_id_of_its_own() -> None:
    parts = message(talk=True, transcripts=True)["components"].values()
    assert len({part["unique_id"] for part in parts}) == len(parts)


def test_what_the_settings_do_without_is_taken_away() -> None:
    """A component that has its platform alone is removed by Home Assistant."""
    parts = message()["components"]
    bare = {key for key, part in parts.items() if part.keys() == {"platform"}}
    assert bare == {"talk", "you_said", "it_said"}
    assert all(len(part) > 1 for part in message(talk=True, transcripts=True)["components"].values())


def test_no_louder_volume_is_offered_than_the_settings_allow() -> None:
    assert message(max_volume=60)["components"]["volume"]["max"] == 60


def test_every_value_that_is_shown_is_in_the_state() -> None:
    state = Picture().state()
    parts = message()["components"].values()
    shown = {part["value_template"] for part in parts if part.get("state_topic") == "conure/ab12/state"}
    wanted = {found[1] for one in shown if (found := re.fullmatch(r"\{\{ value_json\.(\w+) \}\}", one))}
    assert len(wanted) == len(shown)
    assert wanted == state.keys() - {"problem_about"}


def test_the_message_is_small() -> None:
    assert len(json.dumps(message(talk=True, transcripts=True))) < 8000
