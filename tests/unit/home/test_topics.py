"""What the speaker is called at the broker, and that no name leads into another's topics."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.load import validate
from daemon.home.topics import ID_DIGITS, SLUG_CHARS, Topics, id_of, slug

KITCHEN = Topics("ab12", room="Kitchen")


def test_the_id_is_made_of_the_machine_s_and_does_not_tell_it() -> None:
    machine = "0123456789abcdef0123456789abcdef"
    assert id_of(machine) == id_of(f"{machine}\n")
    assert len(id_of(machine)) == ID_DIGITS
    assert id_of(machine) not in machine
    assert id_of("another") != id_of(machine)


def test_an_id_of_a_machine_is_one_that_the_settings_would_take() -> None:
    assert validate({"device": {"id": id_of("machine")}}).problems == ()


@pytest.mark.parametrize(
    ("room", "level"),
    [
        ("Kitchen", "kitchen"),
        ("Living  room", "living-room"),
        ("Küche", "küche"),
        ("客厅 2", "客厅-2"),
        ("#", ""),
        ("", ""),
        ("../+/#", ""),
        ("a/+/b", "a-b"),
    ],
)
def test_a_room_becomes_one_level_of_a_topic(room: str, level: str) -> None:
    assert slug(room) == level


@given(st.text(max_size=200))
def test_no_room_has_a_sign_that_a_topic_knows(room: str) -> None:
    level = slug(room)
    assert not set(level) & set("/+#$\0 \n")
    assert len(level) <= SLUG_CHARS


def test_only_its_own_commands_are_taken() -> None:
    taken = {
        topic: KITCHEN.command_at(topic)
        for topic in (
            "conure/ab12/do/stop",
            "conure/ab12/do/",
            "conure/ab12/state",
            "conure/cd34/do/stop",
            "",
        )
    }
    assert taken == {
        "conure/ab12/do/stop": "stop",
        "conure/ab12/do/": "",
        "conure/ab12/state": "",
        "conure/cd34/do/stop": "",
        "": "",
    }


def test_a_group_hears_announcements_and_nothing_else() -> None:
    assert KITCHEN.groups == ("conure/group/all/announce", "conure/group/kitchen/announce")
    assert [KITCHEN.command_at(topic) for topic in KITCHEN.groups] == ["announce", "announce"]
    assert KITCHEN.command_at("conure/group/bath/announce") == ""


def test_a_speaker_without_a_room_is_in_the_group_of_all() -> None:
    assert Topics("ab12").groups == ("conure/group/all/announce",)
    assert Topics("ab12", room="All").groups == ("conure/group/all/announce",)


def test_all_that_is_listened_to_is_its_own_or_the_house_s() -> None:
    assert set(KITCHEN.subscriptions) == {
        "conure/ab12/do/+", *KITCHEN.groups, "homeassistant/status", "conure/+/availability", "conure/wake",
    }  # fmt: skip
