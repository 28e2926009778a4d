"""How much of a sentence is in a recording of its echo: compare.py SENTENCE.wav RECORDING.wav, prints JSON.

The sentence is cut into pieces of 200 ms. A piece is found if something in the recording, in the place where
it belongs, has the same shape: a normalised correlation of at least 0.7, since noise suppression and gain
change it a little. Silent pieces do not count.
"""

from __future__ import annotations

import json
import sys
import wave

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
PIECE_S = 0.2
ALIKE = 0.7
QUIET = 0.02
"""Of the loudest piece: what is softer is a pause between words."""


def read(name: str, rate_hz: int) -> Samples:
    """A mono WAV file at this rate."""
    with wave.open(name) as wav:
        samples = np.frombuffer(wav.readframes(wav.getnframes()), np.int16).astype(float)
        found_hz = wav.getframerate()
    count = len(samples) * rate_hz // found_hz
    resampled: Samples = np.interp(np.arange(count) * found_hz / rate_hz, np.arange(len(samples)), samples)
    return resampled


class Recording:
    """What was heard, ready to be searched for pieces of one length."""

    def __init__(self, heard: Samples, length: int) -> None:
        self._places = len(heard) - length + 1
        self._size = 1 << (len(heard) + length).bit_length()  # a power of two is transformed fastest
        self._spectrum = np.fft.rfft(heard, self._size)
        sums = np.concatenate([[0.0], np.cumsum(heard**2)])
        self._loudness = np.sqrt(np.maximum(sums[length:] - sums[:-length], 1.0))

    def find(self, piece: Samples) -> tuple[int, float]:
        """Where the piece is most alike, and how much: a normalised correlation, -1 to 1."""
        product = np.fft.irfft(self._spectrum * np.conj(np.fft.rfft(piece, self._size)), self._size)
        alike = product[: self._places] / (self._loudness * np.sqrt(np.sum(piece**2)))
        place = int(alike.argmax())
        return place, float(alike[place])


def main() -> None:
    rate_hz = 4000  # below 2 kHz is most of what a voice says, and emulation is slow
    sentence, heard = read(sys.argv[1], rate_hz), read(sys.argv[2], rate_hz)
    size = int(PIECE_S * rate_hz)
    pieces = [sentence[start : start + size] for start in range(0, len(sentence) - size, size)]
    loudest = max(float(np.std(piece)) for piece in pieces)
    wanted = [(number, piece) for number, piece in enumerate(pieces) if np.std(piece) > QUIET * loudest]
    recording = Recording(heard, size)
    places = []
    for number, piece in wanted:
        place, alike = recording.find(piece)
        if alike >= ALIKE:
            places.append((place - number * size) / rate_hz)
    offset_s = float(np.median(places)) if places else 0.0
    in_place = sum(abs(place - offset_s) < PIECE_S for place in places)
    loud = (
        np.flatnonzero(np.abs(heard) > 0.05 * np.abs(heard).max()) / rate_hz if len(heard) else np.array([])
    )
    print(json.dumps({
        "found": in_place / len(wanted),
        "offset_s": offset_s,
        "recorded_s": len(heard) / rate_hz,
        "first_sound_s": float(loud[0]) if len(loud) else -1.0,
        "last_sound_s": float(loud[-1]) if len(loud) else -1.0,
        "peak": float(np.abs(heard).max()) if len(heard) else 0.0,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
