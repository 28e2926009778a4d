"""What kind of audio a client sends, told by its first bytes. Pure.

What the client calls it is a hint at most: browsers label Ogg and MP4 as `audio/webm`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from hw.base import MIC_FORMAT

SNIFF_BYTES = 12
"""From so many bytes on each container is known by its magic number."""

SCAN_BYTES = 512
"""From so many on it is sure that raw samples are none of a WebM whose beginning was lost: each slice of a
live recorder holds the beginning of a `Cluster`, and has 160 to 400 bytes."""

_CLUSTER = bytes.fromhex("1F43B675")
"""The ID of a WebM's `Cluster` (RFC 9559 §5.1.3); four bytes that samples hold once in days by chance."""

LOWEST_HZ, HIGHEST_HZ = 8_000, 192_000
"""Rates that are taken; telephones have the lowest, sound cards the highest."""


class AudioKind(Enum):
    """What the bytes are; the value is the name that PyAV's library has for it."""

    MATROSKA = "matroska"
    OGG = "ogg"
    MP4 = "mp4"
    MP3 = "mp3"
    AAC = "aac"
    WAV = "wav"
    RAW = "s16le"


class BadRecording(Exception):
    """The bytes cannot be heard; the text says why, and what helps."""


@dataclass(frozen=True, slots=True)
class PcmHint:
    """What the client says of its samples, where they are raw."""

    rate_hz: int = MIC_FORMAT.rate_hz
    is_pcm: bool = False


def hint_of(mime_type: str) -> PcmHint:
    """From a MIME type such as `audio/pcm;rate=24000`. A rate out of range counts as none."""
    is_pcm = re.match(r"audio/(pcm|l16|raw|x-raw)\b", mime_type.strip().lower()) is not None
    found = re.search(r"rate\s*=\s*(\d{4,6})\b", mime_type)
    rate_hz = int(found[1]) if found and is_pcm else 0
    in_range = LOWEST_HZ <= rate_hz <= HIGHEST_HZ
    return PcmHint(rate_hz if in_range else MIC_FORMAT.rate_hz, is_pcm)


def begins_recording(data: bytes) -> bool:
    """Whether a message begins with the header of a file: another recording than the one before."""
    if data[:4] == b"OggS":
        return len(data) > 5 and bool(data[5] & 2)  # beginning of a logical stream (RFC 3533 §6)
    return _container(data) not in (None, AudioKind.OGG)


def kind_of(first: bytes, hint: PcmHint, *, whole: bool = False) -> AudioKind | None:
    """The kind, by the first bytes; None: more are needed. `whole`: no more come. Raises BadRecording."""
    if len(first) < SNIFF_BYTES and not whole:
        return None
    if (kind := _container(first)) is not None:
        return kind
    if not hint.is_pcm and (kind := _bare_frames(first)) is not None:
        return kind
    if _CLUSTER in first[: SCAN_BYTES + len(_CLUSTER)]:
        raise BadRecording("the recording does not begin with its header; start again")
    return AudioKind.RAW if whole or len(first) >= SCAN_BYTES else None


def _container(first: bytes) -> AudioKind | None:
    if first[:4] == b"\x1a\x45\xdf\xa3":  # EBML (RFC 8794 §11.2.1)
        return AudioKind.MATROSKA
    if first[:4] == b"OggS":
        return AudioKind.OGG
    if first[:4] in (b"RIFF", b"RF64") and first[8:12] == b"WAVE":
        return AudioKind.WAV
    if first[4:8] in (b"ftyp", b"styp"):  # ISO/IEC 14496-12: file type and segment type
        return AudioKind.MP4
    return AudioKind.MP3 if first[:3] == b"ID3" else None


def _bare_frames(first: bytes) -> AudioKind | None:
    """Frames without a container: their header's fields must be possible (ISO/IEC 11172-3, 13818-7)."""
    if first[0:1] != b"\xff" or len(first) < 4:
        return None
    second, third = first[1], first[2]
    if second in (0xFB, 0xFA, 0xF3, 0xF2) and third >> 4 not in (0, 15) and third >> 2 & 3 != 3:
        return AudioKind.MP3
    if second in (0xF1, 0xF9, 0xF0, 0xF8) and third >> 2 & 15 <= 12:
        return AudioKind.AAC
    return None
