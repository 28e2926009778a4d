"""The bridge to an MQTT broker, in the gateway's process; its library is loaded where there is a broker."""

from __future__ import annotations

import logging
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from daemon.config.settings import Settings
from daemon.control.remote.client import SpeakerDoor
from daemon.errors import ConfigError

if TYPE_CHECKING:
    from daemon.home.parts import HomeParts

log = logging.getLogger(__name__)


def home_of(settings: Settings, speaker: SpeakerDoor, page: str) -> HomeParts | None:
    """The bridge, if the settings name a broker; where it cannot be had, the page is served all the same."""
    if not settings.mqtt.host:
        return None
    if find_spec("aiomqtt") is None:
        log.warning("mqtt.host is set, and there is no aiomqtt: sudo scripts/install --with web,mqtt")
        return None
    from daemon.home.parts import build_home

    try:
        return build_home(settings, speaker, os.environ, page)
    except ConfigError as error:
        log.warning("the broker is not asked: %s", error)
        return None
