"""Naming sound devices."""

from __future__ import annotations

from pathlib import Path

import pytest

from hw.sound.cards import (
    CAPTURE,
    PLAYBACK,
    DeviceInfo,
    UsbPlace,
    card_number,
    cards_meant,
    choose,
    no_such_device,
    parse_cards,
    read_usb_places,
)

PI = """\
 0 [Headphones     ]: bcm2835_headpho - bcm2835 Headphones
                      bcm2835 Headphones
 2 [seeed2micvoicec]: seeed2micvoicec - seeed2micvoicec
                      seeed2micvoicec
10 [Device         ]: USB-Audio - USB PnP Sound Device
                      C-Media Electronics Inc. USB PnP Sound Device at usb-1, full speed
"""

DEVICES = {
    0: DeviceInfo("USB PnP Sound Device: Audio (hw:10,0)", CAPTURE, "Device", False),
    1: DeviceInfo("USB PnP Sound Device: Audio (hw:10,0)", PLAYBACK, "Device", False),
    2: DeviceInfo("bcm2835 Headphones: - (hw:0,0)", PLAYBACK, "Headphones", False),
    3: DeviceInfo("device of mine", CAPTURE, "", False),
    4: DeviceInfo("default", CAPTURE, "", True),
    5: DeviceInfo("dmix", PLAYBACK, "", True),
}


def test_the_kernel_s_list_gives_number_and_id() -> None:
    assert parse_cards(PI) == {0: "Headphones", 2: "seeed2micvoicec", 10: "Device"}


def test_no_cards_is_no_card() -> None:
    assert parse_cards("--- no soundcards ---\n") == {}


@pytest.mark.parametrize(
    ("name", "number"),
    [("USB PnP Sound Device: Audio (hw:10,0)", 10), ("bcm2835 Headphones: - (hw:0,0)", 0), ("pulse", None)],
)
def test_a_portaudio_name_leads_to_its_card(name: str, number: int | None) -> None:
    assert card_number(name) == number


@pytest.mark.parametrize(
    ("wanted", "kind", "key"),
    [
        ("default", CAPTURE, 4),
        ("default", PLAYBACK, 5),  # whatever its name is
        ("Device", CAPTURE, 0),  # the card comes before the part of a name
        ("Device", PLAYBACK, 1),
        ("headphones", PLAYBACK, 2),
        ("headphones", CAPTURE, None),
        ("usb pnp", CAPTURE, 0),
        ("dmix", PLAYBACK, 5),
        ("of mine", CAPTURE, 3),
        ("nonsense", CAPTURE, None),
    ],
)
def test_a_word_means_a_device(wanted: str, kind: str, key: int | None) -> None:
    assert choose(DEVICES, wanted, kind) == key


def test_a_whole_name_comes_before_a_part_of_one() -> None:
    devices = {
        0: DeviceInfo("pulse monitor", CAPTURE, "", False),
        1: DeviceInfo("pulse", CAPTURE, "", False),
    }
    assert choose(devices, "pulse", CAPTURE) == 1


def test_a_message_lists_the_devices_of_a_kind() -> None:
    words = no_such_device(DEVICES, PLAYBACK)
    assert words.startswith("there is no such playback device; there are: ")
    assert "'bcm2835 Headphones: - (hw:0,0)' (card Headphones)" in words
    assert "of mine" not in words
    assert no_such_device({}, CAPTURE) == "there is no capture device at all"


USB = {
    0: DeviceInfo("Array: USB Audio (hw:1,0)", CAPTURE, "Array", False, "2886:0018", "1-1.2"),
    1: DeviceInfo("Array: USB Audio (hw:2,0)", CAPTURE, "Array_1", False, "2886:0018", "1-1.3"),
    2: DeviceInfo("default", CAPTURE, "", True),
}


@pytest.mark.parametrize(
    ("wanted", "key"),
    [
        ("usb:2886:0018", 0),
        ("USB:2886:0018", 0),
        ("usb-port:1-1.3", 1),  # of two alike, the one in that port
        ("usb:1234:5678", None),
        ("usb-port:1-1", None),  # the hub is no device
        ("usb:1234:5678|Array_1|default", 1),
        ("nonsense | default", 2),
        ("array*2,0)", 1),
        ("?efault", 2),
        ("|", None),
    ],
)
def test_a_usb_device_is_named_by_what_it_is_or_where_it_is(wanted: str, key: int | None) -> None:
    assert choose(USB, wanted, CAPTURE) == key


def test_the_kernel_tells_which_usb_device_a_card_is(tmp_path: Path) -> None:
    """As on a Pi: the card's device is an interface of the USB device in port 1-1.2."""
    interface = tmp_path / "sys/devices/platform/soc/usb1/1-1/1-1.2/1-1.2:1.0"
    for folder in (interface, tmp_path / "sys/class/sound/card1", tmp_path / "proc/asound/card1"):
        folder.mkdir(parents=True)
    (tmp_path / "proc/asound/card1/usbid").write_text("2886:0018\n", "ascii")
    (tmp_path / "sys/class/sound/card1/device").symlink_to(interface)
    assert read_usb_places([0, 1], tmp_path) == {0: UsbPlace(), 1: UsbPlace("2886:0018", "1-1.2")}


@pytest.mark.parametrize(
    ("wanted", "cards"),
    [
        (["default"], ["Device 0d8c:0014 1-1.2", "Headphones"]),
        (["USB Audio"], ["Device 0d8c:0014 1-1.2", "Headphones"]),
        (["device"], ["Device 0d8c:0014 1-1.2"]),
        (["usb:0d8c:0014"], ["Device 0d8c:0014 1-1.2"]),
        (["usb-port:1-1.2", "Headphones"], ["Device 0d8c:0014 1-1.2", "Headphones"]),
        (["Headphones", "default"], ["Device 0d8c:0014 1-1.2", "Headphones"]),
        ([], []),
    ],
)
def test_a_word_that_names_a_card_means_it_and_any_other_word_all(
    tmp_path: Path, wanted: list[str], cards: list[str]
) -> None:
    assert cards_meant(wanted, tmp_path) == [], "there is no sound system"
    (tmp_path / "proc/asound/card1").mkdir(parents=True)
    (tmp_path / "proc/asound/cards").write_text(
        " 0 [Headphones     ]: bcm2835 - Headphones\n 1 [Device         ]: USB-Audio - USB PnP Sound Device\n"
    )
    (tmp_path / "proc/asound/card1/usbid").write_text("0d8c:0014\n")
    port = tmp_path / "sys/devices/1-1.2/1-1.2:1.0"
    port.mkdir(parents=True)
    (tmp_path / "sys/class/sound/card1").mkdir(parents=True)
    (tmp_path / "sys/class/sound/card1/device").symlink_to(port)
    assert cards_meant(wanted, tmp_path) == cards
