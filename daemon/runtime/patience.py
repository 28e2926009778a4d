"""How long a device that cannot be had is waited for: by hand not at all, at a service for ever.

A card that is absent may be a wrong name, which somebody at a terminal wants to know at once; a service runs
where nobody looks, and there it may be one that is plugged in later. A device that is there and fails is
another matter: `[board] retry_s` bounds it, and then the process ends, for a fresh one may have more luck.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from daemon.runtime.retry import device_pauses_s
from hw.base import DeviceError

Device = TypeVar("Device")

ABSENT_PAUSE_S = 8.0
"""Between looks for an absent device, after the first minute. Listing the devices takes a small board half a
second; and a look in each half of WatchdogSec (20 s or more) shows that the thread lives."""


class Patience(Generic[Device]):
    """Opens one device, again and again. The device's thread calls it; any thread may read its fields."""

    def __init__(self, open_device: Callable[[], Device], *, retry_s: float, service: bool) -> None:
        """`service`: nobody looks, so an absent device is waited for."""
        self._open_device = open_device
        self._retry_s = retry_s
        self._service = service
        self._had = service
        self.absent = False
        """Whether the last look found no such device."""
        self.absences = 0
        """How many looks did: progress, for READY and for the watchdog, of who can only wait."""

    def open(self) -> Device:
        """The device. Raises what opening raises; permanent where a wrong name is the likelier cause."""
        try:
            device = self._open_device()
        except DeviceError as error:
            self.absent = error.absent
            error.permanent = error.permanent or (error.absent and not self._had)
            self.absences += error.absent and not error.permanent
            raise
        self.absent, self._had = False, True
        return device

    def pauses_s(self) -> Iterator[float]:
        """The pauses between tries; they end where patience does."""
        yield from device_pauses_s(self._retry_s)
        while self._service and self.absent:
            yield ABSENT_PAUSE_S
