"""What a command prints."""

from __future__ import annotations

import json
import sys
import unicodedata

import pytest

from daemon.cli.arguments import to_json
from daemon.cli.text.clean_output import clean_output, cursor_stream

HOSTILE = "a\x1b[2Jb\x9b31mc\u202ed\u2066e\x7f\u2028f\ud800"


def test_what_is_printed_commands_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with clean_output():
        print(HOSTILE.replace("\ud800", ""), "\n\tindented")
        print(HOSTILE.replace("\ud800", ""), file=sys.stderr)
    told = capsys.readouterr()
    assert told.out.endswith("\n\tindented\n")
    for text in (told.out, told.err):
        assert all(char in "\n\t" or unicodedata.category(char)[0] != "C" for char in text)


def test_a_key_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    with clean_output():
        print("AIza" + "x" * 35)
    assert capsys.readouterr().out == "********\n"


def test_who_moves_the_cursor_writes_past_it(capsys: pytest.CaptureFixture[str]) -> None:
    with clean_output():
        print("\r\x1b[K", end="", file=cursor_stream())
    assert capsys.readouterr().out == "\r\x1b[K"


def test_afterwards_the_streams_are_as_they_were() -> None:
    before = sys.stdout, sys.stderr
    with clean_output():
        pass
    assert (sys.stdout, sys.stderr) == before


def test_json_says_the_same_in_signs_that_can_be_seen() -> None:
    value = {"text": HOSTILE + "\U000e0041", "umlaut": "ä ✓", "lines": "one\ntwo"}
    text = to_json(value, indent=2)
    assert json.loads(text) == value
    assert "ä ✓" in text
    assert all(char == "\n" or char.isprintable() for char in text)
