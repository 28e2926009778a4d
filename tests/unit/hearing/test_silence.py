"""A microphone that delivers nothing but zeros."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.hearing.silence import ZEROS, SilenceWatch
from hw.base import MIC_FORMAT

NOISE = b"\1\0" + bytes(MIC_FORMAT.chunk_bytes - 2)
CHUNKS_A_SECOND = 50


def told(watch: SilenceWatch, chunks: Iterable[bytes], *, expected: bool = False) -> int:
    """How often a silence was told."""
    return sum(watch.hear(chunk, expected=expected) for chunk in chunks)


def zeros(seconds: float) -> list[bytes]:
    return [ZEROS] * round(seconds * CHUNKS_A_SECOND)


def test_zeros_for_long_are_told_once() -> None:
    watch = SilenceWatch(10.0)
    assert told(watch, zeros(9.98)) == 0
    assert told(watch, zeros(0.02)) == 1
    assert told(watch, zeros(100)) == 0
    assert watch.told and watch.silences == 1
    assert not watch.heard_ever


def test_a_single_sample_ends_a_silence_and_the_next_is_told_again() -> None:
    watch = SilenceWatch(10.0)
    told(watch, zeros(10))
    assert told(watch, [NOISE]) == 0
    assert not watch.told and watch.silent_s == 0
    assert told(watch, zeros(10)) == 1
    assert watch.heard_ever and watch.silences == 2


def test_a_quiet_room_is_no_silence() -> None:
    watch = SilenceWatch(10.0)
    assert told(watch, [NOISE] * 5000) == 0


def test_it_can_be_forbidden() -> None:
    watch = SilenceWatch(0.0)
    assert told(watch, zeros(1000), expected=True) == 0
    assert not watch.unheard


def test_who_was_to_speak_and_brought_only_zeros_was_not_heard() -> None:
    watch = SilenceWatch(60.0)
    told(watch, zeros(30))  # a gated microphone at night
    told(watch, zeros(2.9), expected=True)
    before = watch.unheard
    told(watch, zeros(0.1), expected=True)
    assert not before
    told(watch, zeros(1))
    assert watch.unheard, "it is asked when the listening is over"


def test_who_is_to_speak_again_begins_anew() -> None:
    watch = SilenceWatch(60.0)
    told(watch, zeros(5), expected=True)
    told(watch, zeros(1))
    told(watch, zeros(1), expected=True)
    assert not watch.unheard


def test_a_word_is_heard() -> None:
    watch = SilenceWatch(60.0)
    told(watch, [*zeros(5), NOISE], expected=True)
    assert not watch.unheard
