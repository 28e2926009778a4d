"""From a name to a board."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from hw import boards
from hw.base import Colour
from hw.boards import BoardSpec, GenericBoard, LightsSpec, NoLeds, build_board
from hw.gpio import ButtonSpec, GpioLeds

ROOT = Path(__file__).parents[1]


def test_a_name_makes_a_board() -> None:
    assert build_board("generic", BoardSpec()).name == "generic"
    assert build_board("simulated", BoardSpec()).name == "simulated"


def test_a_name_that_is_none_is_told_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"no board 'pi'; there are: auto, generic, simulated"):
        build_board("pi", BoardSpec())


@pytest.mark.parametrize(("sound", "name"), [(True, "generic"), (False, "simulated")])
def test_auto_is_what_the_machine_has(monkeypatch: pytest.MonkeyPatch, sound: bool, name: str) -> None:
    monkeypatch.setattr(boards, "has_sound_card", lambda: sound)
    assert build_board("auto", BoardSpec()).name == name


def test_the_simulated_board_takes_its_files_from_the_spec(tmp_path: Path) -> None:
    record = tmp_path / "heard.wav"
    board = build_board("simulated", BoardSpec(record_wav=record))
    board.open_speaker().close()
    assert record.exists()


def test_building_a_board_loads_no_vendor_s_library() -> None:
    code = (
        "import sys; from hw.boards import BoardSpec, build_board; build_board('generic', BoardSpec());"
        "print(sorted({'pyaudio', 'gpiozero', 'lgpio', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class TestGenericBoard:
    @pytest.fixture
    def pins(self) -> MockFactory:
        return MockFactory(pin_class=MockPWMPin)

    def test_without_button_and_lights_has_none(self) -> None:
        board = GenericBoard(BoardSpec())
        assert not board.has_button
        assert board.open_button(lambda pressed, at_s: None) is None
        leds = board.open_leds()
        assert isinstance(leds, NoLeds)
        leds.show([Colour()])
        leds.close()
        board.close()

    def test_opens_what_is_wired(self, pins: MockFactory) -> None:
        spec = BoardSpec(button=ButtonSpec(pin=17), lights=LightsSpec(kind="rgb", pins=(25, 24, 23)))
        board = GenericBoard(spec, pins)
        assert board.has_button
        button = board.open_button(lambda pressed, at_s: None)
        leds = board.open_leds()
        assert button is not None and isinstance(leds, GpioLeds)
        button.close()
        leds.close()
        board.close()

    def test_its_speaker_is_not_in_its_microphone_s_ear_only_by_luck(self) -> None:
        assert GenericBoard(BoardSpec()).echo_free is False
