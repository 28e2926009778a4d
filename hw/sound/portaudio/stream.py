"""A PyAudio stream on a thread of its own: a call that fails or hangs becomes an error in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from hw.base import DeviceError, PcmFormat
from hw.sound.library import ERRORS, LIBRARY, UNAVAILABLE, Opened, error_text
from hw.sound.negotiate import Form, StreamOptions
from hw.sound.worker import Stalled, Worker

OPEN_TIMEOUT_S = 3.0
"""Listing the devices takes half a second on a small board, opening a Bluetooth speaker one or two; with a
sound server that hangs it takes for ever."""

IO_TIMEOUT_S = 0.9
"""A read or a write that takes longer has stalled (`hw.base`: it fails within a second)."""

BEGIN_TIMEOUT_S = 3.0
"""Until so long after a sound server's device was opened, a read or a write may take to begin. What is no
card (a null sink, or the output that a server has where there is no card) works up to two seconds ahead while
nobody is in a hurry, and who comes waits for them to pass, once. Measured with PulseAudio 16.1: a first read
takes 1.5 to 2.0 s, a first write into a full buffer 1.8 to 2.0 s, those after it 20 ms."""

WAIT_LIMIT_S = 0.8
"""A device that moves nothing for so long has stalled. Less than IO_TIMEOUT_S: its own thread knows first."""

POLL_S = 0.001
"""The least pause between two questions. Periods come when they come: a chunk is late by half of it."""

CLOSE_TIMEOUT_S = 0.5
"""Closing takes a millisecond; a close that hangs is left to its thread."""

LEND_TIMEOUT_S = 0.5
"""For how long the other device waits for a stream to be lent: its thread may be inside a read of 20 ms."""

LENT_TIMEOUT_S = 5.0
"""A stream is opened again after this at the latest, whatever became of the one who asked for it."""


class Stream:
    """A PyAudio stream on its own worker: a call that fails or hangs becomes the kind's error."""

    def __init__(
        self,
        kind: str,
        wanted: str,
        options: StreamOptions,
        *,
        set_up: Callable[[Opened], None],
        may_lend: Callable[[], bool],
    ) -> None:
        """`set_up` is called on the worker whenever the stream was opened; `may_lend` says there whether it
        can be spared for a moment. Raises the kind's error."""
        self._kind = kind
        self._wanted = wanted
        self._options = options
        self._set_up = set_up
        self._may_lend = may_lend
        self._opened: Opened | None = None
        self._fault: DeviceError | None = None
        self._begins_until_s = 0.0
        self._worker = Worker(f"portaudio {kind}")
        try:
            self.call(self._open, OPEN_TIMEOUT_S)
        except DeviceError:
            self.close()
            raise

    def call(self, function: Callable[[], Any], timeout_s: float = 0.0) -> Any:
        """What `function` returns on the worker, which alone may use the stream. Raises the kind's error.

        `timeout_s`: how long it may take; 0: as long as a read or a write may.
        """
        error_type = ERRORS[self._kind]
        limit_s = timeout_s or max(IO_TIMEOUT_S, self._begins_until_s - time.monotonic())
        try:
            return self._worker.call(function, limit_s)
        except Stalled:
            words = f"does not answer for {limit_s:.1f} s: the device or its sound server hangs"
            raise error_type(self._wanted, words) from None
        except OSError as error:
            words = f"stopped working: {error_text(error)}; was it unplugged, or its sound server stopped?"
            raise error_type(self._wanted, words) from error
        except ImportError as error:
            words = f"has not our rate, and cannot be resampled: {error}"
            raise error_type(self._wanted, words, permanent=True) from error

    def has_begun(self) -> None:
        """From now on a read or a write takes as long as one of them may: the device has moved."""
        self._begins_until_s = 0.0

    def when_idle(self, function: Callable[[], object], delay_s: float) -> None:
        """Inside `call`: what to do when no other call comes for so long."""
        self._worker.when_idle(function, delay_s)

    @property
    def stream(self) -> Any:
        """PyAudio's stream; only inside `call`. Raises DeviceError if it was lent and did not come back."""
        if self._opened is None:
            raise self._fault or ERRORS[self._kind](self._wanted, "is closed")
        return self._opened.stream

    @property
    def hangs(self) -> bool:
        """Whether the stream is stuck in a call that does not return."""
        return self._worker.stalled

    def lend(self, go_on: threading.Event) -> bool:
        """As `hw.sound.library.Lender` has it."""
        answer: SimpleQueue[bool] = SimpleQueue()
        self._worker.aside(lambda: self._lend(answer, go_on))
        try:
            return answer.get(timeout=LEND_TIMEOUT_S)
        except Empty:
            return False

    def close(self) -> None:
        """Close it, if it was opened; or leave that to the thread that hangs."""
        self._worker.finish(self._close, CLOSE_TIMEOUT_S)

    def _lend(self, answer: SimpleQueue[bool], go_on: threading.Event) -> None:
        """Asked too late, there is nothing to do: `go_on` is set."""
        if go_on.is_set() or self._opened is None or not self._may_lend():
            answer.put(False)
            return
        self._close()
        answer.put(True)
        go_on.wait(LENT_TIMEOUT_S)
        try:
            self._open()
        except DeviceError as error:
            self._fault = error

    def _open(self) -> None:
        self._opened = LIBRARY.open_stream(self, self._kind, self._wanted, self._options)
        self._begins_until_s = time.monotonic() + BEGIN_TIMEOUT_S if self._opened.served else 0.0
        self._set_up(self._opened)

    def _close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            LIBRARY.close_stream(self, opened)


def describe(opened: Opened, own: PcmFormat) -> str:
    """The device and the form in which it runs, in words; `own` is the form that we speak."""
    resampled = "" if opened.form.rate_hz == own.rate_hz else ", resampled"
    return f"{opened.name}: {opened.form}{resampled}"


def is_own(form: Form, own: PcmFormat) -> bool:
    """Whether nothing need be converted."""
    return form == Form(own.rate_hz, own.channels)


def wait_for(ask: Callable[[], int], frames: int, rate_hz: int) -> None:
    """Wait until there are so many frames. Raises OSError."""
    give_up_s = time.monotonic() + WAIT_LIMIT_S
    while (missing_frames := frames - ask()) > 0:
        if time.monotonic() > give_up_s:
            raise OSError(UNAVAILABLE, "it moves no samples")
        time.sleep(max(POLL_S, missing_frames / rate_hz))


def waiting_frames(stream: Any) -> int:
    """What can be read without waiting. Raises OSError."""
    return _counted(int(stream.get_read_available()))


def free_frames(stream: Any) -> int:
    """What can be written without waiting. Raises OSError."""
    return _counted(int(stream.get_write_available()))


def _counted(frames: int) -> int:
    """PyAudio gives PortAudio's error code as if it were a number of frames."""
    if frames < 0:
        raise OSError(frames, "PortAudio cannot tell how much the device holds")
    return frames
