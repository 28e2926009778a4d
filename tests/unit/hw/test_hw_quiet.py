"""Holding back what sound libraries print."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from places import ROOT

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


OWN_MESSAGES = """
import os, sys
from hw.sound.quiet import keep_stderr_apart, quiet_stderr, restore_stderr
keep_stderr_apart()
with quiet_stderr():
    os.write(2, b"ALSA lib conf.c: no such card\\n")
    print("conure: told at once", file=sys.stderr)
    if "successor" in sys.argv:
        restore_stderr()
        os.execlp("sh", "sh", "-c", "echo successor >&2")
    os.abort()  # as when a library hangs: the block never ends
"""


def test_own_messages_are_seen_while_standard_error_is_diverted() -> None:
    done = subprocess.run([sys.executable, "-c", OWN_MESSAGES], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == "conure: told at once\n"


def test_a_successor_has_standard_error_back() -> None:
    command = [sys.executable, "-c", OWN_MESSAGES, "successor"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == "conure: told at once\nsuccessor\n"
