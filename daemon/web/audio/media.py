"""Reads recordings in containers (WebM, Ogg, MP4, MP3, AAC). The one module that knows PyAV.

The library is loaded at the first recording (18 MB). It reads on a thread of its own from a file that the
client's connection fills, in the format that the first bytes told; it guesses nothing and opens no path.
"""

from __future__ import annotations

import asyncio
import importlib
import io
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from typing import Any, Protocol

from daemon.web.audio.pcm import MAX_CHANNELS
from daemon.web.audio.sniff import HIGHEST_HZ, LOWEST_HZ, AudioKind, BadRecording
from hw.base import MIC_FORMAT

HELD_BYTES = 256 * 1024
"""Bytes that may wait to be decoded; policy: the client waits. Half a minute of compressed speech."""

MAX_BAD_PACKETS = 50
"""Packets in a row that cannot be decoded; policy: end the recording. They are 20 to 60 ms each."""

MAX_FILE_BYTES = 10 * 2**20
"""Of a file that must be whole before it can be read; the gateway takes no longer upload."""

POLL_S = 1.0
"""How often the thread looks whether it is still wanted, while it waits for somebody to take samples."""

INSTALL = "cannot be read here: install with `--with media`, or send PCM or WAV"

Take = Callable[[bytes], Awaitable[None]]
"""Takes samples on the event loop; what it waits for, the decoder waits for."""


class _Closed(Exception):
    """Nobody wants the rest."""


class _ByteSource(Protocol):
    def read(self, size: int = -1) -> bytes: ...


class Pipe:
    """A file that one thread reads while the event loop fills it. It cannot seek."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` is called on the reader's thread when there is room again."""
        self._held = bytearray()
        self._wake = wake
        self._moved = threading.Condition()
        self._ended = self._closed = False

    @property
    def full(self) -> bool:
        """Whether the client has to wait."""
        with self._moved:
            return len(self._held) >= HELD_BYTES and not self._closed

    @property
    def closed(self) -> bool:
        """Whether nobody wants the rest."""
        return self._closed

    def put(self, data: bytes) -> None:
        """Append; the caller asks `full` before. Event loop only, as are `end` and `close`."""
        with self._moved:
            if not self._closed:
                self._held += data
                self._moved.notify()

    def end(self) -> None:
        """No more comes."""
        with self._moved:
            self._ended = True
            self._moved.notify()

    def close(self) -> None:
        """Nobody wants the rest: a reader gets the end of the file."""
        with self._moved:
            self._closed = True
            self._held.clear()
            self._moved.notify()

    def read(self, size: int = -1) -> bytes:
        """At least a byte, or the end of the file. The reader's thread only."""
        with self._moved:
            while not (self._held or self._ended or self._closed):
                self._moved.wait()
            data = bytes(self._held[:size] if size >= 0 else self._held)
            del self._held[: len(data)]
            has_room = len(self._held) < HELD_BYTES
        if has_room:
            self._wake()
        return data


class ContainerReader:
    """One recording. Event loop, but for its thread. `bad_packets` counts what could not be decoded."""

    def __init__(
        self, kind: AudioKind, take: Take, *, seekable: bool, failed: Callable[[BadRecording], None]
    ) -> None:
        """`seekable`: it is kept until it is whole, for a file may have its table of contents at its end.

        `failed` is told of a fault for which no `finish` waits.
        """
        self._kind = kind
        self._take = take
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._done = asyncio.Event()
        self._pipe = Pipe(lambda: self._on_loop(self._room.set))
        self._whole = bytearray() if seekable else None
        self._error: BadRecording | None = None
        self._awaited = False
        self.bad_packets = 0
        self._bad_in_row = 0
        self._thread = threading.Thread(target=self._run, name=f"reader of {kind.value}", daemon=True)
        if not seekable:
            self._thread.start()

    async def feed(self, data: bytes) -> None:
        """The next bytes; waits while too many are not decoded. Nothing happens after a failure."""
        if self._whole is not None:
            self._keep(data)
            return
        for at in range(0, len(data), HELD_BYTES):
            while self._pipe.full and not self._done.is_set():
                self._room.clear()
                await self._room.wait()
            self._pipe.put(data[at : at + HELD_BYTES])

    async def finish(self) -> None:
        """No more comes; returns when all was taken. Raises BadRecording."""
        self._awaited = True
        self._pipe.end()
        if self._whole is not None and not self._thread.is_alive() and not self._done.is_set():
            self._thread.start()
        await self._done.wait()
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """The rest is not wanted; the thread ends."""
        self._pipe.close()
        self._room.set()

    def _keep(self, data: bytes) -> None:
        assert self._whole is not None, "only what is seekable is kept"
        if len(self._whole) + len(data) > MAX_FILE_BYTES:
            raise BadRecording(f"it is longer than {MAX_FILE_BYTES >> 20} MiB")
        self._whole += data

    # --- the thread

    def _run(self) -> None:
        try:
            self._decode()
        except BadRecording as error:
            self._error = error
        except _Closed:
            pass  # its talk is over, and nobody is there to be told
        except Exception as error:  # noqa: BLE001 - whatever a library raises at foreign bytes
            self._error = BadRecording(f"the recording cannot be read ({type(error).__name__})")
        self._on_loop(self._finished)

    def _finished(self) -> None:
        self._done.set()
        self._room.set()
        if self._error is not None and not self._pipe.closed and not self._awaited:
            self._failed(self._error)

    def _on_loop(self, call: Callable[[], object]) -> None:
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:  # the loop has ended
            return

    def _decode(self) -> None:
        av = _library(self._kind)
        source: _ByteSource = self._pipe if self._whole is None else io.BytesIO(self._whole)
        with av.open(source, "r", format=self._kind.value, options=_options(self._kind)) as container:
            stream = _speech_of(container)
            resampler = av.AudioResampler("s16", "mono", MIC_FORMAT.rate_hz)
            for packet in container.demux(stream):
                self._give(resampler, self._frames(av, packet))
            self._give(resampler, [None])

    def _frames(self, av: Any, packet: Any) -> list[Any]:
        try:
            frames: list[Any] = packet.decode()
        except av.FFmpegError as error:
            self.bad_packets += 1
            self._bad_in_row += 1
            if self._bad_in_row >= MAX_BAD_PACKETS:
                raise BadRecording("nothing of the recording can be decoded") from error
            return []
        self._bad_in_row = 0
        return [frame for frame in frames if _is_sane(frame)]

    def _give(self, resampler: Any, frames: list[Any]) -> None:
        for pcm in _samples(resampler, frames):
            if self._pipe.closed:
                raise _Closed
            self._wait_taken(asyncio.run_coroutine_threadsafe(_taken(self._take, pcm), self._loop))

    def _wait_taken(self, future: Future[None]) -> None:
        while True:
            try:
                return future.result(POLL_S)
            except TimeoutError:
                if self._pipe.closed:
                    future.cancel()
                    raise _Closed from None


async def _taken(take: Take, pcm: bytes) -> None:
    await take(pcm)


def _library(kind: AudioKind) -> Any:
    try:
        av = importlib.import_module("av")
    except ImportError as error:
        raise BadRecording(f"{kind.name} {INSTALL}") from error
    av.logging.set_level(None)  # what it says of foreign bytes is nobody's business
    return av


def _options(kind: AudioKind) -> dict[str, str]:
    """A WebM tells all in its header; looking further would only make a live stream wait."""
    return {"probesize": "32", "analyzeduration": "0"} if kind is AudioKind.MATROSKA else {}


def _speech_of(container: Any) -> Any:
    """Its one audio track. Raises BadRecording."""
    if any(stream.type == "video" and not _is_cover(stream) for stream in container.streams):
        raise BadRecording("it has pictures; send sound alone")
    if len(container.streams.audio) != 1:
        raise BadRecording(f"it has {len(container.streams.audio)} audio tracks; send one")
    stream = container.streams.audio[0]
    rate_hz, channels = stream.rate or MIC_FORMAT.rate_hz, stream.channels or 1
    if not LOWEST_HZ <= rate_hz <= HIGHEST_HZ or channels > MAX_CHANNELS:
        raise BadRecording(f"it has {channels} channels at {rate_hz} Hz, which cannot be taken")
    return stream


def _is_cover(stream: Any) -> bool:
    return bool(int(stream.disposition) & 0x400)  # AV_DISPOSITION_ATTACHED_PIC (libavformat/avformat.h)


def _is_sane(frame: Any) -> bool:
    """A stream may change in its middle to what its header did not say."""
    return LOWEST_HZ <= frame.sample_rate <= HIGHEST_HZ and len(frame.layout.channels) <= MAX_CHANNELS


def _samples(resampler: Any, frames: list[Any]) -> Iterator[bytes]:
    for frame in frames:
        for converted in resampler.resample(frame):
            yield bytes(converted.planes[0])[: converted.samples * MIC_FORMAT.frame_bytes]
