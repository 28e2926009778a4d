"""The unit file against the program that it starts. What systemd makes of it is shown by tests/hil."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from places import ROOT

from daemon.config.load import CREDENTIAL, SYSTEM_FILE
from daemon.config.settings import BoardSettings
from daemon.control.client import SYSTEM_SOCKET
from daemon.errors import EX_CONFIG
from daemon.run.refusal import SHOWN_S
from daemon.runtime.ending import GRACE_S
from daemon.runtime.patience import ABSENT_PAUSE_S
from daemon.runtime.supervision import watchdog_interval_s
from daemon.runtime.threads import JOIN_TIMEOUT_S

SYSTEMD = ROOT / "systemd"
UNIT = SYSTEMD / "conure.service"
EXPOSURE_LIMIT = 1.5


def settings_of(unit: Path) -> dict[str, list[str]]:
    """The values of each key, in order."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^([A-Za-z]+)=(.*)$", unit.read_text("utf-8"), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


@pytest.fixture(scope="module")
def unit() -> dict[str, list[str]]:
    return settings_of(UNIT)


def seconds(unit: dict[str, list[str]], name: str) -> float:
    return float(unit[name][-1])


def test_a_start_may_take_as_long_as_a_device_is_tried_or_a_refusal_shown(unit: dict[str, list[str]]) -> None:
    assert seconds(unit, "TimeoutStartSec") > BoardSettings().retry_s + 10
    assert seconds(unit, "TimeoutStartSec") > SHOWN_S + 10


def test_an_end_may_take_as_long_as_the_threads_are_waited_for(unit: dict[str, list[str]]) -> None:
    assert seconds(unit, "TimeoutStopSec") > 2 * JOIN_TIMEOUT_S + GRACE_S


def test_the_watchdog_leaves_time_for_a_look_at_absent_devices(unit: dict[str, list[str]]) -> None:
    watchdog_s = seconds(unit, "WatchdogSec")
    assert watchdog_s >= 20
    assert watchdog_interval_s({"WATCHDOG_USEC": f"{watchdog_s * 1e6:.0f}"}) > ABSENT_PAUSE_S


def test_what_cannot_work_is_not_tried_again_and_all_else_is_for_ever(unit: dict[str, list[str]]) -> None:
    assert unit["RestartPreventExitStatus"] == [f"2 {EX_CONFIG}"]
    assert unit["Restart"] == ["on-failure"]
    assert unit["StartLimitIntervalSec"] == ["0"]


def test_a_tool_that_is_killed_for_memory_takes_nothing_along(unit: dict[str, list[str]]) -> None:
    assert unit["OOMPolicy"] == ["continue"]


def test_it_does_not_wait_for_the_network(unit: dict[str, list[str]]) -> None:
    ordering = " ".join(unit.get("After", []) + unit.get("Wants", []) + unit.get("Requires", []))
    assert "network" not in ordering


def test_folders_and_credential_are_those_that_the_program_looks_for(unit: dict[str, list[str]]) -> None:
    assert unit["LoadCredential"] == [CREDENTIAL]
    assert Path("/run", unit["RuntimeDirectory"][0]) == SYSTEM_SOCKET.parent
    assert Path("/etc", unit["ConfigurationDirectory"][0]) == SYSTEM_FILE.parent
    assert f"u {unit['User'][0]} " in (SYSTEMD / "conure.sysusers.conf").read_text("utf-8")


def test_every_group_of_the_service_is_debians_or_made(unit: dict[str, list[str]]) -> None:
    made = re.findall(r"^g (\w+)", (SYSTEMD / "conure.sysusers.conf").read_text("utf-8"), re.MULTILINE)
    assert set(unit["SupplementaryGroups"][0].split()) == {"audio", *made}


def exposure_of(unit: Path) -> float:
    """How much systemd thinks the unit leaves open, of 10. Skips where it cannot be asked."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not here")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    level = re.search(rf"Overall exposure level for {re.escape(unit.name)}: ([\d.]+)", done.stdout)
    assert level is not None, done.stderr
    return float(level[1])


def test_the_exposure_level_is_low() -> None:
    assert exposure_of(UNIT) <= EXPOSURE_LIMIT
