"""What the configuration makes of the button."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.conductor.button import ButtonInput, meanings
from daemon.conductor.gestures import Gesture
from daemon.config.settings import ButtonSettings
from daemon.events import (
    ButtonEdge,
    DialogueEvent,
    MuteSet,
    StopAsked,
    TalkHeld,
    TalkPressed,
    TalkReleased,
    TalkTapped,
    TalkWithdrawn,
)

USUAL = ButtonSettings()

CASES: list[tuple[Gesture, ButtonSettings, list[DialogueEvent]]] = [
    (Gesture.PRESSED, USUAL, [TalkPressed()]),
    (Gesture.PRESSED, replace(USUAL, tap="stop"), [TalkPressed()]),
    (Gesture.PRESSED, replace(USUAL, tap="stop", hold="none"), []),
    (Gesture.TAPPED, USUAL, [TalkTapped()]),
    (Gesture.TAPPED, replace(USUAL, tap="stop"), [TalkWithdrawn(), StopAsked()]),
    (Gesture.TAPPED, replace(USUAL, tap="none"), [TalkWithdrawn()]),
    (Gesture.HELD, USUAL, [TalkHeld()]),
    (Gesture.HOLD_RELEASED, USUAL, [TalkReleased()]),
    (Gesture.DOUBLE, USUAL, [TalkWithdrawn(), MuteSet(True)]),
    (Gesture.DOUBLE, replace(USUAL, double="stop"), [TalkWithdrawn(), StopAsked()]),
    (Gesture.LONG, replace(USUAL, hold="none", long="mute"), [TalkWithdrawn(), MuteSet(True)]),
]


@pytest.mark.parametrize(("gesture", "settings", "meant"), CASES)
def test_each_gesture_means_what_is_configured(
    gesture: Gesture, settings: ButtonSettings, meant: list[DialogueEvent]
) -> None:
    assert list(meanings(gesture, settings, muted=False)) == meant


def test_mute_is_turned_round() -> None:
    assert MuteSet(False) in list(meanings(Gesture.DOUBLE, USUAL, muted=True))


async def test_what_a_press_became_is_told_once() -> None:
    """By the word for the whole gesture, not for its halves."""
    told: list[object] = []
    button = ButtonInput(
        USUAL, lambda: 10.0, lambda _due: None, lambda event, **fields: told.append((event, fields))
    )
    button.take(ButtonEdge(True, 10.0), muted=False)
    button.take(ButtonEdge(False, 10.1), muted=False)
    assert told == [("gesture", {"gesture": "tapped"})]
