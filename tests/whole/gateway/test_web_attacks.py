"""The gateway holds against all that is tried; `scripts/attack-web` tries the same against a running one."""

from __future__ import annotations

from pathlib import Path

import pytest
from attacks.trials import ATTACKS, Target, run_all
from web_house import ToldSpeaker, running_house

from daemon.web.gate.gate import COOKIE


async def test_every_attack_is_held_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    speaker = ToldSpeaker()
    async with running_house(tmp_path, speaker) as house:
        secret = house.cookie("attacker")["Cookie"].removeprefix(f"{COOKIE}=")
        target = Target(house.origin, secret, f"http://localhost:{house.seeds_port}")
        failed = [(name, wrong) async for name, wrong in run_all(target) if wrong]
        assert failed == []
        assert [device.name for device in house.devices.all()] == ["attacker"]
    assert speaker.asked == [], "nothing of it reached the speaker"
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert len({one.name for one in ATTACKS}) == len(ATTACKS) > 70
