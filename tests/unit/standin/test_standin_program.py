"""`conure standin` as a process."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def program(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The program with one good key, a log and a record; ended by the test."""
    command = [sys.executable, "-m", "daemon", "standin", "--write-ca", str(tmp_path / "ca.pem")]
    command += ["--key", "right", "--log", "--record", str(tmp_path / "record.jsonl")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def ask_for_token(base_url: str, key: str, ca_file: Path) -> int:
    """The status of `POST auth_tokens` with this key."""
    request = urllib.request.Request(  # noqa: S310 - a stand-in on loopback
        f"{base_url}/v1alpha/auth_tokens", data=b"{}", headers={"x-goog-api-key": key}
    )
    try:
        with urllib.request.urlopen(  # noqa: S310 - the same
            request, context=ssl.create_default_context(cafile=ca_file), timeout=10
        ) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_it_refuses_other_keys_and_tells_of_it(program: subprocess.Popen[str], tmp_path: Path) -> None:
    assert program.stdout is not None and program.stderr is not None
    started, node = program.stdout.readline(), program.stdout.readline()
    assert "GEMINI_API_KEY=right conure run" in started
    assert node.startswith(f"Node: NODE_EXTRA_CA_CERTS={tmp_path / 'ca.pem'}, and new GoogleGenAI(")
    base_url = started.split()[0].partition("=")[2]
    assert f"baseUrl: '{base_url}'" in node
    statuses = [ask_for_token(base_url, key, tmp_path / "ca.pem") for key in ("wrong", "right")]
    assert statuses == [400, 200]
    program.send_signal(signal.SIGINT)
    told = program.stderr.read().splitlines()
    assert "connection 1: refused with HTTP 400" in told
    assert "connection 2: answered with HTTP 200" in told
    lines = (tmp_path / "record.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["connected", "closed"] * 2
