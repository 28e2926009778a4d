"""A camera whose pictures a program writes to its standard output. The only module that starts one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from hw.camera.base import CameraError, Frame
from hw.camera.frames import FrameFinder
from hw.camera.programs import remedy_for

READ_BYTES = 64 * 1024
LAST_WORDS_CHARS = 200
END_S = 1.0
"""So long it has to end when it is told to; then it is killed."""


class ProgramCamera:
    """A `Camera`. A thread of its own reads what the program writes, and keeps the newest picture only."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the program, with `env` as its whole environment. Raises CameraError."""
        self._name = command[0]
        self._clock = clock
        self._finder = FrameFinder()
        self._closing = False
        self._last_words = ""
        self.newest: Frame | None = None
        self.error: CameraError | None = None
        self._process = self._started(command, env)
        # daemon=True: a program that hangs in a driver must not keep a dead process looking alive.
        self._threads = [
            threading.Thread(target=self._read_pictures, name="camera", daemon=True),
            threading.Thread(target=self._read_words, name="camera's words", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def dropped(self) -> int:
        """Pictures that were too long, or none."""
        return self._finder.dropped

    @property
    def ended(self) -> bool:
        """Whether the program has ended."""
        return self._process.poll() is not None

    def close(self) -> None:
        """End the program with all that it has started."""
        self._closing = True
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended, or is another's
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(END_S)
                break
        for thread in self._threads:
            thread.join(END_S)

    def _started(self, command: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(env),
                start_new_session=True,
            )
        except FileNotFoundError as error:
            words = f"there is no such program; {remedy_for(self._name)}"
            raise CameraError(self._name, words, absent=True) from error
        except OSError as error:
            raise CameraError(self._name, f"cannot be started: {error.strerror or error}") from error

    def _read_pictures(self) -> None:
        stream = self._pipe(self._process.stdout)
        while data := os.read(stream.fileno(), READ_BYTES):
            jpeg = self._finder.feed(data)
            if jpeg is not None:
                self.newest = Frame(jpeg, self._clock())
        self._note_end(stream)

    def _note_end(self, stream: IO[bytes]) -> None:
        status = self._process.wait()
        stream.close()
        self._threads[1].join(END_S)
        if not self._closing:
            words = f": {self._last_words}" if self._last_words else ""
            self.error = CameraError(self._name, f"ended with status {status}{words}")

    def _read_words(self) -> None:
        """Keep the last line on standard error; what it writes must not fill the pipe."""
        with self._pipe(self._process.stderr) as stream:
            for line in iter(lambda: stream.readline(READ_BYTES), b""):
                words = line.decode("utf-8", "replace").strip()[:LAST_WORDS_CHARS]
                self._last_words = words or self._last_words

    def _pipe(self, stream: IO[bytes] | None) -> IO[bytes]:
        assert stream is not None, "it is a pipe"
        return stream
