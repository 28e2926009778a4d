"""What the daemon asks of a camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hw.base import DeviceError


class CameraError(DeviceError):
    """The camera cannot be opened, or has ended."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture, and when it was there (`time.monotonic()`)."""

    jpeg: bytes
    at_s: float


class Camera(Protocol):
    """A camera that is open. Any thread; nothing waits but `close`, up to two seconds."""

    @property
    def newest(self) -> Frame | None:
        """The newest picture, or None before the first."""
        ...

    @property
    def error(self) -> CameraError | None:
        """Why there are no more pictures; None while it works."""
        ...

    @property
    def dropped(self) -> int:
        """Pictures that were too long, or none."""
        ...

    def close(self) -> None:
        """Give the device back. May be called once; never raises."""
        ...
