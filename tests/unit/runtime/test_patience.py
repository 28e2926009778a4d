"""How a device is attended to: how long it is waited for, by hand and at a service; what is told of it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from daemon.runtime.patience import (
    ABSENT_PAUSE_S,
    FIRST_PAUSES_S,
    PROVEN_STEPS,
    Attendant,
    device_pauses_s,
)
from daemon.runtime.supervision import watchdog_interval_s
from hw.base import MicError

RETRY_S = 10.0


class Device:
    """Is open, and was closed."""

    about = "a microphone"

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def absent() -> Device:
    raise MicError("USB", "there is no such capture device", absent=True)


def busy() -> Device:
    raise MicError("USB", "is busy")


class Halt(threading.Event):
    """A stop event on which nobody waits in earnest; it writes down for how long they would."""

    def __init__(self) -> None:
        super().__init__()
        self.waits_s: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits_s.append(timeout)
        return self.is_set()


class Desk:
    """An attendant whose looks find these, in turn. Each device that it finds does `steps` and is lost.

    When there is nothing more to find it is told to stop.
    """

    def __init__(self, *looks: Callable[[], Device], service: bool = False, steps: int = 0) -> None:
        self.attendant = Attendant(self._look, retry_s=RETRY_S, service=service)
        self.stop = Halt()
        self.opened: list[Device] = []
        self.losses_told = 0
        self.refusals = 0
        self._looks = iter(looks)
        self._steps = steps

    def run(self) -> None:
        self.attendant.run(self._serve, self.stop, lost=self._lost, wanted=self._wanted)

    def fail(self) -> MicError:
        with pytest.raises(MicError) as caught:
            self.run()
        return caught.value

    def _look(self) -> Device:
        look = next(self._looks, None)
        if look is None:
            self.stop.set()
        self.opened.append(look() if look else Device())
        return self.opened[-1]

    def _serve(self, device: Device, stop: threading.Event) -> None:
        assert self.attendant.opened
        if stop.is_set():
            return
        for _ in range(self._steps):
            self.attendant.note_step()
            self.attendant.note_works()
        raise MicError("USB", "is unplugged")

    def _lost(self) -> None:
        self.losses_told += 1

    def _wanted(self) -> bool:
        self.refusals -= 1
        return self.refusals < 0


def test_by_hand_an_absent_device_is_a_wrong_name() -> None:
    desk = Desk(absent)
    assert desk.fail().permanent
    assert desk.stop.waits_s == []
    assert desk.attendant.signs_of_life == 0, "nobody waits for it"


def test_by_hand_a_device_that_was_there_may_come_back() -> None:
    desk = Desk(Device, absent, Device)
    desk.run()
    assert desk.stop.waits_s == list(FIRST_PAUSES_S[:3])


def test_by_hand_waiting_has_an_end() -> None:
    desk = Desk(Device, *[absent] * 50)
    assert not desk.fail().permanent
    assert desk.stop.waits_s == list(device_pauses_s(RETRY_S))


def test_a_service_waits_for_an_absent_device_for_ever_and_shows_that_it_looks() -> None:
    desk = Desk(*[absent] * 500, service=True)
    desk.run()
    assert desk.stop.waits_s[-1] == ABSENT_PAUSE_S
    assert desk.attendant.signs_of_life == 500
    assert desk.attendant.progress == 0


def test_a_device_that_is_there_and_fails_ends_the_patience_of_a_service_too() -> None:
    desk = Desk(*[busy] * 500, service=True)
    desk.fail()
    assert desk.stop.waits_s == list(device_pauses_s(RETRY_S))
    assert desk.attendant.signs_of_life == 0


def test_a_device_that_came_and_then_fails_is_not_waited_for_as_if_absent() -> None:
    desk = Desk(*[absent] * 20, Device, service=True)
    assert not desk.fail().absent
    assert len(desk.stop.waits_s) == 20


@pytest.mark.parametrize("steps", [PROVEN_STEPS, PROVEN_STEPS - 1])
def test_a_device_that_has_worked_for_long_begins_with_fresh_pauses(steps: int) -> None:
    desk = Desk(*[Device] * 20, steps=steps)
    if steps < PROVEN_STEPS:
        desk.fail()
        assert desk.stop.waits_s == list(device_pauses_s(RETRY_S))
    else:
        desk.run()
        assert desk.stop.waits_s == [FIRST_PAUSES_S[0]] * 20


def test_every_device_is_closed_however_it_ended() -> None:
    desk = Desk(Device, Device)
    desk.run()
    assert [device.closed for device in desk.opened] == [1, 1, 1]
    assert not desk.attendant.opened
    assert desk.attendant.about == "a microphone"


@pytest.mark.parametrize(("steps", "losses"), [(0, 1), (1, 3)])
def test_a_loss_is_told_once_and_again_after_the_device_has_worked(steps: int, losses: int) -> None:
    desk = Desk(Device, Device, Device, steps=steps)
    desk.run()
    assert (desk.losses_told, desk.attendant.losses) == (losses, losses)
    assert str(desk.attendant.error) == "USB: is unplugged"
    assert desk.attendant.note_works()
    assert desk.attendant.error is None
    assert not desk.attendant.note_works()


def test_what_is_not_wanted_is_not_opened() -> None:
    desk = Desk()
    desk.refusals = 3
    desk.run()
    assert len(desk.opened) == 1
    assert desk.refusals == -1


def test_who_only_waits_shows_that_it_lives_once_it_has_begun() -> None:
    attendant = Desk().attendant
    attendant.note_waiting()
    assert attendant.signs_of_life == 0
    attendant.note_step()
    attendant.note_waiting()
    assert attendant.signs_of_life == 2


def test_a_look_comes_within_each_interval_of_the_shortest_watchdog() -> None:
    assert watchdog_interval_s({"WATCHDOG_USEC": "20000000"}) > ABSENT_PAUSE_S
