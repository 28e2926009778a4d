"""Button and LEDs, on gpiozero's mock pins."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from hw.base import ButtonError, Colour, LedError
from hw.debounce import Debouncer
from hw.gpio import ButtonSpec, GpioButton, GpioLeds, duties

PATIENCE_S = 10.0
DEBOUNCE_S = 0.02

Edges = queue.SimpleQueue[tuple[bool, float]]


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.reset()


@pytest.fixture
def edges() -> Edges:
    return queue.SimpleQueue()


@pytest.fixture
def open_button(pins: MockFactory, edges: Edges) -> Iterator[Callable[..., Any]]:
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

    def test_ignores_a_spike(self, open_button: Callable[..., Any], edges: Edges) -> None:
        pin = open_button()
        pin.drive_low()
        pin.drive_high()
        with pytest.raises(queue.Empty):
            edges.get(timeout=5 * DEBOUNCE_S)

    def test_says_nothing_after_it_was_closed(self, pins: MockFactory, edges: Edges) -> None:
        spec = ButtonSpec(pin=17, debounce_s=DEBOUNCE_S)
        button = GpioButton(spec, lambda pressed, at_s: edges.put((pressed, at_s)), pins)
        pin = pins.pin(17)
        pin.drive_low()
        button.close()
        pin.drive_low()
        with pytest.raises(queue.Empty):
            edges.get(timeout=5 * DEBOUNCE_S)

    def test_line_that_is_in_use_or_not_there_is_an_error_that_names_it(self, pins: MockFactory) -> None:
        first = GpioButton(ButtonSpec(pin=17), lambda pressed, at_s: None, pins)
        with pytest.raises(ButtonError, match="GPIO 17"):
            GpioButton(ButtonSpec(pin=17), lambda pressed, at_s: None, pins)
        with pytest.raises(ButtonError, match="GPIO 99"):
            GpioButton(ButtonSpec(pin=99), lambda pressed, at_s: None, pins)
        first.close()


class TestDebouncer:
    def test_an_edge_counts_once_it_has_lasted_and_has_its_first_moment_s_time(self) -> None:
        contact = Debouncer(0.02, pressed=False)
        contact.changed(1.000)
        contact.changed(1.004)
        contact.changed(1.006)
        assert contact.due_s == pytest.approx(1.026)
        assert contact.settle(True, 1.020) is None
        assert contact.settle(True, 1.026) == (True, 1.000)
        assert contact.due_s is None

    def test_a_level_that_came_back_is_no_edge(self) -> None:
        contact = Debouncer(0.02, pressed=False)
        contact.changed(1.0)
        contact.changed(1.001)
        assert contact.settle(False, 1.03) is None
        assert contact.due_s is None

    def test_without_a_debounce_time_every_edge_counts(self) -> None:
        contact = Debouncer(0.0, pressed=False)
        contact.changed(1.0)
        assert contact.settle(True, 1.0) == (True, 1.0)


class TestLeds:
    def test_one_led_shows_the_strongest_channel_below_the_limit(self, pins: MockFactory) -> None:
        leds = GpioLeds([22], 0.5, pins)
        leds.show([Colour(blue=255)])
        assert pins.pin(22).state == pytest.approx(0.5)
        leds.show([Colour()])
        assert pins.pin(22).state == 0
        leds.close()

    def test_three_leds_show_the_colour(self, pins: MockFactory) -> None:
        leds = GpioLeds([25, 24, 23], 1.0, pins)
        leds.show([Colour(255, 51, 0)])
        assert [pins.pin(pin).state for pin in (25, 24, 23)] == pytest.approx([1.0, 0.2, 0.0])
        leds.close()

    def test_active_low_leds_are_dark_at_the_high_level(self, pins: MockFactory) -> None:
        leds = GpioLeds([22], 1.0, pins, active_high=False)
        assert pins.pin(22).state == 1
        leds.show([Colour(red=255)])
        assert pins.pin(22).state == 0
        leds.close()

    def test_what_is_lit_is_never_dark(self) -> None:
        assert duties(Colour(blue=1), 0.01, 3) == (0.0, 0.0, 0.01)
        assert duties(Colour(blue=1), 0.01, 1) == (0.01,)
        assert duties(Colour(), 1.0, 3) == (0.0, 0.0, 0.0)

    def test_two_pins_make_no_light(self, pins: MockFactory) -> None:
        with pytest.raises(LedError, match="one pin, or three") as caught:
            GpioLeds([1, 2], 1.0, pins)
        assert caught.value.permanent

    def test_a_pin_that_is_in_use_is_an_error_and_holds_none_of_the_others(self, pins: MockFactory) -> None:
        first = GpioLeds([23], 1.0, pins)
        with pytest.raises(LedError, match="GPIO 25, 24, 23"):
            GpioLeds([25, 24, 23], 1.0, pins)
        GpioLeds([25], 1.0, pins).close()
        first.close()

    def test_closing_makes_them_dark(self, pins: MockFactory) -> None:
        leds = GpioLeds([22], 1.0, pins)
        leds.show([Colour(255, 255, 255)])
        pin = pins.pin(22)
        leds.close()
        assert pin.state == 0
