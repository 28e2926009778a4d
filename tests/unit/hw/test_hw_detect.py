"""Finding out which board is there, from trees of files that look like the kernel's."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hw.boards.board_files import load_all
from hw.boards.detect import Candidate, Detection, Traces, detect, read_traces
from hw.boards.i2c_probe import I2C_SLAVE, probe

BOARDS = load_all()


def found(evidence: Traces) -> Detection:
    return detect(BOARDS, evidence)


def put(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode())


# --- deciding


@pytest.mark.parametrize(
    ("evidence", "name"),
    [
        (Traces(hat="Raspberry Pi Codec Zero"), "codec-zero"),
        (Traces(hat="Pi-CodecZero", cards=("Zero",), i2c=(0x1A,)), "codec-zero"),
        (Traces(usb=("1d6b:0002", "2886:0019"), cards=("vc4hdmi", "Lite")), "respeaker-lite"),
        (Traces(usb=("2886:001a",), cards=("Array",)), "respeaker-xvf3800"),
        (Traces(cards=("vc4hdmi", "sndrpigooglevoi")), "aiy-voice-hat"),
        (Traces(cards=("aiyvoicebonnet",), i2c=(0x1A, 0x31, 0x52)), "aiy-voice-bonnet"),
        (Traces(hat="AIY Voice Bonnet"), "aiy-voice-bonnet"),
        (Traces(cards=("whisplaysound",), i2c=(0x1A,)), "whisplay"),
        (Traces(cards=("seeed4micvoicec",)), "respeaker-4mic"),
        (Traces(cards=("seeed2micvoicec",), i2c=(0x18,)), "respeaker-2mic-v2"),
        (Traces(cards=("Satellite1",)), "satellite1"),
    ],
)
def test_evidence_for_one_board_decides(evidence: Traces, name: str) -> None:
    assert found(evidence).board == name


def test_no_evidence_is_no_board() -> None:
    assert found(Traces(cards=("vc4hdmi", "Device"), usb=("1d6b:0002",))) == Detection(None, ())


def test_boards_that_cannot_be_told_apart_are_all_named_and_none_is_taken() -> None:
    detection = found(Traces(cards=("seeed2micvoicec",), i2c=(0x1A,)))
    assert detection.board is None
    names = {candidate.name for candidate in detection.candidates}
    assert names == {"respeaker-2mic-v1", "adafruit-voice-bonnet", "adafruit-braincraft"}


def test_an_address_alone_names_boards_and_decides_nothing() -> None:
    detection = found(Traces(i2c=(0x18,)))
    assert detection == Detection(None, (Candidate("respeaker-2mic-v2", ("I2C 0x18",)),))


def test_two_boards_at_once_are_not_decided_between() -> None:
    detection = found(Traces(hat="Pi-CodecZero", usb=("2886:0019",)))
    assert detection.board is None
    assert [candidate.name for candidate in detection.candidates] == ["codec-zero", "respeaker-lite"]


def test_reasons_are_given_in_words() -> None:
    (candidate,) = found(Traces(hat="Pi-CodecZero", cards=("Zero",), i2c=(0x1A,))).candidates
    assert candidate.because == ('HAT "Pi-CodecZero"', "sound card Zero", "I2C 0x1a")


# --- reading


def test_evidence_is_read_from_the_kernel_s_files(tmp_path: Path) -> None:
    put(tmp_path, "proc/device-tree/hat/product", "Pi-CodecZero\0")
    put(
        tmp_path,
        "proc/asound/cards",
        " 0 [vc4hdmi        ]: vc4-hdmi - vc4-hdmi\n      vc4-hdmi\n",
    )
    put(tmp_path, "sys/bus/usb/devices/1-1/idVendor", "2886\n")
    put(tmp_path, "sys/bus/usb/devices/1-1/idProduct", "0019\n")
    put(tmp_path, "sys/bus/usb/devices/1-1:1.0/bInterfaceClass", "01\n")
    put(tmp_path, "sys/bus/i2c/devices/1-001a/name", "da7213\n")
    put(tmp_path, "sys/bus/i2c/devices/20-0050/name", "edid\n")
    put(tmp_path, "sys/bus/i2c/devices/i2c-1/name", "bcm2835\n")
    assert read_traces(tmp_path) == Traces(
        hat="Pi-CodecZero", cards=("vc4hdmi",), usb=("2886:0019",), i2c=(0x1A,)
    )


def test_a_machine_that_shows_nothing_has_no_evidence(tmp_path: Path) -> None:
    assert read_traces(tmp_path) == Traces()


# --- the bus


class Bus:
    """An I²C bus on which devices answer, and others are held by a driver."""

    def __init__(self, answering: set[int], held: set[int]) -> None:
        self.answering = answering
        self.held = held
        self.asked = 0

    def ioctl(self, _bus: int, request: int, value: int | bytes) -> None:
        if request == I2C_SLAVE:
            assert isinstance(value, int)
            self.asked = value
            if value in self.held:
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        elif self.asked not in self.answering:
            raise OSError(errno.EREMOTEIO, os.strerror(errno.EREMOTEIO))


def test_who_answers_and_who_is_held_is_there(tmp_path: Path) -> None:
    (tmp_path / "i2c-1").touch()
    bus = Bus(answering={0x18}, held={0x1A})
    assert probe([0x18, 0x1A, 0x3B], tmp_path / "i2c-1", bus.ioctl) == {0x18, 0x1A}


def test_a_bus_that_cannot_be_opened_has_nobody(tmp_path: Path) -> None:
    assert probe([0x1A], tmp_path / "none") == set()


def test_the_bus_is_given_back(tmp_path: Path) -> None:
    (tmp_path / "i2c-1").touch()
    before = len(list(Path("/proc/self/fd").iterdir()))
    probe([0x1A], tmp_path / "i2c-1")  # a file is no bus: nobody answers
    assert len(list(Path("/proc/self/fd").iterdir())) == before
