"""WAV files are written for their owner alone, and whole or not at all."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from hw.simulated.wav import write_wav

PCM = bytes(range(200)) * 12


def test_what_was_written_is_what_was_given_and_nobody_elses_to_read(tmp_path: Path) -> None:
    path = tmp_path / "reply.wav"
    path.write_bytes(b"an earlier one, open to all")
    path.chmod(0o644)
    (tmp_path / ".reply.wav.part").write_bytes(b"left by a power cut")
    write_wav(path, PCM)
    with wave.open(str(path), "rb") as wav:
        assert (wav.getframerate(), wav.getnchannels(), wav.readframes(10_000)) == (24_000, 1, PCM)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["reply.wav"]


def test_one_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "reply.wav"
    folder.mkdir()
    with pytest.raises(OSError, match=r"reply\.wav"):
        write_wav(folder, PCM)
    assert [each.name for each in tmp_path.iterdir()] == ["reply.wav"]
