"""Speech in which every 20 ms say what they are, so that what was lost or doubled can be named. Pure.

An utterance is real speech and a reply is noise; the first samples of each chunk hold a stamp. Wherever a
chunk turns up (in the stand-in's record, in what the speaker played), the stamp is found again, at any
offset.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
from rig import SENTENCE

from hw.base import MIC_FORMAT, SPEAKER_FORMAT

MAGIC = b"\x13\x57\x9b\x2f\xce\x8a\x46\x31"
"""Eight bytes that no sound has by chance: one in 2**64 for each place."""

_FIELDS = struct.Struct("<HHH")
_SUM = struct.Struct("<I")
"""CRC-32 of the fields: a reply that is cut inside a stamp goes on with other sound, which is none of it."""
_SIZE = len(MAGIC) + _FIELDS.size + _SUM.size

LONGEST_UTTERANCE = 36
"""Chunks: the first two words of the sentence, without a pause in which a tap would end."""

_NOISE = np.random.default_rng(7).integers(-6000, 6001, SPEAKER_FORMAT.chunk_frames).astype("<i2").tobytes()


@dataclass(frozen=True, slots=True, order=True)
class Stamp:
    """What one chunk is: the place in utterance `said`, or in the `attempt`-th reply to it (from 1)."""

    said: int
    attempt: int
    place: int


def utterance(said: int, chunks: int) -> bytes:
    """16 kHz mono s16: speech of up to LONGEST_UTTERANCE chunks. `said` is its number, below 2**16."""
    size = MIC_FORMAT.chunk_bytes
    return b"".join(
        _stamped(SENTENCE[place * size : (place + 1) * size], Stamp(said, 0, place))
        for place in range(chunks)
    )


def reply(said: int, attempt: int, chunks: int) -> bytes:
    """24 kHz mono s16: noise, in answer to the utterance of that number."""
    return b"".join(_stamped(_NOISE, Stamp(said, attempt, place)) for place in range(chunks))


def read_stamps(pcm: bytes) -> list[Stamp]:
    """Every whole stamp in the samples, in order."""
    stamps: list[Stamp] = []
    at = pcm.find(MAGIC)
    while at >= 0 and at + _SIZE <= len(pcm):
        begin, end = at + len(MAGIC), at + len(MAGIC) + _FIELDS.size
        if _SUM.unpack_from(pcm, end)[0] == zlib.crc32(pcm[begin:end]):
            stamps.append(Stamp(*_FIELDS.unpack_from(pcm, begin)))
        at = pcm.find(MAGIC, end)
    return stamps


def _stamped(chunk: bytes, stamp: Stamp) -> bytes:
    fields = _FIELDS.pack(stamp.said, stamp.attempt, stamp.place)
    return MAGIC + fields + _SUM.pack(zlib.crc32(fields)) + chunk[_SIZE:]
