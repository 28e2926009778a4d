"""One device, attended to: opened, served, and opened again when it was lost, until patience ends.

If a device is absent, its name may be wrong: whoever starts Conure at a terminal wants to know that at once.
A service runs where nobody looks, and somebody may plug the device in later. So an absent device is an error
at a terminal, and a service waits for it for ever. A device that is there and fails is tried again for
`[board] retry_s`; then the process ends, since a fresh one may have more luck.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Generic, Protocol, TypeVar

from hw.base import DeviceError

FIRST_PAUSES_S = (0.2, 0.5, 1.0, 2.0)
"""A USB device that was re-plugged or a sound server that restarted is back within seconds."""

LONGEST_PAUSE_S = 4.0

PROVEN_STEPS = 500
"""A device that has worked this long (chunks moved: 10 s of sound) begins with fresh pauses when it is lost
again; one that fails sooner, again and again, is given up."""

ABSENT_PAUSE_S = 8.0
"""Between looks for an absent device, after the first minute. Listing the devices takes a small board half a
second; and a look in each half of WatchdogSec (20 s or more) shows that the thread lives."""


class Attended(Protocol):
    """What a device can do that is attended to."""

    @property
    def about(self) -> str:
        """The device and the form in which it was opened, in words."""
        ...

    def close(self) -> None:
        """Give the device back. Never raises."""
        ...


Device = TypeVar("Device", bound=Attended)

Serve = Callable[[Device, threading.Event], None]
"""Uses the open device until the event is set, or for as long as it likes. Raises DeviceError."""


def device_pauses_s(give_up_after_s: float) -> Iterator[float]:
    """The pauses between tries; ends when together they exceed `give_up_after_s`."""
    total_s = 0.0
    for pause_s in chain(FIRST_PAUSES_S, repeat(LONGEST_PAUSE_S)):
        total_s += pause_s
        if total_s > give_up_after_s:
            return
        yield pause_s


class Attendant(Generic[Device]):
    """Attends to one device, on the device's thread; any thread may read how the device is."""

    def __init__(
        self,
        open_device: Callable[[], Device],
        *,
        retry_s: float,
        service: bool,
        pauses_s: Callable[[float], Iterator[float]] = device_pauses_s,
    ) -> None:
        """`service`: nobody looks, so an absent device is waited for. `pauses_s` is told `retry_s`."""
        self._open_device = open_device
        self._retry_s = retry_s
        self._service = service
        self._pauses_s = pauses_s
        self._had = service
        self._absent = False
        self._absences = 0
        self.opened = False
        """Whether the device is open now."""
        self.about = ""
        """The device that was opened last, and its form, in words."""
        self.error: DeviceError | None = None
        """Why it was lost; None while it works."""
        self.losses = 0
        self.progress = 0
        """Grows with each step of who serves it, and with each try to get a lost device back. Stays 0 until
        the first step."""

    @property
    def signs_of_life(self) -> int:
        """Grows while the thread lives, be it by looking for an absent device: for READY and the watchdog."""
        return self.progress + self._absences

    def run(
        self,
        serve: Serve[Device],
        stop: threading.Event,
        *,
        lost: Callable[[], None],
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Open the device and have it served, again and again. Raises DeviceError where patience ends.

        `lost` is told once for each loss. Before each opening `wanted` is asked; it may wait for a while, and
        is asked again if the device is not wanted.
        """
        pauses, lost_at = self._pauses(), 0
        while not stop.is_set():
            if not wanted():
                continue
            try:
                self._attend(serve, stop)
            except DeviceError as error:
                self._note_lost(error, lost)
                if self.progress - lost_at >= PROVEN_STEPS:
                    pauses = self._pauses()
                pause_s = next(pauses, None)
                if pause_s is None or error.permanent:
                    raise
                stop.wait(pause_s)
                self.note_waiting()
                lost_at = self.progress

    def note_step(self) -> None:
        """Who serves the device got a step further."""
        self.progress += 1

    def note_waiting(self) -> None:
        """Who would serve the device is alive and has nothing to do."""
        self.progress += bool(self.progress)

    def note_works(self) -> bool:
        """The device does what it should; returns whether it had been lost."""
        lost, self.error = self.error is not None, None
        return lost

    def _attend(self, serve: Serve[Device], stop: threading.Event) -> None:
        """The device is closed here, by its owner, in every case."""
        device = self._open()
        self.opened, self.about = True, device.about
        try:
            serve(device, stop)
        finally:
            device.close()
            self.opened = False

    def _open(self) -> Device:
        """Raises what opening raises; permanent where a wrong name is the likelier cause."""
        try:
            device = self._open_device()
        except DeviceError as error:
            self._absent = error.absent
            error.permanent = error.permanent or (error.absent and not self._had)
            self._absences += error.absent and not error.permanent
            raise
        self._absent, self._had = False, True
        return device

    def _pauses(self) -> Iterator[float]:
        """The pauses between tries; they end where patience does."""
        yield from self._pauses_s(self._retry_s)
        while self._service and self._absent:
            yield ABSENT_PAUSE_S

    def _note_lost(self, error: DeviceError, lost: Callable[[], None]) -> None:
        if self.error is None:
            self.losses += 1
            lost()
        self.error = error
