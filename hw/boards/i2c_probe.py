"""Which addresses answer on an I²C bus: for a board whose overlay is not there yet. Needs access to the bus.

Each address is asked to acknowledge an empty write, as `i2cdetect` does: no data is sent, so that no device
changes. If a driver holds an address, the kernel refuses (EBUSY): then a device is there. Only the addresses
of known boards are asked. The ioctl numbers are those of linux/i2c-dev.h.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
from collections.abc import Callable, Iterable
from pathlib import Path

I2C_SLAVE = 0x0703
I2C_SMBUS = 0x0720

I2C_SMBUS_WRITE = 0
I2C_SMBUS_QUICK = 0


class _SmbusCall(ctypes.Structure):
    """struct i2c_smbus_ioctl_data (linux/i2c-dev.h)."""

    _fields_ = (
        ("read_write", ctypes.c_uint8),
        ("command", ctypes.c_uint8),
        ("size", ctypes.c_uint32),
        ("data", ctypes.c_void_p),
    )


Ioctl = Callable[..., object]
"""`fcntl.ioctl`, with a number or with bytes."""


def probe(addresses: Iterable[int], bus: Path = Path("/dev/i2c-1"), ioctl: Ioctl = fcntl.ioctl) -> set[int]:
    """Those of the addresses at which a device is; none if the bus cannot be opened. Takes 1 ms or so."""
    try:
        descriptor = os.open(bus, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return set()
    try:
        return {address for address in addresses if _answers(descriptor, address, ioctl)}
    finally:
        os.close(descriptor)


def _answers(bus: int, address: int, ioctl: Ioctl) -> bool:
    call = _SmbusCall(I2C_SMBUS_WRITE, 0, I2C_SMBUS_QUICK, None)
    try:
        ioctl(bus, I2C_SLAVE, address)
        ioctl(bus, I2C_SMBUS, bytes(call))
    except OSError as error:
        return error.errno == errno.EBUSY
    return True
