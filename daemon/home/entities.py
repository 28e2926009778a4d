"""What Home Assistant shows of a speaker: one row for each entity. Pure.

The fields are those of Home Assistant's MQTT platforms (home-assistant.io/integrations/mqtt). A template is
one of ours, never made of a name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from daemon.home.orders import LOUDEST, PRESS, SAY_CHARS
from daemon.home.topics import Topics
from daemon.lights.ladder import LADDER
from daemon.words import Phase

DIAGNOSTIC = {"entity_category": "diagnostic"}

CONVERSATION = ("begun", "answered", "failed")
TIMER = ("rang", "missed")
BUTTON = ("tap", "double", "hold", "long")
"""What the event entities tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseTerms:
    """What the settings say of the house, as far as Home Assistant is told."""

    talk: bool = False
    transcripts: bool = False
    max_volume: int = LOUDEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One row."""

    key: str
    platform: str
    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    wanted: bool = True
    """False: the settings do without it, and Home Assistant forgets it."""


def entities(topics: Topics, terms: HouseTerms) -> tuple[Entity, ...]:
    """All of them, those that the settings do without as well."""
    return (*_sensors(topics, terms), *_flags(topics), *_controls(topics, terms), *_events(topics))


def _sensors(topics: Topics, terms: HouseTerms) -> Iterator[Entity]:
    def sensor(key: str, name: str, **config: Any) -> Entity:
        shown = {"state_topic": topics.state, "value_template": f"{{{{ value_json.{key} }}}}"}
        return Entity(key=key, platform="sensor", name=name, config=shown | config)

    scenes = list(dict.fromkeys(rung.scene.name for rung in LADDER))
    growing = {"state_class": "total_increasing"}
    yield sensor("state", "State", device_class="enum", options=[one.value for one in Phase])
    yield sensor("light", "Light", device_class="enum", options=scenes, **DIAGNOSTIC)
    yield sensor("next_timer", "Next timer", device_class="timestamp")
    yield sensor(
        "last_answer_ms", "Last answer", device_class="duration", unit_of_measurement="ms", **DIAGNOSTIC
    )
    yield sensor(
        "minutes_today", "Minutes today", device_class="duration", unit_of_measurement="min", **growing
    )
    yield sensor("tokens_today", "Tokens today", unit_of_measurement="tokens", **growing, **DIAGNOSTIC)
    for who, name in (("you", "You said"), ("it", "It said")):
        yield Entity(
            key=f"{who}_said",
            platform="sensor",
            name=name,
            wanted=terms.transcripts,
            config={
                "state_topic": topics.said(who),
                "value_template": "{{ value_json.short }}",
                "json_attributes_topic": topics.said(who),
                "enabled_by_default": False,
            },
        )


def _flags(topics: Topics) -> Iterator[Entity]:
    def flag(key: str, name: str, **config: Any) -> Entity:
        shown = {"state_topic": topics.state, "value_template": f"{{{{ value_json.{key} }}}}"}
        return Entity(key=key, platform="binary_sensor", name=name, config=shown | config)

    yield flag("connected", "Connected", device_class="connectivity", **DIAGNOSTIC)
    yield flag(
        "problem",
        "Problem",
        device_class="problem",
        json_attributes_topic=topics.state,
        json_attributes_template="{{ value_json.problem_about | tojson }}",
    )
    yield flag("ringing", "Ringing", device_class="sound")
    yield flag("on_phone", "On a phone", icon="mdi:cellphone-sound")


def _controls(topics: Topics, terms: HouseTerms) -> Iterator[Entity]:
    def control(key: str, platform: str, name: str, *, wanted: bool = True, **config: Any) -> Entity:
        given = {"command_topic": topics.command(key), "qos": 1}
        return Entity(key=key, platform=platform, name=name, wanted=wanted, config=given | config)

    yield control(
        "mute",
        "switch",
        "Mute",
        state_topic=topics.state,
        value_template="{{ value_json.mute }}",
        icon="mdi:microphone-off",
    )
    yield control(
        "volume",
        "number",
        "Volume",
        state_topic=topics.state,
        value_template="{{ value_json.volume }}",
        min=0,
        max=terms.max_volume,
        unit_of_measurement="%",
        icon="mdi:volume-high",
    )
    yield control("stop", "button", "Stop", payload_press=PRESS, icon="mdi:stop")
    yield control("silence", "button", "Silence what rings", payload_press=PRESS, icon="mdi:bell-off")
    yield control(
        "talk", "button", "Talk", wanted=terms.talk, payload_press=PRESS, icon="mdi:microphone-message"
    )
    yield control("say", "text", "Say", min=1, max=SAY_CHARS, icon="mdi:message-text")
    yield control("announce", "notify", "Announce")


def _events(topics: Topics) -> Iterator[Entity]:
    kinds = {"conversation": CONVERSATION, "timer": TIMER, "button": BUTTON}
    for kind, types in kinds.items():
        config: dict[str, Any] = {"state_topic": topics.event(kind), "event_types": list(types)}
        if kind == "button":
            config["device_class"] = "button"
        yield Entity(key=f"{kind}_event", platform="event", name=kind.capitalize(), config=config)
