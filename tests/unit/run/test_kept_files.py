"""One process at a time keeps state in a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.errors import AlreadyRunning
from daemon.run.kept_files import folder_in_use, sole_use


def test_a_second_one_is_refused_in_words_and_after_the_first_it_may(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with sole_use(folder):
        with (
            pytest.raises(AlreadyRunning, match=rf"\(process {os.getpid()}\).*keep their state in {folder}"),
            sole_use(folder),
        ):
            pass
    with sole_use(folder):
        assert (folder / "lock").exists()


def test_a_folder_that_cannot_be_had_is_gone_on_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    with sole_use(tmp_path / "file"), sole_use(None):
        assert "cannot be locked" in caplog.text


def test_with_the_stand_in_and_by_hand_nothing_is_kept(tmp_path: Path) -> None:
    by_hand, service = {"HOME": str(tmp_path)}, {"STATE_DIRECTORY": str(tmp_path)}
    assert folder_in_use(by_hand, stand_in=True) is None
    assert folder_in_use(by_hand, stand_in=False) == tmp_path / ".local/state/conure"
    assert folder_in_use(service, stand_in=True) == tmp_path
