"""Odd files are refused in words: pipes, large ones, other encodings, deep nesting, numbers without end."""

from __future__ import annotations

import os
import random
import struct
import wave
from io import BytesIO
from pathlib import Path

import pytest

from hw.base import MicError
from hw.files import MAX_DEPTH, MAX_LINE_BYTES, OddFile, read_bytes, read_text, read_toml, toml_of, wav_of
from hw.simulated.wav import read_wav

LIMIT_BYTES = 100_000


def wav_bytes(pcm: bytes, rate_hz: int = 16_000) -> bytes:
    made = BytesIO()
    with wave.open(made, "wb") as wav:
        wav.setparams((1, 2, rate_hz, 0, "NONE", ""))
        wav.writeframes(pcm)
    return made.getvalue()


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, Path("/dev/zero")):
        with pytest.raises(OddFile, match="is no regular file"):
            read_bytes(path, LIMIT_BYTES)


def test_the_limit_is_the_last_length_that_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(10))
    assert len(read_bytes(path, 10)) == 10
    with pytest.raises(OddFile, match="is larger than 9 bytes"):
        read_bytes(path, 9)


@pytest.mark.parametrize("name", ["null\0character", "half\ud800"])
def test_a_name_that_no_file_can_have_is_no_bug(name: str) -> None:
    with pytest.raises(OddFile, match="has a name that no file can have"):
        read_bytes(Path(name), LIMIT_BYTES)


def test_a_file_that_is_not_there_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "none", LIMIT_BYTES)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\xef\xbb\xbfa = 1")
    assert read_text(path, LIMIT_BYTES) == "a = 1"
    assert read_toml(path, LIMIT_BYTES) == {"a": 1}


def test_other_encodings_are_told_by_the_place_of_the_first_byte(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes("ab ü".encode("latin-1"))
    with pytest.raises(OddFile, match=r"must be text in UTF-8 \(byte 3 is not\)"):
        read_text(path, LIMIT_BYTES)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = " + "[" * 5000, "nested too deeply"),
        ("a = " + "{b = " * 3000, "nested too deeply"),
        ("a = " + "[" * MAX_DEPTH + "]" * MAX_DEPTH, "nested too deeply"),
        (".".join("a" * (MAX_DEPTH + 1)) + " = 1", "nested too deeply"),
        ("a = " + "9" * 5000, "a number that is too large"),
        ("a = 0x" + "f" * 5000, "a number that is too large"),
        ("[[a]]\nb = [1, 9223372036854775808]", "a number that is too large"),
        (".".join("a" * MAX_LINE_BYTES) + " = 1", "has a line of more than"),
        ("a = ", "is not valid TOML"),
    ],
)
def test_odd_toml_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(OddFile, match=words):
        toml_of(text)


def test_what_is_deep_and_large_within_reason_is_taken() -> None:
    assert toml_of("a = 9223372036854775807\nb = " + "[" * 30 + "]" * 30)["a"] == 2**63 - 1


@pytest.mark.parametrize("seed", range(4))
def test_an_odd_wav_file_is_read_or_refused(seed: int, tmp_path: Path) -> None:
    """Damaged in its head, cut, with sizes that are not so: `wave` itself raises five kinds of errors."""
    dice = random.Random(seed)
    whole = bytearray(wav_bytes(bytes(400)))
    path = tmp_path / "odd.wav"
    for _ in range(400):
        data = bytearray(whole[: dice.choice([len(whole), dice.randrange(len(whole))])])
        for _ in range(dice.randrange(4)):
            place = dice.randrange(0, max(1, min(len(data), 48) - 4), 2)
            data[place : place + 4] = struct.pack(
                "<I", dice.choice([0, 1, 2**31, 2**32 - 1, dice.randrange(2**32)])
            )
        path.write_bytes(data)
        try:
            assert len(read_wav(path)) % 2 == 0
        except MicError as error:
            assert error.permanent


def test_the_half_of_a_frame_at_the_end_is_left_out() -> None:
    assert wav_of(wav_bytes(b"abcd")[:-1]).pcm == b"ab"


def test_a_wav_file_without_sound_cannot_be_what_a_microphone_hears(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    path.write_bytes(wav_bytes(b""))
    with pytest.raises(MicError, match="holds no sound"):
        read_wav(path)
