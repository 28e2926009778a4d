"""How much a PortAudio stream holds: asking for a deep queue of short periods.

PyAudio opens every stream with the device's `defaultLowOutputLatency` (or input), some 9 ms with ALSA, and
has no argument for another. PortAudio's ALSA code makes the buffer that long plus one period, and waits for
one period before it starts. So `frames_per_buffer` alone gives either a queue that runs dry at the first
hesitation of the machine, or a start that waits for more. The way to both, a deep queue and an immediate
start, is to let PortAudio's table of devices say another latency while the stream is opened.

The structure is PaDeviceInfo of portaudio.h, version 2, which every release of PortAudio 19 has. It is first
compared with what PyAudio read from it, and left alone if it is not what it seems: then the stream has the
usual depth, and short stalls can be heard.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

DEFAULT_PERIODS = 4
"""PortAudio's own number of periods (pa_linux_alsa.c, numPeriods_)."""


class _PaDeviceInfo(ctypes.Structure):
    """PaDeviceInfo of portaudio.h."""

    _fields_ = (
        ("structVersion", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("hostApi", ctypes.c_int),
        ("maxInputChannels", ctypes.c_int),
        ("maxOutputChannels", ctypes.c_int),
        ("defaultLowInputLatency", ctypes.c_double),
        ("defaultLowOutputLatency", ctypes.c_double),
        ("defaultHighInputLatency", ctypes.c_double),
        ("defaultHighOutputLatency", ctypes.c_double),
        ("defaultSampleRate", ctypes.c_double),
    )


COMPARED = ("structVersion", "hostApi", "maxInputChannels", "maxOutputChannels", "defaultLowInputLatency",
            "defaultLowOutputLatency", "defaultSampleRate")  # fmt: skip
"""What must be as PyAudio says it is, before anything is changed."""


@contextmanager
def deep_streams(extension: str, device: Mapping[str, Any], depth_s: float, periods: int) -> Iterator[bool]:
    """Streams that are opened on this device meanwhile hold `depth_s`, in so many periods.

    `extension` is the file of PyAudio's C extension, through which the PortAudio that it is linked with is
    reached; `device` is PyAudio's description of the device. Gives whether it could be done.
    """
    info = _device_info(extension, device)
    if info is None:
        yield False
        return
    set_periods = getattr(ctypes.CDLL(extension), "PaAlsa_SetNumPeriods", lambda count: None)
    usual = info.defaultLowInputLatency, info.defaultLowOutputLatency
    info.defaultLowInputLatency = info.defaultLowOutputLatency = depth_s
    set_periods(periods)
    try:
        yield True
    finally:
        info.defaultLowInputLatency, info.defaultLowOutputLatency = usual
        set_periods(DEFAULT_PERIODS)


def _device_info(extension: str, device: Mapping[str, Any]) -> _PaDeviceInfo | None:
    """PortAudio's own description of the device, if it is what it should be."""
    try:
        look_up = ctypes.CDLL(extension).Pa_GetDeviceInfo
    except (OSError, AttributeError):
        return None
    look_up.restype = ctypes.POINTER(_PaDeviceInfo)
    found = look_up(device["index"])
    if not found or any(getattr(found.contents, name) != device[name] for name in COMPARED):
        return None
    return found.contents  # type: ignore[no-any-return]  # ctypes knows its pointers as Any
