"""What the bench says, what it is answered, and how the recordings are read. Pure.

Samples are mono s16. Both sinks run at the rate of their client, so that nothing is resampled and every
comparison is exact. Utterance and reply hold no zero sample: in a recording, what is not zero is they.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]

BREAK_MS = 1.0
"""Zeros of this length inside a reply are a break; a click of one millisecond can be heard."""

LEAD_MS = 10.0
"""The first few milliseconds of a stream are missing from a recording: the sink has rendered its present
block before the stream began, and renders it again with the stream, but its monitor has gone on. Two blocks
of 5 ms at most; what they hide is known from the reply, and the onset is put back by it."""

BLOCK_SAMPLES = 160
"""What is missing of an utterance is counted in blocks of 10 ms at 16 kHz."""

LEAD_MATCH = 64
"""So many samples are enough to find their place in noise."""

END_LEVEL = 3000
"""An utterance ends with its last sample above this (-21 dBFS), so that everybody hears the same end."""


def without_zeros(samples: Pcm, seed: int) -> Pcm:
    """The samples with a noise of two units, so that no two stretches are equal, and none of them zero."""
    noisy = samples + np.random.default_rng(seed).integers(-2, 3, len(samples))
    different: Pcm = np.where(noisy == 0, 1, noisy).astype(np.int16)
    return different


def make_utterance(sentence: bytes, seed: int) -> Pcm:
    """A spoken sentence with a sharp end and no zeros."""
    samples = np.frombuffer(sentence, "<i2")
    loud = np.flatnonzero(np.abs(samples) > END_LEVEL)
    return without_zeros(samples[: loud[-1] + 1], seed)


def make_reply(seconds: float, rate_hz: int = 24_000, seed: int = 1) -> Pcm:
    """Noise around -15 dBFS without a quiet sample: the first one is the onset, every gap is a gap."""
    rng = np.random.default_rng(seed)
    size = round(seconds * rate_hz)
    noise: Pcm = (rng.integers(2_000, 8_000, size) * rng.choice([-1, 1], size)).astype(np.int16)
    return noise


def extent(recording: Pcm) -> tuple[int, int] | None:
    """The first sample that is not zero, and the one after the last; None: all silent."""
    sounding = np.flatnonzero(recording)
    return (int(sounding[0]), int(sounding[-1]) + 1) if len(sounding) else None


def zero_runs(samples: Pcm, least: int) -> Iterator[tuple[int, int]]:
    """Start and length of every run of at least `least` zeros."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], samples == 0, [0])).astype(np.int8)))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end - start >= least:
            yield int(start), int(end - start)


@dataclass(frozen=True, slots=True)
class Played:
    """How a reply came out of the speaker."""

    onset: int
    """Sample of the recording with which it began, `LEAD_MS` put right."""
    breaks_ms: tuple[float, ...]
    """How long each break was."""
    whole: bool
    """Every sample of the reply was played, in order, none twice."""

    @property
    def broken(self) -> bool:
        """Whether one could hear that something was wrong."""
        return bool(self.breaks_ms) or not self.whole


def judge_reply(recording: Pcm, reply: Pcm, rate_hz: int = 24_000) -> Played | None:
    """Compare what was recorded with the reply; None where nothing was heard."""
    found = extent(recording)
    if found is None:
        return None
    heard = recording[found[0] : found[1]]
    runs = zero_runs(heard, round(BREAK_MS * rate_hz / 1000))
    sounding = heard[heard != 0]
    lead = max(0, find_samples(reply.tobytes(), sounding[:LEAD_MATCH].tobytes()) // 2)
    return Played(
        onset=found[0] - lead,
        breaks_ms=tuple(round(length * 1000 / rate_hz, 1) for _, length in runs),
        whole=lead <= LEAD_MS * rate_hz / 1000 and bool(np.array_equal(sounding, reply[lead:])),
    )


@dataclass(frozen=True, slots=True)
class Delivered:
    """How much of an utterance reached the server."""

    missing_ms: float
    doubled_ms: float


def judge_speech(said: Pcm, received: bytes, rate_hz: int = 16_000) -> Delivered:
    """Look for what was said in what was received, sample for sample; by blocks where it is not whole.

    Zeros are passed over on both sides: nobody said them, but a player that was late inserts some.
    """
    heard = np.frombuffer(received, "<i2")
    said, received = said[said != 0], heard[heard != 0].tobytes()
    if find_samples(received, said.tobytes()) >= 0:
        return Delivered(0.0, doubled_ms=_doubled_ms(said, received, rate_hz))
    position, missing = 0, 0
    for block in _blocks(said):
        at = find_samples(received, block.tobytes(), position)
        if at < 0:
            missing += len(block)
        else:
            position = at + len(block) * 2
    return Delivered(missing * 1000 / rate_hz, _doubled_ms(said, received, rate_hz))


def find_samples(pcm: bytes, wanted: bytes, start: int = 0) -> int:
    """Where `wanted` begins, at a whole sample; -1: nowhere."""
    at = pcm.find(wanted, start)
    while at % 2:  # -1 is odd too
        if at < 0:
            return -1
        at = pcm.find(wanted, at + 1)
    return at


def _blocks(said: Pcm) -> Iterator[Pcm]:
    for start in range(0, len(said), BLOCK_SAMPLES):
        yield said[start : start + BLOCK_SAMPLES]


def _doubled_ms(said: Pcm, received: bytes, rate_hz: int) -> float:
    doubled = 0
    for block in _blocks(said):
        wanted = block.tobytes()
        first = find_samples(received, wanted)
        if first >= 0 and find_samples(received, wanted, first + len(wanted)) >= 0:
            doubled += len(block)
    return doubled * 1000 / rate_hz
