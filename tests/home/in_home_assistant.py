"""What Home Assistant makes of three speakers: `scripts/check-home` runs this with Home Assistant's Python.

    in_home_assistant.py PORT BRIDGE_PID

Home Assistant's core runs here with nothing but its MQTT integration, which is not told of Conure. Three
speakers are at the broker: `one` and `two`, both called Kitchen, and `three`. BRIDGE_PID is the bridge of the
third, and is stopped.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from homeassistant import bootstrap, loader
from homeassistant.config_entries import ConfigEntries, ConfigEntry
from homeassistant.const import __version__
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import device_registry, entity_registry

PATIENCE_S = 20.0
FOLLOWS_S = 0.3
KEEPALIVE_S = 20.0
LEFT_OUT = ("http", "file_upload", "repairs")
"""What the integration would have for its pages; there are none here."""

SHOWN = {
    "sensor": 6, "binary_sensor": 4, "switch": 1, "number": 1, "button": 2, "text": 1, "notify": 1,
    "event": 3,
}  # fmt: skip
"""Entities of a speaker whose settings let nobody talk and tell nothing of what was said."""


async def start(folder: str, port: int) -> HomeAssistant:
    Path(folder, "configuration.yaml").write_text("")
    core = HomeAssistant(folder)
    core.config.skip_pip = True
    core.config_entries = ConfigEntries(core, {})
    loader.async_setup(core)
    await bootstrap.async_load_base_functionality(core)
    for name in LEFT_OUT:
        core.config.components.add(name)
    await core.config_entries.async_add(
        ConfigEntry(
            data={"broker": "127.0.0.1", "port": port, "protocol": "5", "discovery": True},
            discovery_keys=MappingProxyType({}), domain="mqtt", minor_version=2, options={}, source="user",
            subentries_data=None, title="broker", unique_id=None, version=1,
        )
    )  # fmt: skip
    core.set_state(CoreState.running)
    return core


async def until(what: str, true: Callable[[], Any], patience_s: float = PATIENCE_S) -> float:
    """After how long it was true. Ends the program where it does not become so."""
    began_s = time.monotonic()
    while not true():
        if time.monotonic() - began_s > patience_s:
            sys.exit(f"not within {patience_s:g} s: {what}")
        await asyncio.sleep(0.005)
    took_s = time.monotonic() - began_s
    print(f"{what}: {took_s * 1000:.0f} ms", flush=True)
    return took_s


class Speakers:
    """Their entities, by the speaker's id and the entity's key."""

    def __init__(self, core: HomeAssistant) -> None:
        self._hass = core
        self._entities = entity_registry.async_get(core)

    def of(self, speaker: str) -> dict[str, str]:
        """The entities' ids by their platform and key."""
        begin = f"conure_{speaker}_"
        return {
            entry.unique_id.removeprefix(begin): entry.entity_id
            for entry in self._entities.entities.values()
            if entry.unique_id.startswith(begin)
        }

    def state(self, speaker: str, key: str) -> str:
        found = self._hass.states.get(self.of(speaker).get(key, ""))
        return found.state if found else ""

    def shows(self, speaker: str, key: str, state: str) -> bool:
        return self.state(speaker, key) == state

    async def call(self, speaker: str, key: str, service: str, **data: Any) -> None:
        entity = self.of(speaker)[key]
        await self._hass.services.async_call(
            entity.partition(".")[0], service, {"entity_id": entity, **data}, blocking=True
        )


def check_entities(core: HomeAssistant, speakers: Speakers) -> None:
    for speaker in ("one", "two", "three"):
        entities = speakers.of(speaker).values()
        kinds = [entity.partition(".")[0] for entity in entities]
        found = {kind: kinds.count(kind) for kind in sorted(set(kinds))}
        if found != dict(sorted(SHOWN.items())):
            sys.exit(f"{speaker} has {found}, and not {SHOWN}")
    devices = device_registry.async_get(core).devices.values()
    names = sorted(device.name or "" for device in devices)
    if names != ["Bath", "Kitchen", "Kitchen"]:
        sys.exit(f"the devices are {names}")
    print("three devices with all their entities, two of one name; area of three:", end=" ")
    print({device.name: device.suggested_area for device in devices}["Bath"])


async def check_follows(speakers: Speakers) -> None:
    for percent in ("21", "42", "63"):
        await speakers.call("one", "volume", "set_value", value=percent)
        follows = partial(speakers.shows, "one", "volume", percent)
        took_s = await until(f"the volume is {percent}", follows)
        if took_s > FOLLOWS_S:
            sys.exit(f"a change took longer than {FOLLOWS_S:g} s")
        await asyncio.sleep(0.5)
    await speakers.call("one", "mute", "turn_on")
    await until("it is muted", lambda: speakers.state("one", "mute") == "on", 3.0)
    await speakers.call("one", "mute", "turn_off")
    await until("it is not muted", lambda: speakers.state("one", "mute") == "off", 3.0)
    await speakers.call("one", "say", "set_value", value="What is the time?")
    await until(
        "a conversation has begun", lambda: speakers.state("one", "conversation_event") != "unknown", 3.0
    )
    await until(
        "a turn is answered", lambda: speakers.state("one", "tokens_today") not in ("0", "unknown"), 10.0
    )
    if speakers.state("two", "volume") in ("21", "42", "63") or speakers.state("two", "mute") == "on":
        sys.exit("what one was told has reached the other of its name")


async def main(port: int, bridge: int) -> None:
    print("Home Assistant", __version__)
    with tempfile.TemporaryDirectory() as folder:
        core = await start(folder, port)
        speakers = Speakers(core)
        await until(
            "all are available",
            lambda: all(speakers.state(one, "state") == "idle" for one in ("one", "two", "three")),
        )
        await until("the last platform is there", lambda: "announce" in speakers.of("three"))
        check_entities(core, speakers)
        await check_follows(speakers)
        os.kill(bridge, signal.SIGSTOP)  # its connection stands still: only the keep-alive tells
        gone = "a speaker that fell silent is unavailable"
        await until(gone, lambda: speakers.state("three", "state") == "unavailable", 2 * KEEPALIVE_S)
        os.kill(bridge, signal.SIGCONT)
        await until("it is back", lambda: speakers.state("three", "state") == "idle")
        await core.async_stop()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
