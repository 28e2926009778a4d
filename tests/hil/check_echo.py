"""The microphone hears the speaker, over the kernel's loopback card: real ALSA, the installed service."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator

import machine
import pytest
from echo import Echo
from machine import Button, answered, ask, fresh_start, state, systemctl, turns, wait_for

CONURE = "/opt/conure/current/bin/conure"
MEASURED = machine.STATE / "sound.json"

INTERRUPT_AFTER_S = 0.8
"""The reply has sounded for so long; it lasts for more than three seconds."""


@pytest.fixture
def echo() -> Iterator[Echo]:
    if state() != "idle" or ask("status")["muted"]:
        fresh_start()
    with Echo() as echo:
        yield echo
    ask("stop")
    wait_for(lambda: state() == "idle", "idle")


def begin_reply(echo: Echo) -> None:
    """Ask something; returns when the answer sounds."""
    Button().tap()
    wait_for(lambda: state() == "listening", "listening")
    echo.say(machine.SENTENCE)
    wait_for(lambda: state() == "speaking", "speaking")


def test_it_cancels_its_echo_and_does_not_answer_itself(echo: Echo) -> None:
    before, seen = len(turns()), set()

    def reply_is_over() -> bool:
        status = ask("status")
        seen.add(status["front_end"]["echo"])
        return status["state"] not in ("speaking", "thinking")

    begin_reply(echo)
    wait_for(reply_is_over, "the reply is over")
    answered(before)
    time.sleep(2.0)  # what is left of the echo could begin a turn until the conversation closes
    status = ask("status")
    print(seen, status["front_end"], status["counters"])
    assert "cancelling" in seen
    assert len(turns()) == before + 1
    assert status["state"] in ("follow_up", "idle")
    assert status["counters"]["echo_self_interruptions"] == 0


def test_somebody_who_speaks_over_the_reply_interrupts_it(echo: Echo) -> None:
    before = len(turns())
    begin_reply(echo)
    time.sleep(INTERRUPT_AFTER_S)
    assert state() == "speaking"
    echo.say(machine.SENTENCE)
    took_s = wait_for(lambda: state() == "listening", "listening")
    wait_for(lambda: len(turns()) > before, "the turn that was cut is over")
    print(f"listening {took_s:.2f} s after the first word", turns()[-1])
    assert turns()[-1]["outcome"] == "cut"
    answered(before + 1)


def test_the_sound_check_measures_the_loopback_and_the_service_starts_from_it(echo: Echo) -> None:
    systemctl("stop", machine.UNIT)
    try:
        done = subprocess.run(
            [CONURE, "doctor", "--offline", "--sound", "--json"],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
        )
        [finding] = [one for one in json.loads(done.stdout)["findings"] if one["check"] == "loopback"]
        print(finding)
        assert finding["mark"] == "fine"
        kept = json.loads(MEASURED.read_text())
        assert kept["start"]["heard"] is True
        assert kept["path"]["coupling_db"] == pytest.approx(echo.gain_db, abs=1.5)
        assert (MEASURED.owner(), MEASURED.stat().st_mode & 0o777) == ("conure", 0o600)
    finally:
        fresh_start()
    begin_reply(echo)
    MEASURED.unlink()
