"""The paired devices and their file. A device is known by the SHA-256 of its secret, and by no more.

`devices.json` is read again when it has changed: a device that was revoked in a terminal is out at once.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from daemon.outside import number, one_line
from daemon.runtime.clock import clock_is_set
from daemon.web.entry import Right, Visitor
from daemon.web.gate.pairing import digest_of
from daemon.web.gate.refusals import RefusalName, WebRefused
from daemon.web.gate.shared_file import SharedFile

FILE = "devices.json"

MAX_DEVICES = 64
"""Devices; policy for one more: refuse it. Those that are over make room first."""

UNUSED_S = 180 * 86_400.0
"""A device that was not seen for so long is forgotten."""
GUEST_S = 86_400.0
"""A guest is let in for so long."""
SEEN_AGAIN_S = 86_400.0
"""How exactly is known when a device was seen last: a card is not written for each request."""

SECRET_BYTES = 32
"""256 random bits: they need no slow hash, for nobody can try them all."""
NAME_CHARS = 60

WallClock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDevice:
    """One browser that was let in. Times are seconds since the epoch; 0: the clock was not set."""

    id: str
    """For people and addresses: eight hexadecimal digits."""
    name: str
    digest: str
    paired_at_s: float = 0.0
    seen_at_s: float = 0.0
    guest_until_s: float = 0.0
    """0: no guest."""

    def is_over(self, wall_s: float) -> bool:
        """Whether it is let in no more. Only a clock that is set can tell; without one no guest is in."""
        if not clock_is_set(wall_s):
            return bool(self.guest_until_s)
        if self.guest_until_s:
            return wall_s >= self.guest_until_s
        return bool(self.seen_at_s) and wall_s - self.seen_at_s > UNUSED_S

    @property
    def rights(self) -> frozenset[Right]:
        """A guest may talk, and no more."""
        return frozenset({Right.TALK}) if self.guest_until_s else frozenset(Right)

    def as_visitor(self) -> Visitor:
        """As the endpoints see it."""
        return Visitor(name=self.name, key=f"device:{self.id}", rights=self.rights)


PairedDevices = tuple[PairedDevice, ...]


class Devices:
    """The devices of a folder. Reading takes microseconds; what changes them blocks on the disk."""

    def __init__(self, folder: Path, wall_clock: WallClock = time.time) -> None:
        self._wall_clock = wall_clock
        self._file: SharedFile[PairedDevices] = SharedFile(folder, FILE, parse=_parse, plain=_plain, empty=())
        self._by_digest: dict[str, PairedDevice] = {}
        self._read: PairedDevices = ()
        self._seen: set[str] = set()

    def all(self) -> PairedDevices:
        """Who is let in now, in the order of pairing."""
        return _living(self._file.read(), self._wall_clock())

    def by_cookie(self, secret: str) -> PairedDevice | None:
        """The device with this secret."""
        found = self._index().get(digest_of(secret))
        wall_s = self._wall_clock()
        if found is None or found.is_over(wall_s):
            return None
        if clock_is_set(wall_s) and abs(wall_s - found.seen_at_s) > SEEN_AGAIN_S:
            self._seen.add(found.id)
        return found

    def has(self, device_id: str) -> bool:
        """Whether the device is let in now."""
        return any(device.id == device_id for device in self.all())

    def check_guest(self) -> None:
        """Raises WebRefused where nobody knows when a guest's day would be over."""
        if not clock_is_set(self._wall_clock()):
            raise WebRefused(RefusalName.CLOCK_NOT_SET, "The speaker does not know the time yet.")

    def pair(self, name: str, *, guest: bool = False) -> tuple[PairedDevice, str]:
        """One more, with the secret that it has to show. Raises WebRefused (room, time), ConureError."""
        if guest:
            self.check_guest()
        secret, wall_s = secrets.token_urlsafe(SECRET_BYTES), self._wall_clock()
        known_s = wall_s if clock_is_set(wall_s) else 0.0
        device = PairedDevice(
            id=secrets.token_hex(4),
            name=one_line(name, NAME_CHARS) or "a browser",
            digest=digest_of(secret),
            paired_at_s=known_s,
            seen_at_s=known_s,
            guest_until_s=known_s + GUEST_S if guest else 0.0,
        )
        self._file.change(lambda devices: _with_one_more(_living(devices, wall_s), device))
        return device, secret

    def revoke(self, device_id: str) -> PairedDevice | None:
        """Let this one in no more; None if there was none. Raises ConureError."""
        gone = [device for device in self._file.read() if device.id == device_id]
        if gone:
            self._file.change(lambda devices: tuple(one for one in devices if one.id != device_id))
        return gone[0] if gone else None

    def save_seen(self) -> None:
        """Keep when devices were seen last, if that is to be kept. Raises ConureError."""
        seen, wall_s = self._seen, self._wall_clock()
        if seen:
            self._seen = set()
            self._file.change(lambda devices: tuple(_seen(one, seen, wall_s) for one in devices))

    @property
    def has_unsaved(self) -> bool:
        """Whether `save_seen` has something to do."""
        return bool(self._seen)

    def _index(self) -> dict[str, PairedDevice]:
        devices = self._file.read()
        if devices is not self._read:
            self._read, self._by_digest = devices, {device.digest: device for device in devices}
        return self._by_digest


def _living(devices: Iterable[PairedDevice], wall_s: float) -> PairedDevices:
    return tuple(device for device in devices if not device.is_over(wall_s))


def _with_one_more(devices: PairedDevices, device: PairedDevice) -> PairedDevices:
    if len(devices) >= MAX_DEVICES:
        raise WebRefused(RefusalName.TOO_MANY_DEVICES)
    return (*devices, device)


def _seen(device: PairedDevice, ids: set[str], wall_s: float) -> PairedDevice:
    return replace(device, seen_at_s=wall_s) if device.id in ids else device


def _plain(devices: PairedDevices) -> dict[str, Any]:
    return {"devices": [asdict(device) for device in devices]}


def _parse(data: Any) -> PairedDevices:
    return tuple(_parse_one(table) for table in data["devices"][:MAX_DEVICES])


def _parse_one(table: dict[str, Any]) -> PairedDevice:
    times = {name: number(table[name], 0) for name in ("paired_at_s", "seen_at_s", "guest_until_s")}
    return PairedDevice(id=str(table["id"]), name=str(table["name"]), digest=str(table["digest"]), **times)
