"""From a name to a board."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin
from places import ROOT

from hw.base import Board, Colour, LedError, MicError, SpeakerError
from hw.build import BoardSpec, NoLeds, RealBoard, build_board
from hw.gpio.gpio import ButtonSpec, GpioLeds
from hw.lights.kinds import Lights
from hw.sound.cards import CAPTURE, PLAYBACK


def test_a_name_makes_a_board() -> None:
    assert build_board("generic", BoardSpec()).name == "generic"
    assert build_board("simulated", BoardSpec()).name == "simulated"


def test_the_simulated_board_takes_its_files_from_the_spec(tmp_path: Path) -> None:
    record = tmp_path / "heard.wav"
    board = build_board("simulated", BoardSpec(record_wav=record))
    board.open_speaker().close()
    assert record.exists()


class TestPartlySimulated:
    """A real board that lacks one of its sound devices, with a button on GPIO 17."""

    @pytest.fixture
    def pins(self) -> MockFactory:
        return MockFactory(pin_class=MockPWMPin)

    def board(self, pins: MockFactory, *missing: str) -> Board:
        spec = BoardSpec(
            speaker="no such device", mic="no such device",
            button=ButtonSpec(pin=17, debounce_s=0), missing=frozenset(missing),
        )  # fmt: skip
        return build_board("generic", spec, pins)

    def test_without_a_microphone_somebody_speaks_and_presses(self, pins: MockFactory) -> None:
        board, edges = self.board(pins, CAPTURE), SimpleQueue[bool]()
        with closing(board.open_mic()) as mic:
            assert board.stage is not None
            sentence = board.stage.speak()
            heard = b"".join(mic.read() for _ in range(10))
            assert len(heard) <= len(sentence) and any(heard)
        button = board.open_button(lambda pressed, _at_s: edges.put(pressed))
        assert button is not None
        board.stage.tap()
        pins.pin(17).drive_low()
        assert [edges.get(timeout=5) for _ in range(3)] == [True, False, True]
        button.close()
        board.stage.tap()
        assert edges.empty()
        assert board.stage.heard() is None
        with pytest.raises(SpeakerError):
            board.open_speaker()
        board.close()

    def test_without_a_speaker_the_room_is_heard_and_nobody_acts(self, pins: MockFactory) -> None:
        board = self.board(pins, PLAYBACK)
        board.open_speaker().close()
        assert board.stage is None and board.has_button and board.hardware_volume is None
        with pytest.raises(MicError):
            board.open_mic()
        button = board.open_button(lambda _pressed, _at_s: None)
        assert button is not None
        button.close()
        board.close()

    def test_without_both_the_board_is_simulated(self, pins: MockFactory) -> None:
        assert self.board(pins, CAPTURE, PLAYBACK).name == "simulated"


def test_building_a_board_loads_no_vendor_s_library() -> None:
    code = (
        "import sys; from hw.build import BoardSpec, build_board; build_board('generic', BoardSpec());"
        "print(sorted({'pyaudio', 'gpiozero', 'lgpio', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(Path("/dev/gpiochip0").exists(), reason="this machine has GPIO")
@pytest.mark.parametrize(
    ("opening", "device"),
    [("open_button(print)", "ButtonError GPIO 17: "), ("open_leds()", "LedError GPIO 25, 24, 23: ")],
)
def test_without_gpio_the_error_names_the_pin(tmp_path: Path, opening: str, device: str) -> None:
    code = (
        "from hw.base import DeviceError; from hw.build import *; from hw.gpio.gpio import ButtonSpec\n"
        "lights = Lights(kind='rgb', pins=(25, 24, 23))\n"
        "board = RealBoard('generic', BoardSpec(button=ButtonSpec(pin=17), lights=lights))\n"
        f"try: board.{opening}\n"
        "except DeviceError as error: print(type(error).__name__, error, error.permanent)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(device)
    assert "no GPIO here" in done.stdout and done.stdout.endswith("True\n")


class TestRealBoard:
    @pytest.fixture
    def pins(self) -> MockFactory:
        return MockFactory(pin_class=MockPWMPin)

    def test_without_button_and_lights_has_none(self) -> None:
        board = RealBoard("generic", BoardSpec())
        assert not board.has_button
        assert board.open_button(lambda pressed, at_s: None) is None
        leds = board.open_leds()
        assert isinstance(leds, NoLeds)
        leds.show([Colour()])
        leds.close()
        board.close()

    def test_opens_what_is_wired(self, pins: MockFactory) -> None:
        spec = BoardSpec(button=ButtonSpec(pin=17), lights=Lights(kind="rgb", pins=(25, 24, 23)))
        board = RealBoard("generic", spec, pins)
        assert board.has_button
        button = board.open_button(lambda pressed, at_s: None)
        leds = board.open_leds()
        assert button is not None and isinstance(leds, GpioLeds)
        button.close()
        leds.close()
        board.close()

    @pytest.mark.parametrize(
        ("kind", "wired", "message"),
        [
            ("led", (25, 24, 23), 'lights.pins: .*"led" need one pin'),
            ("rgb", (25,), 'lights.pins: .*"rgb" need three pins: red, green, blue'),
            ("dotstar", (5,), 'lights.pins: .*"dotstar" need two pins: data, clock'),
            ("rgbb", (25,), 'no lights of the kind "rgbb"'),
        ],
    )
    def test_lights_that_do_not_fit_their_pins_are_an_error(
        self, pins: MockFactory, kind: str, wired: tuple[int, ...], message: str
    ) -> None:
        board = RealBoard("generic", BoardSpec(lights=Lights(kind=kind, pins=wired)), pins)
        with pytest.raises(LedError, match=message) as caught:
            board.open_leds()
        assert caught.value.permanent

    def test_its_speaker_is_not_in_its_microphone_s_ear_only_by_luck(self) -> None:
        assert RealBoard("generic", BoardSpec()).echo_free is False

    def test_says_that_its_hardware_cancels_echoes(self) -> None:
        assert RealBoard("respeaker-lite", BoardSpec(echo_free=True)).echo_free
