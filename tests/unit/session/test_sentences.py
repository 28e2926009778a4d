"""Words that are being written, cut into sentences that can be spoken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from daemon.session.slow.sentences import SENTENCE_CHARS, Sentences


def cut(*pieces: str) -> list[str]:
    sentences = Sentences()
    return [one for piece in pieces for one in sentences.feed(piece)] + list(sentences.rest())


@pytest.mark.parametrize(
    ("pieces", "spoken"),
    [
        (("Hello there. How are you?",), ["Hello there.", "How are you?"]),
        (("It is 3.", "5 degrees. Co", "ld!"), ["It is 3.5 degrees.", "Cold!"]),
        (('He said "no." Then he left.',), ['He said "no."', "Then he left."]),
        (("One\nTwo\n\nThree",), ["One", "Two", "Three"]),
        (("**Bold** and `code`. # Title",), ["Bold and code .", "Title"]),
        (("\u4f60\u597d\u3002\u518d\u89c1\u3002",), ["\u4f60\u597d\u3002", "\u518d\u89c1\u3002"]),
        (("... *** ?! ",), []),
        (("",), []),
    ],
)
def test_sentences_end_where_one_would_breathe(pieces: tuple[str, ...], spoken: list[str]) -> None:
    assert cut(*pieces) == spoken


def test_a_sentence_without_end_is_cut_at_a_pause_or_anywhere() -> None:
    long = "word, " * 200
    assert all(len(one) <= SENTENCE_CHARS for one in cut(long))
    assert "".join(cut("x" * 1000)) == "x" * 1000
    assert cut("a" * 500 + ". b") == ["a" * 400, "a" * 100 + ".", "b"]


@given(some.lists(some.text(alphabet="ab .,!\n", max_size=60), max_size=20))
def test_no_word_is_lost_however_the_pieces_are_cut(pieces: list[str]) -> None:
    assert "".join(cut(*pieces)).replace(" ", "").count("a") == "".join(pieces).count("a")
    joined = cut("".join(pieces))
    assert "".join(joined).replace(" ", "") == "".join(cut(*pieces)).replace(" ", "")
