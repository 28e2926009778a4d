"""Pictures as a camera makes them, as far as their segments go."""

from __future__ import annotations

import struct


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def jpeg(*extra: bytes, width: int = 640, height: int = 480) -> bytes:
    """A picture as a camera makes it, as far as its segments go."""
    frame = segment(0xC0, b"\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00")
    scan = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"data\xff\x00more\xff\xd0rest"
    tables = segment(0xDB, bytes(65)) + segment(0xC4, bytes(19))
    return b"\xff\xd8" + b"".join(extra) + tables + frame + scan + b"\xff\xd9"
