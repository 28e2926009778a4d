"""A cable from the loopback card's speaker to its microphone, and somebody who speaks beside it.

Runs in the guest, with the distribution's Python: nothing of Conure, and no numpy.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import threading
import wave
from array import array
from collections import deque
from math import log10
from pathlib import Path

from machine import FAR_END

RATE_HZ = 24_000
CHUNK_BYTES = RATE_HZ // 50 * 2
"""20 ms."""

DIVISOR = 4
"""The echo is softer by 12 dB."""

PIPE_BYTES = 4096
"""The least that Linux makes a pipe: what waits in it is heard later, 85 ms at the most."""

RAW = ("--quiet", "--device", FAR_END, "--file-type", "raw", "--format", "S16_LE", "--rate", str(RATE_HZ))
PERIOD = ("--period-time", "20000")
"""In longer ones more would come at once than the pipe holds."""
HEARD, PLAYED = (*PERIOD, "--buffer-time", "200000"), (*PERIOD, "--buffer-time", "60000")


class Echo:
    """While it is open, what the daemon plays comes back to its microphone, and so does what is said."""

    gain_db = -20 * log10(DIVISOR)

    def __init__(self) -> None:
        self._said: deque[array[int]] = deque()
        self._stop = threading.Event()
        self._listens = subprocess.Popen(["arecord", *RAW, *HEARD], stdout=subprocess.PIPE, bufsize=0)
        self._plays = subprocess.Popen(["aplay", *RAW, *PLAYED], stdin=subprocess.PIPE, bufsize=0)
        assert self._plays.stdin is not None
        fcntl.fcntl(self._plays.stdin, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        os.set_blocking(self._plays.stdin.fileno(), False)
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Echo:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._listens.terminate()
        self._thread.join()
        self._plays.kill()
        for program in (self._listens, self._plays):
            program.wait()

    def say(self, wav: Path) -> None:
        """Say a file (mono, 16 kHz) from now on; returns at once."""
        with wave.open(str(wav)) as file:
            assert (file.getnchannels(), file.getframerate()) == (1, 16_000)
            samples = array("h", file.readframes(file.getnframes()))
        self._said.extend(_chunks(_at_24_khz(samples)))

    def _run(self) -> None:
        assert self._listens.stdout is not None
        assert self._plays.stdin is not None
        left = b""
        while not self._stop.is_set():
            heard = self._listens.stdout.read(CHUNK_BYTES)
            if not heard:
                return
            left += heard
            while len(left) >= CHUNK_BYTES:
                chunk, left = left[:CHUNK_BYTES], left[CHUNK_BYTES:]
                try:
                    os.write(self._plays.stdin.fileno(), self._mixed(chunk))
                except BlockingIOError:
                    continue  # the player is behind: what waits any longer would be a longer way

    def _mixed(self, chunk: bytes) -> bytes:
        echo = [sample // DIVISOR for sample in array("h", chunk)]
        if not self._said:
            return array("h", echo).tobytes()
        said = self._said.popleft()
        return array("h", (max(-32768, min(32767, a + b)) for a, b in zip(echo, said, strict=True))).tobytes()


def _at_24_khz(samples: array[int]) -> array[int]:
    """Three samples for two, on straight lines between them."""
    places = (at * 2 / 3 for at in range(len(samples) * 3 // 2 - 2))
    return array("h", (_between(samples, place) for place in places))


def _between(samples: array[int], place: float) -> int:
    whole = int(place)
    return round(samples[whole] + (place - whole) * (samples[whole + 1] - samples[whole]))


def _chunks(samples: array[int]) -> list[array[int]]:
    """Of 20 ms, the last one filled with silence."""
    size = CHUNK_BYTES // 2
    whole = samples + array("h", bytes(2 * (-len(samples) % size)))
    return [whole[at : at + size] for at in range(0, len(whole), size)]
