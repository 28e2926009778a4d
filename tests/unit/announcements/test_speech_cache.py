"""Speech on disk: bounded, whole, and under names that tell nothing."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.announcements.cache import FOLDER, SpeechCache, SpeechKey

KEY = SpeechKey(text="Dinner is ready.", voice="Kore", language="en-US", model="m")
PCM = bytes(range(200))


def key(text: str) -> SpeechKey:
    return replace(KEY, text=text)


def filled(folder: Path, *names: str) -> SpeechCache:
    """A cache for three sounds, with these in it, the first one being the oldest."""
    cache = SpeechCache(folder, 3 * len(PCM))
    for age, name in enumerate(reversed(names)):
        cache.keep(key(name), PCM)
        os.utime(folder / key(name).file_name(), (1000 - age, 1000 - age))
    return cache


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    SpeechCache(tmp_path / FOLDER, 1000).keep(KEY, PCM)
    again = SpeechCache(tmp_path / FOLDER, 1000)
    assert again.load(KEY) == PCM
    assert again.size_bytes == len(PCM)


@pytest.mark.parametrize(
    "other", [{"text": "x"}, {"voice": "Puck"}, {"language": "de-DE"}, {"model": "n"}], ids=str
)
def test_each_part_of_the_key_makes_another_sound(tmp_path: Path, other: dict[str, str]) -> None:
    cache = SpeechCache(tmp_path, 1000)
    cache.keep(KEY, PCM)
    assert cache.load(replace(KEY, **other)) == b""


def test_neither_names_nor_rights_tell_what_is_said(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path / FOLDER, 1000)
    cache.keep(KEY, PCM)
    (file,) = (tmp_path / FOLDER).iterdir()
    assert "inner" not in file.name
    assert (file.stat().st_mode & 0o777, (tmp_path / FOLDER).stat().st_mode & 0o777) == (0o600, 0o700)


def test_the_oldest_go_where_there_are_too_many(tmp_path: Path) -> None:
    cache = filled(tmp_path, "old", "older", "new")
    cache.keep(key("newest"), PCM)
    assert [bool(cache.load(key(name))) for name in ("old", "older", "new", "newest")] == [
        False,
        True,
        True,
        True,
    ]
    assert (cache.evicted, cache.size_bytes) == (1, 3 * len(PCM))


def test_what_is_larger_than_the_cache_is_not_kept_and_nothing_goes_for_it(tmp_path: Path) -> None:
    cache = filled(tmp_path, "a", "b")
    cache.keep(key("large"), PCM * 4)
    cache.keep(key("nothing"), b"")
    assert (cache.load(key("large")), cache.evicted, cache.size_bytes) == (b"", 0, 2 * len(PCM))


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x" * 5000)
    cache = filled(tmp_path, "a", "b", "c")
    cache.keep(key("d"), PCM)
    assert (tmp_path / "notes.txt").exists() and cache.evicted == 1


def test_half_a_sample_is_left_out(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 1000)
    cache.keep(KEY, PCM + b"x")
    assert cache.load(KEY) == PCM


def test_a_file_that_cannot_be_read_is_as_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / KEY.file_name()).mkdir()
    assert SpeechCache(tmp_path, 1000).load(KEY) == b""
    assert "cannot be used" in caplog.text


def test_a_folder_that_cannot_be_made_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    cache = SpeechCache(tmp_path / "file" / FOLDER, 1000)
    cache.keep(KEY, PCM)
    assert cache.failures == 1 and "cannot be kept" in caplog.text
