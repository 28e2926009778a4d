"""One conversation from end to end, told as a timeline: `conure run --once`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, TextIO

import numpy as np

from daemon.runtime.feed import Note
from daemon.words import Outcome
from hw.base import MIC_FORMAT, SPEAKER_FORMAT

if TYPE_CHECKING:
    from daemon.run.assembly import Conure

TURN_TIMEOUT_S = 90.0
"""Longest that one turn may take before the rehearsal has failed."""

MIN_REPLY_S = 0.2
"""Less than this is no reply that anybody would hear."""

MIN_REPLY_DBFS = -50.0
"""Softer than this is silence."""

MIN_LIKENESS = 0.9
"""How alike an echo and its original must be (normalised correlation)."""

LEDGER_WORDS = {
    "trigger_to_first_sent_ms": "trigger → first word sent",
    "end_to_all_sent_ms": "end of speech → all sent",
    "end_to_first_reply_ms": "end of speech → reply begins",
    "end_to_first_sample_ms": "end of speech → first sound",
    "lasted_ms": "whole turn",
}


class Rehearsal:
    """Plays one turn on a running daemon, and prints what happens. Event loop only."""

    def __init__(self, conure: Conure, tap: Callable[[], None], out: TextIO) -> None:
        self._conure = conure
        self._stage = conure.board.stage
        self._tap = tap
        self._out = out
        self._said = b""
        self._received = bytearray()
        self._heard_before = 0
        self._began_s = 0.0

    async def run(self) -> bool:
        """One turn. True if and only if its reply was really heard."""
        self._conure.controller.downlink.copy_replies(self._received.extend)
        notes = self._conure.parts.feed.watch()
        first = asyncio.ensure_future(anext(notes))
        await asyncio.sleep(0)  # the watcher subscribes before anything can happen
        self._began_s = time.monotonic()
        self._begin()
        try:
            async with asyncio.timeout(TURN_TIMEOUT_S):
                outcome = await self._until_over(first, notes)
        except TimeoutError:
            outcome = ""
        return self._judge(outcome)

    def reply(self) -> bytes:
        """The reply as it was heard, or, where a real speaker plays, as it came: 24 kHz mono s16."""
        heard = self._heard()
        return bytes(self._received) if heard is None else heard[self._heard_before :]

    def _heard(self) -> bytes | None:
        """What a simulated speaker has played; None where it is a real one."""
        return None if self._stage is None else self._stage.heard()

    def _begin(self) -> None:
        self._tap()
        if self._stage is not None:
            self._said = self._stage.speak()
        else:
            print("Speak now.", file=self._out, flush=True)

    async def _until_over(self, first: asyncio.Future[Note], notes: AsyncIterator[Note]) -> str:
        note = await first
        while note["event"] != "turn":
            self._tell(note)
            note = await anext(notes)
        self._line(f"turn over: {note['outcome']}")
        for key, words in LEDGER_WORDS.items():
            if note.get(key) is not None:
                print(f"           {words:<28} {note[key]:>8} ms", file=self._out)
        return str(note["outcome"])

    def _tell(self, note: Note) -> None:
        match note["event"]:
            case "state":
                if note["state"] == "speaking":
                    self._heard_before = len(self._heard() or b"")
                self._line(f"{note['state']!s:<10} lights: {self._conure.parts.lamp.scene.looks}")
            case "transcript":
                self._line(f"{note['who']} said: {note['text']}")
            case "earcon":
                self._line(f"tone: {note['name']}")

    def _line(self, text: str) -> None:
        print(f"{time.monotonic() - self._began_s:8.3f} s {text}", file=self._out, flush=True)

    def _judge(self, outcome: str) -> bool:
        heard = self.reply()
        echo = self._said if self._conure.stand_in else b""
        problem = find_problem(outcome, heard, echo)
        if problem:
            print(f"FAILED: {problem}", file=self._out)
            return False
        like = f", {likeness(heard, echo):.3f} alike what was said" if echo else ""
        print(f"The reply was heard: {SPEAKER_FORMAT.seconds(len(heard)):.2f} s{like}.", file=self._out)
        return True


def find_problem(outcome: str, heard: bytes, said: bytes) -> str:
    """Why this was no conversation; empty if it was one."""
    if outcome != Outcome.ANSWERED.value:
        return f"the turn was not answered ({outcome or 'nothing happened in time'})"
    if SPEAKER_FORMAT.seconds(len(heard)) < MIN_REPLY_S:
        return "hardly anything was played"
    if loudness_dbfs(heard) < MIN_REPLY_DBFS:
        return "what was played is silence"
    if said and likeness(heard, said) < MIN_LIKENESS:
        return f"the echo is not what was said (likeness {likeness(heard, said):.2f})"
    return ""


def loudness_dbfs(pcm: bytes) -> float:
    """Root mean square over all of it, in dB below full scale; -inf for silence."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(np.mean(samples**2) / 32768.0**2)) if len(samples) else -np.inf


def likeness(heard_24k: bytes, said_16k: bytes) -> float:
    """The best normalised correlation of what was said with a stretch of what was heard, -1 to 1."""
    heard = np.frombuffer(heard_24k, dtype="<i2").astype(np.float64)
    said = np.frombuffer(said_16k, dtype="<i2").astype(np.float64)
    step = MIC_FORMAT.rate_hz / SPEAKER_FORMAT.rate_hz
    said = np.interp(np.arange(0, len(said) - 1, step), np.arange(len(said)), said)
    if not len(said) or len(heard) < len(said):
        return 0.0
    size = 1 << (len(heard) + len(said)).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size)), size)
    energy = np.concatenate(([0.0], np.cumsum(heard**2)))
    windows = energy[len(said) :] - energy[: -len(said)]
    norms = np.sqrt(np.maximum(windows, 1.0) * np.sum(said**2))
    return float(np.max(product[: len(windows)] / norms))
