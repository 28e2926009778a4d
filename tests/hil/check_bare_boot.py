"""A boot without network, without a sound card, and with a clock that is wrong by years."""

from __future__ import annotations

import time

import machine
from machine import Button, Lamp, answered, ask, blinks, seen, shown, speak, state, wait_for

RETRY_S = 10.0
"""board.retry_s of the configuration under test."""


def test_it_comes_up_and_says_what_is_missing() -> None:
    assert time.time() < 1_780_000_000, "the clock was to be wrong"  # May 2026
    wait_for(lambda: shown("ActiveState") == "active", "READY without a card")
    assert "no capture device" in shown("StatusText")
    samples = Lamp().watch(10.0)
    assert seen(samples) == {"red"}
    assert set(blinks(samples)) == {3}


def test_it_waits_longer_than_for_a_card_that_fails() -> None:
    time.sleep(RETRY_S + 20)
    assert (shown("ActiveState"), shown("NRestarts")) == ("active", "0")
    assert "no capture device" in shown("StatusText")


def test_a_card_that_comes_later_is_taken() -> None:
    machine.run("hardware", "card-in")
    took_s = wait_for(lambda: ask("status")["light"] == "offline", "only the network is missing now")
    print(f"taken after {took_s:.1f} s")
    assert shown("NRestarts") == "0"


def test_what_is_said_without_a_network_is_answered_when_there_is_one() -> None:
    Button().tap()
    wait_for(lambda: state() == "listening", "listening")
    speak()
    wait_for(lambda: state() == "sending", "what was said waits")
    machine.run("hardware", "network-in")
    answered(0)
