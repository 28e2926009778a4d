"""`conure listen` and `conure tone` over a sound server that nobody else uses: its devices begin late."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pulse import PrivatePulse

from daemon.cli.main import main


@pytest.fixture
def idle_pulse(pulse: PrivatePulse) -> Iterator[PrivatePulse]:
    pulse.leave_alone()
    yield pulse
    pulse.kill()
    pulse.start()


@pytest.mark.slow
@pytest.mark.parametrize("argv", [["listen", "--seconds", "0.5"], ["tone", "test"]])
def test_each_part_can_be_tried_alone_where_the_server_works_two_seconds_ahead(
    idle_pulse: PrivatePulse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argv: list[str],
) -> None:
    monkeypatch.setenv("CONURE_SOCKET", str(tmp_path / "none.sock"))
    monkeypatch.setattr("daemon.config.load.SYSTEM_FILE", tmp_path / "none.toml")
    status = main([*argv, "--board", "generic"])
    assert (status, capsys.readouterr().err) == (0, "")
