"""From what was recorded and noted to numbers; and the numbers beside their budgets. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from bench.recording import Recording
from bench.sound import Delivered, Pcm, Played, extent, judge_reply, judge_speech


@dataclass(frozen=True, slots=True)
class TurnNotes:
    """What is known of a turn besides the recordings. Times on the monotonic clock."""

    since_s: float
    until_s: float
    """Between these all of it took place, and nothing of another turn."""
    closed_s: float
    """The server had the end of the user's turn."""
    answered_s: float
    """It had sent the first audio of its reply."""
    received: bytes


@dataclass(frozen=True, slots=True)
class Turn:
    """One measured turn. `mouth_to_wire_ms` and `wire_to_ear_ms` are what was added to the silence that ends
    an utterance and to the server's own time; their sum is the added latency."""

    mouth_to_wire_ms: float
    wire_to_ear_ms: float
    awaited_ms: float
    """Part of `mouth_to_wire_ms`: so much more than the silence was heard before the end was found, since
    audio comes in chunks."""
    speech_ms: float
    delivered: Delivered
    played: Played

    @property
    def added_ms(self) -> float:
        """End of speech to reply heard, beyond endpointing silence and server time."""
        return self.mouth_to_wire_ms + self.wire_to_ear_ms


def measure_turn(
    notes: TurnNotes, mic: Recording, speaker: Recording, reply: Pcm, silence_ms: float
) -> Turn | None:
    """One turn out of the recordings; None where nothing was said or nothing was answered."""
    first, end = mic.span(notes.since_s, notes.until_s)
    said = extent(mic.samples[first:end])
    start, stop = speaker.span(notes.since_s, notes.until_s)
    played = judge_reply(speaker.samples[start:stop], reply, speaker.rate_hz)
    if said is None or played is None:
        return None
    spoken = mic.samples[first + said[0] : first + said[1]]
    end_of_speech_s = mic.time_s(first + said[1])
    return Turn(
        mouth_to_wire_ms=(notes.closed_s - end_of_speech_s) * 1000 - silence_ms,
        awaited_ms=_trailing_zeros(notes.received) * 1000 / mic.rate_hz - silence_ms,
        wire_to_ear_ms=(speaker.time_s(start + played.onset) - notes.answered_s) * 1000,
        speech_ms=float(np.count_nonzero(spoken)) * 1000 / mic.rate_hz,
        delivered=judge_speech(spoken, notes.received, mic.rate_hz),
        played=played,
    )


def _trailing_zeros(received: bytes) -> int:
    samples = np.frombuffer(received, "<i2")
    found = extent(samples)
    return len(samples) - found[1] if found else len(samples)


SOUNDING_S = 0.1
"""A reply that is to be cut must have been heard so shortly before."""


def silence_after_ms(speaker: Recording, asked_s: float, until_s: float) -> float | None:
    """From a moment to the last sample that was heard after it; None where nothing was sounding then.

    A silence at once may seem to begin up to 5 ms before, by the recording's precision: it counts as 0.
    """
    first, end = speaker.span(asked_s - SOUNDING_S, until_s)
    heard = extent(speaker.samples[first:end])
    if heard is None or speaker.samples[first] == 0:
        return None
    return max(0.0, (speaker.time_s(first + heard[1]) - asked_s) * 1000)


@dataclass(slots=True)
class Client:
    """All that was measured of one client. Empty where it was not."""

    turns: list[Turn] = field(default_factory=list)
    turns_failed: int = 0
    """Turns without an answer."""
    press_ms: list[float] = field(default_factory=list)
    interrupted_ms: list[float] = field(default_factory=list)
    cpu_waiting: float | None = None
    cpu_talking: float | None = None
    """Seconds a minute."""
    sent_while_waiting_s: float | None = None
    peak_mb: float | None = None
    steady_mb: float | None = None
    mapped_mb: float | None = None
    ready_ms: list[float] = field(default_factory=list)
    setup_ms: list[float] = field(default_factory=list)
    front_end: Client | None = None
    """What it costs with the front end on."""

    def numbers(self) -> dict[str, float | None]:
        """Every number by its name, as it goes into the JSON file."""
        added = [turn.added_ms for turn in self.turns]
        breaks = [turn.played.broken for turn in self.turns]
        return {
            "added_latency_p50_ms": percentile(added, 50),
            "added_latency_p90_ms": percentile(added, 90),
            "mouth_to_wire_p50_ms": percentile([turn.mouth_to_wire_ms for turn in self.turns], 50),
            "mouth_to_wire_p90_ms": percentile([turn.mouth_to_wire_ms for turn in self.turns], 90),
            "wire_to_ear_p50_ms": percentile([turn.wire_to_ear_ms for turn in self.turns], 50),
            "wire_to_ear_p90_ms": percentile([turn.wire_to_ear_ms for turn in self.turns], 90),
            "turns": len(self.turns) or None,
            "turns_failed": self.turns_failed,
            "replies_broken": sum(breaks) if breaks else None,
            "breaks_ms": sum(sum(turn.played.breaks_ms) for turn in self.turns) if breaks else None,
            "speech_s": sum(turn.speech_ms for turn in self.turns) / 1000 or None,
            "speech_missing_ms": sum(turn.delivered.missing_ms for turn in self.turns) if breaks else None,
            "speech_doubled_ms": sum(turn.delivered.doubled_ms for turn in self.turns) if breaks else None,
            "press_to_silence_p50_ms": percentile(self.press_ms, 50),
            "press_to_silence_max_ms": percentile(self.press_ms, 100),
            "interrupted_to_silence_p50_ms": percentile(self.interrupted_ms, 50),
            "interrupted_to_silence_max_ms": percentile(self.interrupted_ms, 100),
            "cpu_waiting_s_per_min": self.cpu_waiting,
            "cpu_talking_s_per_min": self.cpu_talking,
            "sent_while_waiting_s": self.sent_while_waiting_s,
            "memory_peak_mb": self.peak_mb,
            "memory_steady_mb": self.steady_mb,
            "memory_mapped_mb": self.mapped_mb,
            "start_to_ready_p50_ms": percentile(self.ready_ms, 50),
            "start_to_setup_p50_ms": percentile(self.setup_ms, 50),
            **(self.front_end or Client()).costs_with_front_end(),
        }

    def costs_with_front_end(self) -> dict[str, float | None]:
        """Those of its numbers that are of interest where this is a client with the front end on."""
        return {
            "front_end_cpu_waiting_s_per_min": self.cpu_waiting,
            "front_end_cpu_talking_s_per_min": self.cpu_talking,
            "front_end_memory_peak_mb": self.peak_mb,
        }

    def each_turn(self) -> list[dict[str, Any]]:
        """Every turn by itself, for the JSON file."""
        return [asdict(turn) | {"added_ms": turn.added_ms} for turn in self.turns]


def percentile(values: Sequence[float], percent: float) -> float | None:
    """None of nothing."""
    return float(np.percentile(values, percent)) if values else None
