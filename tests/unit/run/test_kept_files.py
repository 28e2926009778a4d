"""One process at a time keeps state in a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.config.board import sound_devices
from daemon.config.settings import Settings
from daemon.errors import AlreadyRunning
from daemon.hearing.frontend.known_path import FILE, NOTHING_KNOWN, VERSION, KnownPath, start_content
from daemon.run.kept_files import folder_in_use, load_known_path, sole_use
from daemon.runtime.store import Store


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


def test_the_sound_check_s_outcome_is_read_for_these_devices_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, settings, measured = Store(tmp_path), Settings(), KnownPath(hidden_s=0.1, distortion=0.02)
    assert load_known_path(None, settings) is NOTHING_KNOWN
    assert load_known_path(store, settings) is NOTHING_KNOWN
    content = {"version": VERSION, "devices": sound_devices(settings), "start": start_content(measured)}
    caplog.set_level("INFO")
    store.keep(FILE, content)
    assert load_known_path(store, settings) == measured
    assert "starting from the sound check: KnownPath(hidden_s=0.1" in caplog.text
    store.keep(FILE, content | {"devices": {"mic": ["another"]}})
    assert load_known_path(store, settings) is NOTHING_KNOWN
    assert "other devices or ports" in caplog.text
    assert (tmp_path / FILE).exists(), "the old card may come back"
    (tmp_path / FILE).write_text("{")
    assert load_known_path(store, settings) is NOTHING_KNOWN
