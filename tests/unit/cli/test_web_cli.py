"""The gateway is an extra: without it the command says what to do, and the speaker never loads any of it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.cli import web
from daemon.cli.main import main
from daemon.errors import EX_CONFIG

GATEWAY = (
    "starlette",
    "uvicorn",
    "multipart",
    "segno",
    "tomlkit",
    "prometheus_client",
    "av",
    "daemon.web",
    "aiomqtt",
    "paho",
    "daemon.home",
    "daemon.conductor.agreement",
)

RUN = """
import sys
from daemon.cli.main import main
status = main(["run", "--once", "--standin", "--board", "simulated"])
print("ended with", status, "and has", *[name for name in {names} if name in sys.modules])
"""


def test_without_the_extra_the_command_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(web, "find_spec", lambda name: None if name == "uvicorn" else found(name))
    assert main(["web"]) == EX_CONFIG
    assert "there is no uvicorn): sudo scripts/install --with web" in capsys.readouterr().err


def test_an_idle_gateway_has_not_loaded_what_only_talks_need() -> None:
    """They are half of its memory."""
    needed = (
        "numpy",
        "cryptography",
        "google.genai",
        "pydantic",
        "soxr",
        "av",
        "tomlkit",
        "daemon.run",
        "daemon.doctor",
    )
    code = f"import sys\nimport daemon.web.run\nprint(*[name for name in {needed} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_speaker_that_ran_has_loaded_nothing_of_it(tmp_path: Path) -> None:
    """With everything of the gateway installed: google-genai loads what it finds of some libraries."""
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CONURE_SOCKET": str(tmp_path / "socket")}
    command = [sys.executable, "-c", RUN.format(names=GATEWAY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=60)
    assert done.stdout.splitlines()[-1] == "ended with 0 and has"
