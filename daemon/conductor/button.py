"""From the button's edges to what the dialogue takes, as the configuration says. Event loop only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from daemon.conductor.gestures import Gesture, GestureRecogniser
from daemon.config.settings import ButtonSettings
from daemon.events import (
    ButtonEdge,
    DialogueEvent,
    GestureDue,
    MuteSet,
    StopAsked,
    TalkHeld,
    TalkPressed,
    TalkReleased,
    TalkTapped,
    TalkWithdrawn,
)

WHOLE = (Gesture.TAPPED, Gesture.HELD, Gesture.DOUBLE, Gesture.LONG)
"""What a press has become; the others are its halves."""


def nobody(_event: str, **_fields: object) -> None:
    """Nobody watches."""


class ButtonInput:
    """Recognises gestures and says what they mean."""

    def __init__(
        self,
        settings: ButtonSettings,
        clock: Callable[[], float],
        post: Callable[[GestureDue], None],
        tell: Callable[..., None] = nobody,
    ) -> None:
        """`tell` is `Feed.tell`: who watches is told what the user did."""
        self._tell = tell
        self._settings = settings
        self._clock = clock
        self._post = post
        self._recogniser = GestureRecogniser(settings)
        self._timer: asyncio.TimerHandle | None = None

    def take(self, event: ButtonEdge | GestureDue, *, muted: bool) -> list[DialogueEvent]:
        """What follows from the event; `muted` is the present state, which a gesture may turn round."""
        match event:
            case ButtonEdge(pressed, at_s):
                gestures = self._recogniser.edge(pressed, at_s)
            case GestureDue():
                gestures = self._recogniser.tick(self._clock())
        self._set_timer()
        for gesture in gestures:
            if gesture in WHOLE:
                self._tell("gesture", gesture=gesture.value)
        return [word for gesture in gestures for word in meanings(gesture, self._settings, muted=muted)]

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due_s = self._recogniser.next_deadline_s()
        if due_s is not None:
            wait_s = max(0.0, due_s - self._clock())
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._post, GestureDue())


def meanings(gesture: Gesture, button: ButtonSettings, *, muted: bool) -> Iterator[DialogueEvent]:
    """What the configuration makes of a gesture. A press talks at once, whatever it becomes."""
    match gesture:
        case Gesture.PRESSED:
            if "talk" in (button.tap, button.hold):
                yield TalkPressed()
        case Gesture.TAPPED if button.tap == "talk":
            yield TalkTapped()
        case Gesture.TAPPED:
            yield TalkWithdrawn()
            yield from _command(button.tap, muted=muted)
        case Gesture.HELD:
            yield TalkHeld()
        case Gesture.HOLD_RELEASED:
            yield TalkReleased()
        case Gesture.DOUBLE:
            yield TalkWithdrawn()
            yield from _command(button.double, muted=muted)
        case Gesture.LONG:
            yield TalkWithdrawn()
            yield from _command(button.long, muted=muted)


def _command(word: str, *, muted: bool) -> Iterator[DialogueEvent]:
    match word:
        case "stop":
            yield StopAsked()
        case "mute":
            yield MuteSet(not muted)
