"""Which sound devices there are, and which one a user means. Pure, but for reading the list of cards."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CARDS = Path("/proc/asound/cards")
"""The kernel's list of sound cards."""

CAPTURE = "capture"
PLAYBACK = "playback"


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device that can be named in the configuration, by `card` or by a part of `name`."""

    name: str
    """PortAudio's name, such as "USB Audio: - (hw:1,0)"."""
    kind: str
    """`capture` or `playback`; a device that does both is listed twice."""
    card: str
    """The ALSA card id, as in /proc/asound/cards; empty for what is no card (a plug-in, a sound server)."""
    default: bool
    """Whether this is what `default` stands for."""


def read_cards(path: Path = CARDS) -> dict[int, str]:
    """Number and id of each sound card; none where the kernel has no sound system."""
    try:
        return parse_cards(path.read_text("utf-8", "replace"))
    except OSError:
        return {}


def parse_cards(text: str) -> dict[int, str]:
    """Number and id from lines such as " 1 [Device         ]: USB-Audio - USB PnP Sound Device"."""
    found = re.findall(r"^\s*(\d+) \[(\S+)\s*\]:", text, re.MULTILINE)
    return {int(number): card for number, card in found}


def has_sound_card(environment: Mapping[str, str] = os.environ, path: Path = CARDS) -> bool:
    """Whether there is something to hear and speak with: a card, or a sound server that is named."""
    return bool(read_cards(path)) or bool(environment.get("PULSE_SERVER"))


def card_of(name: str, cards: Mapping[int, str]) -> str:
    """The id of the card that a PortAudio name ending in "(hw:1,0)" means; else empty."""
    found = re.search(r"\(hw:(\d+),\d+\)$", name)
    return cards.get(int(found[1]), "") if found else ""


def choose(devices: Mapping[int, DeviceInfo], wanted: str, kind: str) -> int | None:
    """The key of the device of this kind that `wanted` means, or None.

    In this order: `default`; the id of a card; a whole name; a part of a name. Case does not matter; of
    several that fit equally, the first.
    """
    word = wanted.casefold()
    candidates = {key: device for key, device in devices.items() if device.kind == kind}
    fits = (
        lambda device: word == "default" and device.default,
        lambda device: word == device.card.casefold(),
        lambda device: word == device.name.casefold(),
        lambda device: word in device.name.casefold(),
    )
    for fit in fits:
        for key, device in candidates.items():
            if fit(device):
                return key
    return None


def describe(devices: Mapping[int, DeviceInfo], kind: str) -> str:
    """The devices of a kind in words, for an error's message."""
    names = [
        f"{device.name!r}" + (f" (card {device.card})" if device.card else "")
        for device in devices.values()
        if device.kind == kind
    ]
    return "there are: " + ", ".join(names) if names else f"there is no {kind} device at all"
