"""Sentences out of pieces, and files that are played one after the other."""

from __future__ import annotations

import io
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.web.talk.joiner import LONGEST_CHARS, Joiner
from daemon.web.talk.pacer import EARLY_S, HELD_S, Pacer, wav_of
from hw.base import SPEAKER_FORMAT

TEXT = 'Hello there. It is 3.14 p.m. "Really?" she asked! Ja… 今天天气很好。谢谢'


def joined(pieces: list[str]) -> list[str]:
    joiner = Joiner()
    return [sentence for piece in pieces for sentence in joiner.add(piece)] + joiner.flush()


def test_sentences_end_where_they_are_written_to_end() -> None:
    assert joined([TEXT]) == [
        "Hello there.", "It is 3.14 p.m.", '"Really?"', "she asked!", "Ja…", "今天天气很好。", "谢谢",
    ]  # fmt: skip


@given(cuts=st.lists(st.integers(1, 12), min_size=1, max_size=30))
def test_sentences_are_the_same_however_they_come(cuts: list[int]) -> None:
    pieces, at = [], 0
    for size in cuts:
        pieces.append(TEXT[at : at + size])
        at += size
    assert joined([*pieces, TEXT[at:]]) == joined([TEXT])


@given(st.lists(st.text(max_size=900), max_size=5))
def test_no_letter_is_lost_and_no_text_is_too_long(pieces: list[str]) -> None:
    told = joined(pieces)
    assert "".join("".join(told).split()) == "".join("".join(pieces).split())
    assert all(0 < len(one) <= LONGEST_CHARS for one in told)


def test_a_file_is_whole() -> None:
    with wave.open(io.BytesIO(wav_of(b"\1\0" * 240))) as file:
        assert file.getparams()[:4] == (1, 2, 24_000, 240)
        assert file.readframes(300) == b"\1\0" * 240


def lengths_s(files: list[bytes]) -> list[float]:
    return [SPEAKER_FORMAT.seconds(len(file) - 44) for file in files]


def test_files_grow_and_each_leaves_when_the_one_before_was_played() -> None:
    pacer = Pacer()
    pacer.add(bytes(SPEAKER_FORMAT.bytes(8.0)))
    pacer.finish()
    now_s, sent = 100.0, []
    while (due_s := pacer.due_s()) is not None:
        now_s = max(now_s, due_s)
        sent += [(round(now_s - 100, 3), length) for length in lengths_s(pacer.take(now_s))]
    assert [length for _, length in sent] == [0.6, 2.0, 4.0, pytest.approx(1.4)]
    assert [at for at, _ in sent] == [
        0.0,
        pytest.approx(0.6 - EARLY_S),
        pytest.approx(2.6 - 2 * EARLY_S),
        pytest.approx(6.6 - 3 * EARLY_S),
    ]


def test_less_than_a_file_waits_for_more_or_for_the_end() -> None:
    pacer = Pacer()
    pacer.add(bytes(SPEAKER_FORMAT.bytes(0.5)))
    assert (pacer.take(0.0), pacer.due_s()) == ([], None)
    pacer.finish()
    assert lengths_s(pacer.take(0.0)) == [0.5]


def test_a_cut_drops_the_rest_and_the_next_reply_begins_at_once_and_short() -> None:
    pacer = Pacer()
    pacer.add(bytes(SPEAKER_FORMAT.bytes(10.0)))
    pacer.take(0.0)
    pacer.clear()
    assert pacer.due_s() is None
    pacer.add(bytes(SPEAKER_FORMAT.bytes(1.0)))
    assert lengths_s(pacer.take(0.1)) == [0.6]


def test_what_waits_is_bounded() -> None:
    pacer = Pacer()
    pacer.add(bytes(SPEAKER_FORMAT.bytes(HELD_S)))
    assert pacer.full
