"""The bridge to the broker, put together from the settings: in the gateway's process, or alone."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from daemon.config.broker_password import load_password
from daemon.config.settings import Settings
from daemon.control.remote.client import SpeakerDoor
from daemon.errors import ConfigError
from daemon.home.bridge import Connect, HomeBridge, Household
from daemon.home.broker import PORT, TLS_PORT, BrokerAddress, IncomingCount, connected, tls_context
from daemon.home.discovery import Identity
from daemon.home.entities import HouseTerms
from daemon.home.topics import Topics, id_of

MACHINE_ID = Path("/etc/machine-id")


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeParts:
    """The bridge, and what it counts."""

    bridge: HomeBridge
    incoming: IncomingCount

    def counters(self) -> dict[str, int]:
        """All of it."""
        return self.bridge.counters() | self.incoming.counters()


def build_home(settings: Settings, speaker: SpeakerDoor, env: Mapping[str, str], page: str = "") -> HomeParts:
    """The bridge, connected with nothing yet; `page` is the address of the speaker's page, if it has one.

    Raises ConfigError where the password, the certificates or the id cannot be had.
    """
    address = broker_address(settings, env)
    house = Household(
        topics=topics_of(settings),
        identity=partial(_identity, settings, page),
        terms=HouseTerms(
            talk=settings.mqtt.talk,
            transcripts=settings.mqtt.transcripts,
            max_volume=settings.sound.max_volume,
        ),
    )
    connect: Connect = partial(connected, address)
    return HomeParts(bridge=HomeBridge(house, speaker, connect), incoming=address.incoming)


def broker_address(settings: Settings, env: Mapping[str, str]) -> BrokerAddress:
    """Where the broker is, with the password. Raises ConfigError."""
    mqtt = settings.mqtt
    if not mqtt.host:
        raise ConfigError(['there is no broker: set mqtt.host, such as "homeassistant.local"'])
    return BrokerAddress(
        host=mqtt.host,
        port=mqtt.port or (TLS_PORT if mqtt.tls else PORT),
        client=topics_of(settings).node,
        user=mqtt.user,
        password=load_password(mqtt, env),
        tls=tls_context(mqtt.ca_file) if mqtt.tls else None,
    )


def topics_of(settings: Settings, machine_id: Path = MACHINE_ID) -> Topics:
    """The speaker's topics. Raises ConfigError where nothing tells its id."""
    return Topics(
        id=settings.device.id or _machine_id(machine_id),
        discovery_prefix=settings.mqtt.discovery,
        room=settings.device.room,
    )


def _machine_id(path: Path) -> str:
    try:
        machine = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        machine = ""
    if not machine:
        raise ConfigError([f'{path} tells nothing: set device.id to a word of your own, such as "kitchen"'])
    return id_of(machine)


def _identity(settings: Settings, page: str, board: str, version: str) -> Identity:
    name = settings.device.name or socket.gethostname().partition(".")[0]
    return Identity(name=name, room=settings.device.room, board=board, version=version, page=page)
