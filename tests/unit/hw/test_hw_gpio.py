"""Button and LEDs, on gpiozero's mock pins."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gpiozero import PinUnknownPi
from gpiozero.pins.local import LocalPiFactory
from gpiozero.pins.mock import MockFactory, MockPin, MockPWMPin
from places import ROOT

from hw.base import ButtonError, Colour, LedError
from hw.gpio.debounce import Debouncer
from hw.gpio.gpio import ButtonSpec, GpioButton, GpioLeds, close_pin_factory, closed_chip, duties, explain

PATIENCE_S = 10.0
DEBOUNCE_S = 0.02

Edges = queue.SimpleQueue[tuple[bool, float]]


class LgpioError(Exception):
    """What lgpio raises: its words are its `value`, and its text is their repr."""

    def __init__(self, value: str) -> None:
        self.value = value

    def __str__(self) -> str:
        return repr(self.value)


class Chip(MockFactory):  # type: ignore[misc]  # gpiozero has no types
    """Of one test: what another test has left to the garbage collector must not fail with its lines."""

    fails = ""
    """What every use of its lines fails with, until it is empty again."""


class Line(MockPWMPin):  # type: ignore[misc]  # gpiozero has no types
    """A mock line that behaves like lgpio's where the mock is kinder, and fails when told to."""

    def __init__(self, factory: Any, info: Any) -> None:
        self._chip = factory
        self.levels: list[float] = []
        self.events_wanted = False
        self._fail()
        super().__init__(factory, info)

    def tell(self, at_s: float, level: int) -> None:
        """The kernel's news of a change, which may come late."""
        self._state = bool(level)
        super(MockPin, self)._call_when_changed(at_s, level)

    def close(self) -> None:
        self._fail()
        self.function = "input"  # which is all that lgpio's does

    def _fail(self) -> None:
        if self._chip.fails:
            raise LgpioError(self._chip.fails)

    def _get_state(self) -> Any:
        self._fail()
        return super()._get_state()

    def _set_function(self, value: str) -> None:
        super()._set_function(value)
        if value == "output":
            self._put(0.0)  # lgpio claims an output at the low level

    def _set_frequency(self, value: int | None) -> None:
        self._frequency = value  # lgpio leaves the level as it is until the first cycle, and after the last

    def _set_state(self, value: float) -> None:
        self._fail()
        super()._set_state(value)
        self._put(value)

    def _put(self, level: float) -> None:
        self._change_state(level)
        self.levels.append(level)

    def _enable_event_detect(self) -> None:
        self.events_wanted = True

    def _disable_event_detect(self) -> None:
        self.events_wanted = False


@pytest.fixture
def pins(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chip]:
    monkeypatch.setitem(sys.modules, "lgpio", SimpleNamespace(error=LgpioError))
    factory = Chip(pin_class=Line)
    yield factory
    factory.fails = ""
    factory.reset()


@pytest.fixture
def edges() -> Edges:
    return queue.SimpleQueue()


@pytest.fixture
def open_button(pins: Chip, edges: Edges) -> Iterator[Callable[..., Any]]:
    """Opens a button and gives its pin."""
    opened: list[GpioButton] = []

    def open_it(**wiring: Any) -> Any:
        spec = ButtonSpec(pin=17, debounce_s=DEBOUNCE_S, **wiring)
        opened.append(GpioButton(spec, lambda pressed, at_s: edges.put((pressed, at_s)), pins))
        return pins.pin(17)

    yield open_it
    for button in opened:
        button.close()


class TestButton:
    def test_tells_press_and_release_with_the_time_of_each(
        self, open_button: Callable[..., Any], edges: Edges
    ) -> None:
        pin = open_button()
        before_s = time.monotonic()
        pin.drive_low()
        after_s = time.monotonic()
        pressed, at_s = edges.get(timeout=PATIENCE_S)
        assert pressed and before_s <= at_s <= after_s
        pin.drive_high()
        released, later_s = edges.get(timeout=PATIENCE_S)
        assert not released and later_s > at_s

    @pytest.mark.parametrize(
        ("pull", "active", "rests_pressed"),
        [
            ("up", "low", False),
            ("up", "high", True),
            ("down", "high", False),
            ("down", "low", True),
            ("none", "high", False),
            ("none", "low", True),  # a mock line that nothing pulls is low
        ],
    )
    def test_is_pressed_at_the_level_that_its_wiring_says(
        self, open_button: Callable[..., Any], edges: Edges, pull: str, active: str, rests_pressed: bool
    ) -> None:
        pin = open_button(pull=pull, active=active)
        press, release = pin.drive_low, pin.drive_high
        if active == "high":
            press, release = release, press
        if rests_pressed:
            release()
            assert edges.get(timeout=PATIENCE_S)[0] is False
        press()
        assert edges.get(timeout=PATIENCE_S)[0] is True

    def test_hears_bounces_as_one_press(self, open_button: Callable[..., Any], edges: Edges) -> None:
        pin = open_button()
        for _ in range(5):
            pin.drive_low()
            pin.drive_high()
        pin.drive_low()
        assert edges.get(timeout=PATIENCE_S)[0] is True
        with pytest.raises(queue.Empty):
            edges.get(timeout=5 * DEBOUNCE_S)

    def test_tap_that_is_heard_of_late_is_told_with_its_times(
        self, open_button: Callable[..., Any], edges: Edges
    ) -> None:
        """As after a stall of the machine: both changes are there at once, and long past."""
        pin = open_button()
        pressed_s = time.monotonic() - 0.200
        pin.tell(pressed_s, 0)
        pin.tell(pressed_s + 0.080, 1)
        assert edges.get(timeout=PATIENCE_S) == (True, pressed_s)
        assert edges.get(timeout=PATIENCE_S) == (False, pressed_s + 0.080)

    def test_press_after_noise_has_the_time_of_the_press(
        self, open_button: Callable[..., Any], edges: Edges
    ) -> None:
        pin = open_button()
        noise_s = time.monotonic() - 0.100
        pin.tell(noise_s, 0)
        pin.tell(noise_s + 0.001, 1)
        pin.tell(noise_s + 0.015, 0)
        assert edges.get(timeout=PATIENCE_S) == (True, noise_s + 0.015)

    def test_times_are_those_of_the_daemon_s_clock(self) -> None:
        """What gpiozero's local factories count in, which `GpioButton` relies on."""
        before_s = time.monotonic()
        assert before_s <= LocalPiFactory.ticks() <= time.monotonic()

    def test_ignores_a_spike(self, open_button: Callable[..., Any], edges: Edges) -> None:
        pin = open_button()
        pin.drive_low()
        pin.drive_high()
        with pytest.raises(queue.Empty):
            edges.get(timeout=5 * DEBOUNCE_S)

    def test_says_nothing_after_it_was_closed(self, pins: Chip, edges: Edges) -> None:
        spec = ButtonSpec(pin=17, debounce_s=DEBOUNCE_S)
        button = GpioButton(spec, lambda pressed, at_s: edges.put((pressed, at_s)), pins)
        pin = pins.pin(17)
        pin.drive_low()
        button.close()
        pin.drive_low()
        with pytest.raises(queue.Empty):
            edges.get(timeout=5 * DEBOUNCE_S)

    def test_a_change_that_is_under_way_when_it_is_closed_is_not_told(self, pins: Chip, edges: Edges) -> None:
        spec = ButtonSpec(pin=17, debounce_s=DEBOUNCE_S)
        button = GpioButton(spec, lambda pressed, at_s: edges.put((pressed, at_s)), pins)
        on_change = pins.pin(17).when_changed
        button.close()
        on_change(1.0, 0)
        on_change(2.0, 1)
        assert edges.empty()

    def test_may_be_closed_by_its_own_callback(self, pins: Chip, edges: Edges) -> None:
        def close(pressed: bool, at_s: float) -> None:
            button.close()
            edges.put((pressed, at_s))

        button = GpioButton(ButtonSpec(pin=17, debounce_s=DEBOUNCE_S), close, pins)
        pins.pin(17).drive_low()
        assert edges.get(timeout=PATIENCE_S)[0] is True
        button.close()

    def test_line_can_be_opened_again_and_hears_again(
        self, open_button: Callable[..., Any], pins: Chip, edges: Edges
    ) -> None:
        spec = ButtonSpec(pin=17, debounce_s=DEBOUNCE_S)
        GpioButton(spec, lambda pressed, at_s: None, pins).close()
        assert not pins.pin(17).events_wanted
        pin = open_button()
        assert pin.events_wanted
        pin.drive_low()
        assert edges.get(timeout=PATIENCE_S)[0] is True

    def test_closing_never_raises_and_may_be_done_twice(self, pins: Chip) -> None:
        button = GpioButton(ButtonSpec(pin=17), lambda pressed, at_s: None, pins)
        pins.fails = "GPIO busy"
        button.close()
        button.close()
        pins.fails = ""

    @pytest.mark.parametrize(
        ("spec", "message", "permanent"),
        [
            (ButtonSpec(pin=99), "GPIO 99: .*BCM numbers", True),
            (ButtonSpec(pin=2, pull="down"), "GPIO 2: .*resistor on the board", True),
            (ButtonSpec(pin=23), "GPIO 23: .*another device of this program", True),
        ],
    )
    def test_line_that_cannot_be_had_is_an_error_that_says_why(
        self, pins: Chip, spec: ButtonSpec, message: str, permanent: bool
    ) -> None:
        first = GpioButton(ButtonSpec(pin=23), lambda pressed, at_s: None, pins)
        with pytest.raises(ButtonError, match=message) as caught:
            GpioButton(spec, lambda pressed, at_s: None, pins)
        assert caught.value.permanent is permanent
        first.close()

    @pytest.mark.parametrize("claimed_before", [False, True])
    def test_line_that_was_busy_can_be_opened_while_the_first_error_is_kept(
        self, pins: Chip, claimed_before: bool
    ) -> None:
        """Neither the error nor its causes keep the half-made device, and with it the line."""
        if claimed_before:  # then the claim succeeds, and reading the level at the start fails
            GpioButton(ButtonSpec(pin=17), lambda pressed, at_s: None, pins).close()
        pins.fails = "GPIO busy"
        with pytest.raises(ButtonError, match=r"GPIO 17: .*another program") as kept:
            GpioButton(ButtonSpec(pin=17), lambda pressed, at_s: None, pins)
        assert not kept.value.permanent
        pins.fails = ""
        GpioButton(ButtonSpec(pin=17), lambda pressed, at_s: None, pins).close()


class TestDebouncer:
    def test_an_edge_counts_once_it_has_lasted_and_has_the_time_of_its_last_change(self) -> None:
        contact = Debouncer(0.02, pressed=False)
        assert contact.changed(True, 1.000) is None
        assert contact.changed(False, 1.004) is None
        assert contact.changed(True, 1.006) is None
        assert contact.due_s == pytest.approx(1.026)
        assert contact.settle(1.020) is None
        assert contact.settle(1.026) == (True, 1.006)
        assert contact.due_s is None
        assert contact.settle(9.0) is None

    def test_a_level_counts_if_the_next_change_shows_that_it_lasted(self) -> None:
        contact = Debouncer(0.03, pressed=False)
        assert contact.changed(True, 0.0) is None
        assert contact.changed(False, 0.080) == (True, 0.0)
        assert contact.settle(0.109) is None
        assert contact.settle(0.110) == (False, 0.080)

    def test_a_level_that_came_back_is_no_edge(self) -> None:
        contact = Debouncer(0.02, pressed=False)
        assert contact.changed(True, 1.0) is None
        assert contact.changed(False, 1.001) is None
        assert contact.due_s is None
        assert contact.settle(1.03) is None

    def test_without_a_debounce_time_every_edge_counts(self) -> None:
        contact = Debouncer(0.0, pressed=False)
        contact.changed(True, 1.0)
        assert contact.settle(1.0) == (True, 1.0)


class TestLeds:
    def test_one_led_shows_the_strongest_channel_below_the_limit(self, pins: Chip) -> None:
        leds = GpioLeds([22], 0.5, pins)
        leds.show([Colour(blue=255)])
        assert pins.pin(22).state == pytest.approx(0.5)
        leds.show([Colour()])
        assert pins.pin(22).state == 0
        leds.close()

    def test_three_leds_show_the_colour(self, pins: Chip) -> None:
        leds = GpioLeds([25, 24, 23], 1.0, pins)
        leds.show([Colour(255, 51, 0)])
        assert [pins.pin(pin).state for pin in (25, 24, 23)] == pytest.approx([1.0, 0.2, 0.0])
        leds.close()

    def test_active_low_leds_are_dark_at_the_high_level(self, pins: Chip) -> None:
        leds = GpioLeds([22], 1.0, pins, active_high=False)
        assert pins.pin(22).state == 1
        leds.show([Colour(red=255)])
        assert pins.pin(22).state == 0
        leds.close()

    def test_what_is_lit_is_never_dark(self) -> None:
        assert duties(Colour(blue=1), 0.01, 3) == (0.0, 0.0, 0.01)
        assert duties(Colour(blue=1), 0.01, 1) == (0.01,)
        assert duties(Colour(), 1.0, 3) == (0.0, 0.0, 0.0)

    def test_two_pins_make_no_light(self, pins: Chip) -> None:
        with pytest.raises(LedError, match="one pin, or three") as caught:
            GpioLeds([1, 2], 1.0, pins)
        assert caught.value.permanent

    def test_a_pin_that_is_in_use_is_an_error_and_holds_none_of_the_others(self, pins: Chip) -> None:
        first = GpioLeds([23], 1.0, pins)
        with pytest.raises(LedError, match=r"GPIO 23: .*another device of this program"):
            GpioLeds([25, 24, 23], 1.0, pins)
        GpioLeds([25], 1.0, pins).close()
        first.close()

    def test_a_pin_that_was_busy_can_be_opened_while_the_first_error_is_kept(self, pins: Chip) -> None:
        pins.fails = "GPIO busy"
        with pytest.raises(LedError, match=r"GPIO 22: .*another program") as kept:
            GpioLeds([22], 1.0, pins)
        pins.fails = ""
        GpioLeds([22], 1.0, pins).close()
        assert not kept.value.permanent

    def test_active_low_leds_stay_dark_until_they_are_shown_something(self, pins: Chip) -> None:
        """lgpio claims a line low; what follows at once must make it dark, before a cycle of PWM begins."""
        leds = GpioLeds([22], 1.0, pins, active_high=False)
        pin = pins.pin(22)
        assert pin.levels == [0.0, 1.0]
        assert pin.frequency is None
        leds.show([Colour(red=51)])
        assert pin.state == pytest.approx(0.8)
        leds.close()
        assert pin.levels == pytest.approx([0.0, 1.0, 0.8, 1.0])

    def test_only_what_is_dimmed_needs_pulses(self, pins: Chip) -> None:
        leds = GpioLeds([22], 1.0, pins)
        pin = pins.pin(22)
        dimmed = []
        for red in (0, 51, 255, 102, 0):
            leds.show([Colour(red=red)])
            dimmed.append(pin.frequency is not None)
        assert dimmed == [False, True, False, True, False]
        leds.close()

    def test_a_line_that_fails_is_an_error_and_closing_it_is_none(self, pins: Chip) -> None:
        leds = GpioLeds([22], 1.0, pins)
        leds.show([Colour(red=255)])
        pins.fails = "GPIO busy"
        with pytest.raises(LedError, match="GPIO 22"):
            leds.show([Colour(red=51)])
        leds.close()
        leds.close()
        pins.fails = ""

    def test_showing_after_closing_is_an_error(self, pins: Chip) -> None:
        leds = GpioLeds([22], 1.0, pins)
        leds.close()
        with pytest.raises(LedError, match="GPIO 22"):
            leds.show([Colour(red=255)])

    def test_closing_makes_them_dark(self, pins: Chip) -> None:
        leds = GpioLeds([22], 1.0, pins)
        leds.show([Colour(255, 255, 255)])
        pin = pins.pin(22)
        leds.close()
        assert pin.state == 0


def outcome_of(code: str, folder: Path, **env: str) -> str:
    """What the code prints, run in `folder` in a process of its own, since lgpio stays once it is loaded."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **env}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True, check=True
    )
    return done.stdout


OPEN = """
import os, sys, tempfile
from hw.gpio.gpio import DeviceError, open_pin_factory
def attempt():
    try:
        open_pin_factory()
    except DeviceError as error:
        print(error.permanent, error)
"""


class TestOpening:
    def test_lgpio_neither_moves_the_process_nor_leaves_a_file(self, tmp_path: Path) -> None:
        home, temporary = tmp_path / "home", tmp_path / "temporary"
        home.mkdir()
        temporary.mkdir()
        where = "attempt(); print('lgpio' in sys.modules, os.getcwd())"
        told = outcome_of(OPEN + where, home, TMPDIR=str(temporary))
        assert told.splitlines()[-1] == f"True {home}"
        assert not [*home.iterdir(), *temporary.iterdir()]

    def test_without_a_temporary_folder_is_an_error_that_may_pass(self, tmp_path: Path) -> None:
        told = outcome_of(OPEN + f"tempfile.tempdir = {str(tmp_path / 'none')!r}; attempt()", tmp_path)
        assert told.startswith("False GPIO: ")
        assert "temporary folder" in told

    def test_a_folder_that_lgpio_was_told_to_use_and_cannot_is_an_error(self, tmp_path: Path) -> None:
        told = outcome_of(OPEN + "attempt()", tmp_path, LG_WD=str(tmp_path / "none"))
        assert told.startswith("False GPIO: ")
        assert ".lgd-nfy" in told

    @pytest.mark.parametrize("module", ["", "raise ImportError('No module named lgpio')"])
    def test_lgpio_that_is_an_empty_stub_or_missing_is_a_permanent_error(
        self, tmp_path: Path, module: str
    ) -> None:
        (tmp_path / "lgpio.py").write_text(module)
        told = outcome_of(OPEN + "attempt(); attempt()", tmp_path, PYTHONPATH=f"{tmp_path}:{ROOT}")
        assert [line.startswith("True GPIO: ") for line in told.splitlines()] == [True, True]
        assert "0.0.0.2" in told

    def test_no_chip_is_no_gpio(self, tmp_path: Path) -> None:
        words, permanent = closed_chip(tmp_path)
        assert permanent and "no GPIO here" in words

    def test_forbidden_chip_names_the_group(self, tmp_path: Path) -> None:
        (tmp_path / "gpiochip0").touch()
        words, permanent = closed_chip(tmp_path, lambda path, mode: False)
        assert permanent and "group gpio" in words and "gpiochip0" in words

    def test_chip_that_is_there_may_come_back(self, tmp_path: Path) -> None:
        (tmp_path / "gpiochip0").touch()
        assert not closed_chip(tmp_path, lambda path, mode: True)[1]

    def test_lgpio_that_cannot_open_the_chip_is_explained_by_what_is_there(self) -> None:
        assert explain(LgpioError("can not open gpiochip")) == closed_chip()

    def test_machine_that_is_no_pi_has_no_gpio(self) -> None:
        words, permanent = explain(PinUnknownPi("unable to locate Pi revision"))
        assert permanent and "no GPIO here" in words

    def test_what_is_not_in_the_table_keeps_its_own_words(self) -> None:
        assert explain(LgpioError("bad gpio flags")) == ("cannot be used ('bad gpio flags')", False)

    def test_closing_the_chip_never_raises(self, pins: Chip) -> None:
        GpioLeds([22], 1.0, pins)
        pins.fails = "unknown handle"
        close_pin_factory(pins)
        pins.fails = ""
