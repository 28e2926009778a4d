"""What is heard of what browsers and programs send, however it is cut, and however it is damaged."""

from __future__ import annotations

import asyncio
import random
import struct
import threading
import time
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from browser_audio import (
    cut,
    likeness,
    matroska_floats,
    mp3,
    mp4,
    ogg,
    wav,
    wav_of,
    webm_slices_whole,
    webm_whole,
)
from hypothesis import given
from hypothesis import strategies as st
from rig import SENTENCE

from daemon.web.audio.media import HELD_BYTES, ContainerReader
from daemon.web.audio.recording import AHEAD_S, TOO_SHORT, Lead, Recording
from daemon.web.audio.sniff import AudioKind, BadRecording
from hw.base import MIC_FORMAT

MUTATIONS = 150
"""In the default run; `damage` does more."""

FORMS: dict[str, Callable[[], bytes]] = {
    "webm slices": webm_slices_whole,
    "webm": webm_whole,
    "floats in matroska": matroska_floats,
    "ogg": ogg,
    "mp4": mp4,
    "mp3": mp3,
    "wav": wav,
}


class Heard:
    """One client's recordings, at once: the clock never waits."""

    def __init__(self, *, upload_s: float | None = None) -> None:
        self.samples = bytearray()
        self.failures: list[BadRecording] = []
        self._now_s = 0.0
        self.recording = Recording(
            self.samples.extend, failed=self.failures.append, clock=self._later, upload_s=upload_s
        )

    def _later(self) -> float:
        self._now_s += 3600.0
        return self._now_s

    async def all_of(self, pieces: Iterable[bytes], mime_type: str = "") -> bytes:
        for piece in pieces:
            await self.recording.feed(piece, mime_type)
        await self.recording.finish()
        return bytes(self.samples)


async def heard(pieces: Iterable[bytes], mime_type: str = "", *, upload_s: float | None = None) -> bytes:
    return await Heard(upload_s=upload_s).all_of(pieces, mime_type)


async def refusal(pieces: Iterable[bytes], mime_type: str = "", *, upload_s: float | None = None) -> str:
    with pytest.raises(BadRecording) as caught:
        await heard(pieces, mime_type, upload_s=upload_s)
    return str(caught.value)


@pytest.mark.parametrize("form", FORMS)
async def test_each_form_is_heard_as_it_was_said(form: str) -> None:
    samples = await heard([FORMS[form]()])
    assert abs(len(samples) - len(SENTENCE)) < MIC_FORMAT.bytes(0.1)
    assert likeness(samples) > (0.999 if form in ("wav", "floats in matroska") else 0.9)


@pytest.mark.parametrize("form", FORMS)
async def test_any_cut_gives_the_same_samples(form: str) -> None:
    data = FORMS[form]()
    whole = await heard([data])
    for sizes in ((1,) if len(data) < 10_000 else (999, 1), (7, 160, 3), (4096,), (len(data) - 1,)):
        assert await heard(cut(data, *sizes)) == whole


async def test_an_mp4_with_its_contents_at_the_end_is_heard_as_an_upload() -> None:
    assert likeness(await heard(cut(mp4(fragmented=False), 5000), upload_s=600.0)) > 0.9


async def test_live_slices_are_heard_while_the_recorder_runs() -> None:
    """Nothing waits for the end: the words of a slice are there before the next but one comes."""
    one = Heard()
    slices = list(cut(webm_slices_whole(), 280))
    for piece in slices[: len(slices) // 2]:
        await one.recording.feed(piece)
    async with asyncio.timeout(5):
        while MIC_FORMAT.seconds(len(one.samples)) < 1.2:
            await asyncio.sleep(0.01)
    one.recording.abandon()


async def test_slices_without_the_first_are_refused_with_what_helps() -> None:
    slices = list(cut(webm_slices_whole(), 280))
    assert await refusal(slices[1:]) == "the recording does not begin with its header; start again"


async def test_a_second_recording_begins_with_its_header() -> None:
    one = Heard()
    await one.recording.feed(webm_slices_whole())
    await one.recording.feed(webm_slices_whole())
    await one.recording.finish()
    assert abs(len(one.samples) - 2 * len(SENTENCE)) < MIC_FORMAT.bytes(0.2)


async def test_after_a_refusal_another_recording_is_heard() -> None:
    one = Heard()
    with pytest.raises(BadRecording):
        await one.all_of([webm_slices_whole()[280:]])
    assert likeness(await one.all_of([webm_slices_whole()])) > 0.9


@given(cuts=st.lists(st.integers(1, 4000), min_size=1, max_size=5), extra=st.integers(0, 1))
def test_raw_samples_are_the_same_however_they_are_cut(cuts: list[int], extra: int) -> None:
    """Half a sample waits for its other half; at the end it is none."""
    data = SENTENCE[:20_000] + bytes(extra)
    assert asyncio.run(heard(cut(data, *cuts))) == SENTENCE[:20_000]


@given(cuts=st.lists(st.integers(1, 4000), min_size=1, max_size=4))
def test_wav_files_at_another_rate_are_the_same_however_they_are_cut(cuts: list[int]) -> None:
    samples = np.frombuffer(SENTENCE[:16_000], "<i2")
    data = wav_of(samples, rate_hz=44_100)
    assert asyncio.run(heard(cut(data, *cuts))) == asyncio.run(heard([data]))


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 48_000, 96_000])
async def test_a_rate_in_the_hint_is_converted(rate_hz: int) -> None:
    tone = np.rint(8000 * np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz)).astype("<i2").tobytes()
    samples = np.frombuffer(await heard([tone], f"audio/pcm;rate={rate_hz}"), "<i2")
    assert abs(len(samples) - 16_000) < 400
    spectrum = np.abs(np.fft.rfft(samples[:16_000], 16_000))
    assert int(spectrum.argmax()) == 440


@pytest.mark.parametrize(
    ("samples", "tag"),
    [
        (np.frombuffer(SENTENCE, "<i2"), 1),
        (np.frombuffer(SENTENCE, "<i2").astype(np.float32) / 32768, 3),
        (np.frombuffer(SENTENCE, "<i2").astype(np.float64) / 32768, 3),
        (np.frombuffer(SENTENCE, "<i2").astype("<i4") * 65536, 1),
    ],
)
async def test_each_form_of_samples_in_a_wav_gives_the_same(samples: np.ndarray, tag: int) -> None:
    assert await heard(cut(wav_of(samples, rate_hz=16_000, tag=tag), 4099)) == SENTENCE


async def test_samples_of_8_and_24_bits_are_heard() -> None:
    values = np.frombuffer(SENTENCE, "<i2").astype(np.int32)
    bytes_24 = (values * 256).astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    form = struct.pack("<HHIIHH", 1, 1, 16_000, 48_000, 3, 24)
    head = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + form + b"data" + struct.pack("<I", len(bytes_24))
    assert await heard([head + bytes_24]) == SENTENCE
    eight = ((values >> 8) + 128).astype(np.uint8)
    assert likeness(await heard([wav_of(eight, rate_hz=16_000)])) > 0.95


async def test_channels_are_mixed() -> None:
    mono = np.frombuffer(SENTENCE, "<i2")
    both = np.stack([mono, mono], axis=1).reshape(-1)
    assert await heard([wav_of(both, rate_hz=16_000, channels=2)]) == SENTENCE


@pytest.mark.parametrize("length", [0, 2**32 - 1])
async def test_a_wav_that_does_not_know_its_length_is_heard_to_its_end(length: int) -> None:
    assert await heard([wav_of(np.frombuffer(SENTENCE, "<i2"), rate_hz=16_000, length=length)]) == SENTENCE


async def test_what_follows_the_samples_of_a_wav_is_no_sound() -> None:
    assert await heard([wav() + b"LIST" + bytes(100)]) == SENTENCE


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (wav_of(np.zeros(800, "<i2"), rate_hz=4_000), "its rate is 4000 Hz"),
        (wav_of(np.zeros(800, "<i2"), rate_hz=16_000, channels=9), "it has 9 channels"),
        (wav_of(np.zeros(800, "<i2"), rate_hz=16_000, tag=85), "format 85"),
        (b"RIFF\0\0\0\0WAVEdata\x10\0\0\0" + bytes(700), "does not say how"),
        (b"RIFF\0\0\0\0WAVELIST\xff\xff\xff\x7f" + bytes(700), "its header is too long"),
        (b"\x1a\x45\xdf\xa3" + bytes(2000), "cannot be read"),
        (b"OggS\0\x02" + bytes(2000), "cannot be read"),
        (b"\0\0\0\x20ftypisom" + bytes(2000), "cannot be read"),
    ],
)
async def test_what_cannot_be_heard_is_refused_with_the_reason(data: bytes, words: str) -> None:
    assert words in await refusal(cut(data, 100))


@pytest.mark.parametrize("data", [b"", bytes(2), SENTENCE[: MIC_FORMAT.bytes(0.09)], b"\x1a\x45"])
async def test_an_upload_of_nothing_is_refused(data: bytes) -> None:
    assert await refusal([data], upload_s=600.0) == TOO_SHORT


async def test_an_upload_that_is_too_long_is_refused() -> None:
    assert "longer than" in await refusal([SENTENCE] * 30, upload_s=60.0)


def test_a_stream_may_be_only_so_far_ahead_of_the_clock() -> None:
    bucket = Lead()
    assert [bucket.add(2.0, 0.0), bucket.add(2.0, 0.0), bucket.add(2.0, 0.0)] == [0.0, 0.0, 6.0 - AHEAD_S]
    assert bucket.add(1.0, 100.0) == 0.0


async def test_bytes_that_are_not_decoded_are_bounded_and_the_thread_ends_with_its_client() -> None:
    """Whoever takes nothing makes the client wait, and keeps no thread."""
    stuck = asyncio.Event()

    async def never(_: bytes) -> None:
        await stuck.wait()

    reader = ContainerReader(AudioKind.MATROSKA, never, seekable=False, failed=lambda _: None)
    endless = asyncio.create_task(reader.feed(matroska_floats() + bytes(20 * HELD_BYTES)))
    done, _ = await asyncio.wait([endless], timeout=0.3)
    assert not done
    reader.close()
    async with asyncio.timeout(5):
        await endless
        while any(one.name == "reader of matroska" for one in threading.enumerate()):
            await asyncio.sleep(0.05)


async def hear_damaged(data: bytes, at_once: bool) -> None:
    """Samples, or a refusal, in bounded time; anything else fails."""
    one = Heard(upload_s=60.0)
    try:
        async with asyncio.timeout(20):
            await one.all_of([data] if at_once else cut(data, 997))
    except BadRecording:
        pass
    finally:
        one.recording.abandon()


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Some bytes changed, dropped, doubled or cut off."""
    damaged = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 8, 64))):
        at = dice.randrange(len(damaged)) if dice.random() < 0.5 else dice.randrange(min(400, len(damaged)))
        match dice.randrange(5):
            case 0:
                damaged[at] = dice.randrange(256)
            case 1:
                damaged[at] ^= 1 << dice.randrange(8)
            case 2:
                del damaged[at : at + dice.choice((1, 2, 50))]
            case 3:
                damaged[at:at] = damaged[at : at + 40]
            case _:
                damaged[at : at + 8] = bytes([dice.choice((0, 255))]) * 8
    return bytes(damaged[: dice.randrange(20, len(damaged))] if dice.random() < 0.2 else damaged)


@pytest.mark.parametrize("form", ["webm slices", "ogg", "mp4", "wav"])
async def test_damaged_recordings_give_samples_or_a_refusal(form: str) -> None:
    await damage(form, MUTATIONS if form == "webm slices" else MUTATIONS // 5)


async def damage(form: str, count: int, seed: int = 1) -> float:
    """So many; the longest that one took, in seconds."""
    data = FORMS[form]()
    longest_s = 0.0
    for number in range(count):
        began_s = time.monotonic()
        await hear_damaged(mutated(data, random.Random(seed * 100_000 + number)), at_once=number % 2 == 0)
        longest_s = max(longest_s, time.monotonic() - began_s)
    return longest_s
