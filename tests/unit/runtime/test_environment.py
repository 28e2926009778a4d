"""A key that came by environment can be read there by no other program once it has been taken out."""

from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = """
import os, subprocess, sys
from daemon.runtime.environment import erase
print(erase(["GEMINI_API_KEY", "GOOGLE_API_KEY"], os.environ))
parent = f"/proc/{os.getpid()}/environ"
subprocess.run([sys.executable, "-c", f"print(open({parent!r}).read().replace(chr(0), ' '))"])
print(os.environ.get("GEMINI_API_KEY"), os.environ["OTHER"])
"""


def test_another_process_does_not_find_what_was_erased() -> None:
    env = {**os.environ, "GEMINI_API_KEY": "AIzaSyMadeUp", "OTHER": "stays"}
    env.pop("GOOGLE_API_KEY", None)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=True, timeout=60
    )
    returned, seen, left = done.stdout.splitlines()[0], done.stdout, done.stdout.splitlines()[-1]
    assert returned == "{'GEMINI_API_KEY': 'AIzaSyMadeUp'}"
    assert seen.count("AIzaSyMadeUp") == 1
    assert "OTHER=stays" in seen
    assert left == "None stays"
