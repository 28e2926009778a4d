"""Which sound devices there are, and which one a user means. Pure, but for reading the kernel's files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

CARDS = Path("/proc/asound/cards")
"""The kernel's list of sound cards."""

CAPTURE = "capture"
PLAYBACK = "playback"

ALTERNATIVE = "|"
"""Stands between several devices of which one will do."""


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
    usb: str = ""
    """`vendor:product` of a USB card, hexadecimal, such as "2886:0018"."""
    port: str = ""
    """The USB port that the card is plugged into, such as "1-1.2" (sysfs name of the USB device)."""


@dataclass(frozen=True, slots=True)
class UsbPlace:
    """Which USB device a card is, and where it is plugged in; both empty for a card that is none."""

    usb: str = ""
    port: str = ""


def read_cards(path: Path = CARDS) -> dict[int, str]:
    """Number and id of each sound card; none where the kernel has no sound system."""
    return parse_cards(cards_text(path))


def cards_text(path: Path = CARDS) -> str:
    """The kernel's list as it is: it changes when a card comes or goes. Empty without a sound system."""
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def parse_cards(text: str) -> dict[int, str]:
    """Number and id from lines such as " 1 [Device         ]: USB-Audio - USB PnP Sound Device"."""
    found = re.findall(r"^\s*(\d+) \[(\S+)\s*\]:", text, re.MULTILINE)
    return {int(number): card for number, card in found}


def read_usb_places(numbers: Iterable[int], root: Path = Path("/")) -> dict[int, UsbPlace]:
    """For each of these cards its USB device, as the kernel's files under `root` tell. Never raises."""
    return {number: _usb_place(number, root) for number in numbers}


def _usb_place(number: int, root: Path) -> UsbPlace:
    """The device of a USB card is one of its interfaces, called PORT:CONFIGURATION.INTERFACE (sysfs)."""
    try:
        usb = (root / f"proc/asound/card{number}/usbid").read_text("ascii", "replace").strip()
        interface = (root / f"sys/class/sound/card{number}/device").resolve().name
    except OSError:
        return UsbPlace()
    return UsbPlace(usb.lower(), interface.partition(":")[0])


def cards_meant(wanted: Iterable[str], root: Path = Path("/")) -> list[str]:
    """The cards that these words may mean, each as "ID VENDOR:PRODUCT PORT"; sorted. Never raises.

    A word that names no card (`default`, a part of a name) may mean any of them, so that all count.
    """
    cards = read_cards(root / CARDS.relative_to("/"))
    places = read_usb_places(cards, root)
    words = {
        word: {number for number in cards if word.casefold() in _names(cards[number], places[number])}
        for word in wanted
    }
    meant = set(cards) if any(not numbers for numbers in words.values()) else set().union(*words.values())
    return sorted(f"{cards[one]} {places[one].usb} {places[one].port}".rstrip() for one in meant)


def _names(card: str, place: UsbPlace) -> tuple[str, ...]:
    """The words that name one card and no other."""
    return (card.casefold(), f"usb:{place.usb}", f"usb-port:{place.port}")


def card_number(name: str) -> int | None:
    """The number of the card that a PortAudio name ending in "(hw:1,0)" means; None for what is no card."""
    found = re.search(r"\(hw:(\d+),\d+\)$", name)
    return int(found[1]) if found else None


def alternatives(wanted: str) -> list[str]:
    """The words of which one will do, best first."""
    return [word.strip() for word in wanted.split(ALTERNATIVE) if word.strip()]


def choose(devices: Mapping[int, DeviceInfo], wanted: str, kind: str) -> int | None:
    """The key of the device of this kind that `wanted` means, or None.

    In this order: `default`; `usb:VENDOR:PRODUCT`; `usb-port:PORT`; the id of a card; a whole name; a name
    with * or ? in the place of letters; a part of a name. Case does not matter; of several that fit equally,
    the first. `wanted` may list several, with | between them, best first.
    """
    found = (_choose_one(devices, word, kind) for word in alternatives(wanted))
    return next((key for key in found if key is not None), None)


def _choose_one(devices: Mapping[int, DeviceInfo], wanted: str, kind: str) -> int | None:
    word = wanted.casefold()
    candidates = {key: device for key, device in devices.items() if device.kind == kind}
    fits = (
        lambda device: word == "default" and device.default,
        lambda device: bool(device.usb) and word == f"usb:{device.usb}",
        lambda device: bool(device.port) and word == f"usb-port:{device.port}",
        lambda device: word == device.card.casefold(),
        lambda device: word == device.name.casefold(),
        lambda device: ("*" in word or "?" in word) and fnmatchcase(device.name.casefold(), word),
        lambda device: word in device.name.casefold(),
    )
    for fit in fits:
        for key, device in candidates.items():
            if fit(device):
                return key
    return None


def no_such_device(devices: Mapping[int, DeviceInfo], kind: str) -> str:
    """That none of these is the wanted one of this kind, in words, and which there are."""
    names = [
        f"{device.name!r}" + (f" (card {device.card})" if device.card else "")
        for device in devices.values()
        if device.kind == kind
    ]
    if not names:
        return f"there is no {kind} device at all"
    return f"there is no such {kind} device; there are: {', '.join(names)}"
