"""Holding back what sound libraries print."""

from __future__ import annotations

import os

import pytest

from hw.sound.quiet import STDERR, quiet_stderr


def test_chatter_is_held_back_and_news_is_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_stderr() as chatter:
        os.write(STDERR, b"ALSA lib conf.c:5180: no such card\n")
        os.write(STDERR, b"conure: something that matters\n")
        os.write(STDERR, b"jack server is not running or cannot be started\n")
    assert capfd.readouterr().err == "conure: something that matters\n"
    assert chatter[0].startswith("ALSA lib")
    assert len(chatter) == 2


def test_afterwards_standard_error_is_what_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), quiet_stderr():
        raise ZeroDivisionError
    os.write(STDERR, b"ALSA lib: said later\n")
    assert capfd.readouterr().err == "ALSA lib: said later\n"
