"""Recordings as browsers make them: the sentence in their containers, by PyAV, each made once."""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Iterator
from functools import cache
from itertools import cycle
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from rig import SENTENCE


class _Unseekable:
    """A file that is only ever written at its end, as a live recorder's: then no size is known before."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


@cache
def webm_slices_whole() -> bytes:
    """What Chromium records with `start(100)`: unknown sizes, a cluster for each 120 ms, Opus in 60 ms."""
    codec = {"b": "16000", "frame_duration": "60", "application": "voip"}
    return _encoded("webm", "libopus", {"live": "1", "cluster_time_limit": "120"}, codec)


@cache
def webm_whole() -> bytes:
    """Without slices: all sizes known."""
    return _encoded("webm", "libopus", {}, {"b": "64000"}, seekable=True)


@cache
def matroska_floats() -> bytes:
    """`audio/webm;codecs=pcm` of Chromium: floats at 48 kHz."""
    return _encoded("matroska", "pcm_f32le", {}, {}, seekable=True)


@cache
def ogg() -> bytes:
    """Firefox's default."""
    return _encoded("ogg", "libopus", {"page_duration": "100000"}, {"b": "64000"})


@cache
def mp4(*, fragmented: bool = True) -> bytes:
    """Safari's, or with its table of contents at the end."""
    flags = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "100000"}
    return _encoded("mp4", "aac", flags if fragmented else {}, {}, seekable=True)


@cache
def mp3() -> bytes:
    """Of no browser, but of many files."""
    return _encoded("mp3", "libmp3lame", {}, {})


@cache
def wav() -> bytes:
    """As Python writes it."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(SENTENCE)
    return out.getvalue()


def wav_of(
    samples: NDArray[Any], *, rate_hz: int, channels: int = 1, tag: int = 1, length: int | None = None
) -> bytes:
    """A WAV file of samples in the array's own type; `length` is what its header says."""
    data, bits = samples.tobytes(), samples.dtype.itemsize * 8
    frame_bytes = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * frame_bytes, frame_bytes, bits)
    size = struct.pack("<I", len(data) if length is None else length)
    odd_text = b"LIST\x03\0\0\0abc\0"
    return b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + form + odd_text + b"data" + size + data


def cut(data: bytes, *sizes: int) -> Iterator[bytes]:
    """The data in pieces of these sizes, again and again."""
    at = 0
    for size in cycle(sizes):
        if at >= len(data):
            return
        yield data[at : at + size]
        at += size


def likeness(heard: bytes, said: bytes = SENTENCE) -> float:
    """The highest correlation of what was heard with what was said, at any shift up to 0.2 s."""
    one = np.frombuffer(said, "<i2").astype(np.float64)
    other = np.frombuffer(heard, "<i2").astype(np.float64)
    length = 1 << (len(one) + len(other)).bit_length()
    product = np.fft.rfft(one, length) * np.conj(np.fft.rfft(other, length))
    shifts = np.fft.irfft(product)
    near = np.concatenate([shifts[:3200], shifts[-3200:]])
    return float(near.max() / np.sqrt(np.dot(one, one) * np.dot(other, other)))


def _encoded(
    container: str, codec: str, options: dict[str, str], tuning: dict[str, str], *, seekable: bool = False
) -> bytes:
    """The sentence, at 48 kHz."""
    file = io.BytesIO() if seekable else _Unseekable()
    with av.open(file, "w", format=container, options=options) as out:
        stream: Any = out.add_stream(codec, rate=48_000, options=tuning)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.frombuffer(SENTENCE, "<i2").reshape(1, -1), "s16", "mono")
        frame.sample_rate = 16_000
        stream.codec_context.open()
        converter = av.AudioResampler(
            stream.format.name,
            "mono",
            48_000,
            frame_size=stream.frame_size or 960,
        )
        for part in (*converter.resample(frame), *converter.resample(None)):
            part.pts = None
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return file.getvalue() if isinstance(file, io.BytesIO) else bytes(file.data)
