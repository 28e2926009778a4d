"""Names in ALSA's configuration: hides those that cost more than they give, and finds what is behind one.

PortAudio opens every PCM that the configuration names, to see what it can do. Behind `a52`, which is there
wherever ALSA's plug-in for PulseAudio is installed, stands a Dolby encoder for digital outputs, and behind
that a video library with sixty others: 14 MB of memory and 10 ms, for a device that no microphone or speaker
needs. So that name is taken out of this process's copy of the configuration before PortAudio looks.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from ctypes import byref, c_char_p, c_void_p

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


# --- what stands behind a name ---------------------------------------------------------------------

SERVERS = ("pulse", "pipewire", "jack")
"""Types of a PCM that hand the sound to a server (ALSA's plug-ins)."""

BELOW = (b"slave.pcm", b"capture.pcm", b"playback.pcm")
"""Where a definition names what it stands on: plug, rate, softvol …; asym has one for each direction."""

DEEPEST = 8
"""Definitions that stand on one another; real ones are three or four."""


def is_served(name: str) -> bool:
    """Whether a sound server stands behind the PCM of this name; False where nobody knows. Never raises."""
    try:
        alsa = ctypes.CDLL(LIBRARY)
        if alsa.snd_config_update() < 0:
            return False
        top = c_void_p.in_dll(alsa, "snd_config")
        return _is_served(alsa, top, name.encode(), DEEPEST)
    except (OSError, AttributeError, ValueError):
        return False


def _is_served(alsa: ctypes.CDLL, top: c_void_p, name: bytes, depth: int) -> bool:
    node = c_void_p()
    if depth == 0 or alsa.snd_config_search_definition(top, b"pcm", name, byref(node)) < 0:
        return False
    try:
        return _stands_on_server(alsa, top, node, depth - 1)
    finally:
        alsa.snd_config_delete(node)


def _stands_on_server(alsa: ctypes.CDLL, top: c_void_p, node: c_void_p, depth: int) -> bool:
    if _text(alsa, node, b"type").decode("utf-8", "replace") in SERVERS:
        return True
    for key in BELOW:
        below = c_void_p()
        if depth == 0 or alsa.snd_config_search(node, key, byref(below)) < 0:
            continue
        name = _text(alsa, node, key)
        if _is_served(alsa, top, name, depth) if name else _stands_on_server(alsa, top, below, depth - 1):
            return True
    return False


def _text(alsa: ctypes.CDLL, node: c_void_p, key: bytes) -> bytes:
    """The text under a key; empty where there is none."""
    found, text = c_void_p(), c_char_p()
    if alsa.snd_config_search(node, key, byref(found)) < 0:
        return b""
    return (text.value or b"") if alsa.snd_config_get_string(found, byref(text)) == 0 else b""
