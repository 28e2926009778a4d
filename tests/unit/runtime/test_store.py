"""State files are whole or the old ones, private, and never the reason why the speaker stops."""

from __future__ import annotations

import errno
import json
import logging
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from daemon.runtime.store import LIMIT_BYTES, Store, state_folder

NAME = "usage.json"


def as_is(data: Any) -> Any:
    return data


def refused(data: Any) -> Any:
    raise ValueError("not what it should be")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class Disk:
    """Lets fsync fail as a full or broken disk does, and notes what was forced to the disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error: OSError | None = None
        self.forced: list[str] = []
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self.fsync)

    def fsync(self, handle: int) -> None:
        if self.error is not None:
            raise self.error
        self.forced.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        self._fsync(handle)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "conure"


def lines(caplog: pytest.LogCaptureFixture, level: int = logging.WARNING) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= level]


class TestWhere:
    def test_the_service_says_it(self) -> None:
        env = {"STATE_DIRECTORY": "/var/lib/conure:/var/lib/other", "HOME": "/home/pi"}
        assert state_folder(env) == Path("/var/lib/conure")

    def test_a_user_has_it_where_xdg_says(self) -> None:
        assert state_folder({"XDG_STATE_HOME": "/s", "HOME": "/home/pi"}) == Path("/s/conure")
        home = Path("/home/pi/.local/state/conure")
        assert state_folder({"XDG_STATE_HOME": "relative", "HOME": "/home/pi"}) == home
        assert state_folder({"HOME": "/home/pi"}) == home

    def test_nowhere_without_a_home(self) -> None:
        assert state_folder({}) is None


class TestSaving:
    def test_comes_back(self, folder: Path) -> None:
        assert Store(folder).keep(NAME, {"a": 1})
        assert Store(folder).load(NAME, as_is) == {"a": 1}

    def test_nobody_else_may_read_it(self, folder: Path) -> None:
        before = os.umask(0)
        try:
            Store(folder).keep(NAME, {"a": 1})
        finally:
            os.umask(before)
        assert (mode_of(folder), mode_of(folder / NAME)) == (0o700, 0o600)

    def test_forces_the_content_and_then_its_name_to_the_disk(self, folder: Path, disk: Disk) -> None:
        Store(folder).keep(NAME, {"a": 1})
        assert disk.forced == [f".{NAME}.part", "conure"]

    def test_leaves_nothing_else_behind(self, folder: Path) -> None:
        store = Store(folder)
        store.keep(NAME, {"a": 1})
        store.keep(NAME, {"a": 2})
        assert [path.name for path in folder.iterdir()] == [NAME]

    def test_goes_on_where_a_power_cut_left_half_a_file(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / f".{NAME}.part").write_text('{"a": ')
        store = Store(folder)
        assert store.load(NAME, as_is) is None
        assert store.keep(NAME, {"a": 2})
        assert store.load(NAME, as_is) == {"a": 2}

    def test_of_nothing_removes_the_file(self, folder: Path) -> None:
        store = Store(folder)
        store.keep(NAME, {"a": 1})
        assert store.keep(NAME, None)
        assert store.keep(NAME, None)
        assert not (folder / NAME).exists()


class TestAFullDisk:
    def test_keeps_the_old_content_and_no_half_file(self, folder: Path, disk: Disk) -> None:
        store = Store(folder)
        store.keep(NAME, {"a": 1})
        disk.error = OSError(errno.ENOSPC, "No space left on device")
        assert not store.keep(NAME, {"a": 2})
        assert [path.name for path in folder.iterdir()] == [NAME]
        assert json.loads((folder / NAME).read_text()) == {"a": 1}

    def test_is_logged_once_for_an_episode_and_counted_each_time(
        self, folder: Path, disk: Disk, caplog: pytest.LogCaptureFixture
    ) -> None:
        store = Store(folder)
        disk.error = OSError(errno.ENOSPC, "No space left on device")
        for _ in range(3):
            store.keep(NAME, {"a": 1})
        assert len(lines(caplog)) == 1
        assert "No space left" in lines(caplog)[0]
        disk.error = None
        assert store.keep(NAME, {"a": 1})
        disk.error = OSError(errno.ENOSPC, "No space left on device")
        store.keep(NAME, {"a": 2})
        assert len(lines(caplog)) == 2
        assert store.failures == 4

    def test_a_directory_that_cannot_be_made_is_no_worse(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        store = Store(tmp_path / "file" / "conure")
        assert not store.keep(NAME, {"a": 1})
        assert store.failures == 1


class TestLoading:
    def test_of_no_file_says_nothing(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        assert Store(folder).load(NAME, as_is) is None
        assert not caplog.records

    @pytest.mark.parametrize(
        "content",
        [b"", b'{"a": ', b"\xff\xfe\x00", b"[" * 60_000, b'"' + b"x" * LIMIT_BYTES + b'"', bytes(4096)],
        ids=["empty", "cut", "no text", "deep", "long", "zeros"],
    )
    def test_of_a_corrupt_file_starts_afresh_and_keeps_it_aside(
        self, folder: Path, content: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        folder.mkdir(parents=True)
        (folder / NAME).write_bytes(content)
        assert Store(folder).load(NAME, as_is) is None
        assert (folder / f"{NAME}.bad").read_bytes() == content
        assert not (folder / NAME).exists()
        assert len(lines(caplog)) == 1
        assert f"{NAME}.bad" in lines(caplog)[0]

    def test_of_a_file_with_another_meaning_keeps_it_aside_too(
        self, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        Store(folder).keep(NAME, {"a": 1})
        assert Store(folder).load(NAME, refused) is None
        assert json.loads((folder / f"{NAME}.bad").read_text()) == {"a": 1}
        assert "not what it should be" in lines(caplog)[0]

    def test_of_what_cannot_even_be_moved_starts_afresh(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "file").write_text("")
        assert Store(tmp_path / "file").load(NAME, as_is) is None
        assert len(lines(caplog)) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_what_root_keeps_belongs_to_whom_the_folder_belongs_to(folder: Path) -> None:
    folder.mkdir(parents=True)
    os.chown(folder, 1234, 2345)
    assert Store(folder).keep(NAME, {"days": 1})
    found = (folder / NAME).stat()
    assert (found.st_uid, found.st_gid, mode_of(folder / NAME)) == (1234, 2345, 0o600)
