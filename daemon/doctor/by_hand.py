"""What only a person can tell: whether the lights shine in their colours, and the button is felt."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator

from daemon.doctor.case import Case
from daemon.doctor.devices import NO_LIGHTS, pin_remedy
from daemon.doctor.finding import Check, Finding, fine, skipped, wrong
from daemon.lights.scenes import AMBER, BLUE, GREEN, RED
from hw.base import Board, Colour, DeviceError, LedError
from hw.build import NoLeds

PRESS_WITHIN_S = 15.0
COLOURS: tuple[tuple[str, Colour], ...] = (("red", RED), ("green", GREEN), ("blue", BLUE), ("amber", AMBER))
SHOWN_S = 1.5

Ask = Callable[[str], bool]
"""Puts a question to the user; true for yes."""
Tell = Callable[[str], None]
Wait = Callable[[float], object]


def try_by_hand(case: Case, ask: Ask, tell: Tell, wait: Wait) -> Iterator[Finding]:
    """Show the lights and wait for the button; `wait` sleeps for so many seconds."""
    if case.board is None:
        yield skipped(Check.BUTTON, "the configuration, which names it, has mistakes")
        return
    if case.devices_taken:
        yield skipped(Check.BUTTON, "the running conure has it", "`sudo systemctl stop conure` first")
        return
    try:
        yield _lights(case, case.board, ask, tell, wait)
        yield _button(case, case.board, tell)
    finally:
        case.board.close()


def _lights(case: Case, board: Board, ask: Ask, tell: Tell, wait: Wait) -> Finding:
    names = ", ".join(name for name, _ in COLOURS)
    try:
        leds = board.open_leds()
        if isinstance(leds, NoLeds):
            return NO_LIGHTS
        try:
            tell(f"lights: {names}, one after the other")
            for _, colour in COLOURS:
                leds.show([colour] * leds.count)
                wait(SHOWN_S)
        finally:
            leds.close()
    except LedError as error:
        return wrong(Check.LIGHTS, str(error), pin_remedy(error, case, "lights", '[lights] kind = "none"'))
    if ask(f"Did all lights show {names}, in this order?"):
        return fine(Check.LIGHTS, "seen in the right colours")
    return wrong(
        Check.LIGHTS,
        "not seen as they should be",
        "dark: look at power and wiring, [lights] kind and count; wrong colours: the order in [lights] pins; "
        "lit when they should be dark: [lights] active",
    )


def _button(case: Case, board: Board, tell: Tell) -> Finding:
    edges: queue.SimpleQueue[bool] = queue.SimpleQueue()
    try:
        button = board.open_button(lambda pressed, _at_s: edges.put(pressed))
    except DeviceError as error:
        return wrong(Check.BUTTON, str(error), pin_remedy(error, case, "button", "[button] pin = -1"))
    if button is None:
        return skipped(Check.BUTTON, "none ([button] pin = -1)")
    try:
        tell(f"button: press it and let it go, within {PRESS_WITHIN_S:.0f} s")
        return _felt(edges)
    finally:
        button.close()


def _felt(edges: queue.SimpleQueue[bool]) -> Finding:
    """What the first two edges tell."""
    try:
        first = edges.get(timeout=PRESS_WITHIN_S)
        second = edges.get(timeout=PRESS_WITHIN_S)
    except queue.Empty:
        remedy = 'check [button] pin and the wiring: from that line to ground, with [button] pull = "up"'
        return wrong(Check.BUTTON, "no press was felt", remedy)
    if first and not second:
        return fine(Check.BUTTON, "pressed and let go")
    return wrong(Check.BUTTON, "it works the wrong way round", "change [button] active to the other level")
