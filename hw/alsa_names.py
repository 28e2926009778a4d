"""Names in ALSA's configuration that cost more than they give.

PortAudio opens every PCM that the configuration names, to see what it can do. Behind `a52`, which is there
wherever ALSA's plug-in for PulseAudio is installed, stands a Dolby encoder for digital outputs, and behind
that a video library with sixty others: 14 MB of memory and 10 ms, for a device that no microphone or speaker
needs. So that name is taken out of this process's copy of the configuration before PortAudio looks.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable

LIBRARY = "libasound.so.2"

COSTLY = ("a52",)


def forget_names(names: Iterable[str] = COSTLY) -> list[str]:
    """Take these PCMs out of the configuration; returns those that were there. Never raises.

    alsa-lib keeps one parsed copy for the process, and reads it again only when a file has changed
    (snd_config_update in its reference): the names are then back, which does no harm.
    """
    try:
        alsa = ctypes.CDLL(LIBRARY)
        if alsa.snd_config_update() < 0:
            return []
        top = ctypes.c_void_p.in_dll(alsa, "snd_config")
    except (OSError, AttributeError, ValueError):
        return []
    return [name for name in names if _forget(alsa, top, name)]


def _forget(alsa: ctypes.CDLL, top: ctypes.c_void_p, name: str) -> bool:
    node = ctypes.c_void_p()
    found = alsa.snd_config_search(top, f"pcm.{name}".encode(), ctypes.byref(node)) == 0
    return found and bool(alsa.snd_config_delete(node) == 0)
