"""Twenty restarts in a row: nothing that a process leaves behind hinders the next."""

from __future__ import annotations

from machine import UNIT, shown, state, systemctl, wait_for


def test_twenty_restarts_in_a_row() -> None:
    for _ in range(20):
        assert systemctl("restart", UNIT) == 0
    wait_for(lambda: state() == "idle", "idle")
    assert (shown("ActiveState"), shown("NRestarts")) == ("active", "0")
