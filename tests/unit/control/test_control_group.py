"""The gateway's group may connect in the service's sandbox too, where nothing can be given to a group."""

from __future__ import annotations

import grp
import os
import stat
from pathlib import Path

import pytest

from daemon.control.server import listen

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to a group of its choice")
OURS = grp.getgrgid(os.getgid()).gr_name
OTHER = 12_345


def mode_and_group(folder: Path) -> tuple[int, int]:
    with listen(folder / "control.sock"):
        found = (folder / "control.sock").stat()
    return stat.S_IMODE(found.st_mode), found.st_gid


@AS_ROOT
@pytest.mark.parametrize(
    ("folder_group", "mode"),
    [(os.getgid(), 0o660), (65534, 0o660), (OTHER, 0o600)],
    ids=["its number is known", "it has none in the sandbox", "another group's folder"],
)
def test_in_a_folder_of_the_groups_the_socket_is_the_groups_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder_group: int, mode: int
) -> None:
    """As the unit makes it, for the sandbox lets nobody give a file to a group."""
    monkeypatch.setattr("daemon.control.server.GATEWAY_GROUP", OURS)
    os.chown(tmp_path, -1, folder_group)
    tmp_path.chmod(0o2755)
    assert mode_and_group(tmp_path) == (mode, folder_group)
