"""Real TCP over a real, broken path: each scenario of `real_network.py` in a network namespace of its own."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from places import ROOT

HERE = Path(__file__).parent

NOTICE_LIMIT_S = 5.0
"""A path that is gone in a turn is noticed within this (evidence-from-tcp.md)."""

BACK_LIMIT_S = 5.0
"""And the daemon is back within this of the path's return."""

BUSY_MACHINE_S = 1.0
"""What a loaded machine may add to a limit, so that this stays a test of behaviour and not of the machine."""


def can_break_loopback() -> bool:
    """Whether this machine lets us make a network namespace and a token bucket in it."""
    words = "ip link set lo up && tc qdisc add dev lo root tbf rate 8bit burst 32 limit 32"
    if not all(shutil.which(name) for name in ("unshare", "ip", "tc")):
        return False
    command = ["unshare", "--map-root-user", "--net", "sh", "-c", words]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.skipif(not can_break_loopback(), reason="no network namespaces or no token bucket here"),
    pytest.mark.slow,
]


async def play(scenario: str) -> dict[str, Any]:
    """Play one scenario; what it tells."""
    process = await asyncio.create_subprocess_exec(
        "unshare", "--map-root-user", "--net", sys.executable, str(HERE / "real_network.py"), scenario,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": f"{ROOT}:{ROOT / 'tests/support'}"},
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-3000:]
    told: dict[str, Any] = json.loads(out)
    return told


@pytest.mark.parametrize("scenario", ["half_open_listening", "half_open_thinking", "away_20_s"])
async def test_a_path_that_vanishes_before_the_answer_costs_time_and_no_word(scenario: str) -> None:
    told = await play(scenario)
    assert told["outcomes"] == ["answered"]
    assert told["whole"][-1] is True
    assert told["deaf_s"] < NOTICE_LIMIT_S + BUSY_MACHINE_S
    assert told["back_s"] < BACK_LIMIT_S + BUSY_MACHINE_S


async def test_a_path_that_vanishes_in_mid_reply_leaves_what_was_received_and_a_tone() -> None:
    told = await play("half_open_speaking")
    assert told["outcomes"] == ["short"]
    assert told["earcons"][-1] == "error"
    assert told["deaf_s"] < NOTICE_LIMIT_S + BUSY_MACHINE_S


async def test_a_path_that_crawls_is_not_taken_for_a_dead_one() -> None:
    told = await play("slow_link")
    assert told["outcomes"] == ["answered"]
    assert told["whole"] == [True]
    assert told["connections"] == 1


async def test_a_name_that_is_not_found_is_a_lost_network() -> None:
    told = await play("no_name")
    assert "cannot be reached" in told["problem"]
    assert "dns" in told["problem"]
